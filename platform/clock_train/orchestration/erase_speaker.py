"""Erases everything of a speaker in one namespace of the cluster's store and tracker; leaves a signed receipt there.

    python -m clock_train.orchestration.erase_speaker --store s3://bucket --namespace voices --speaker anna \\
        --consent anna-2026 --receipt ID

Recordings and corpora, runs, bundles and tracked runs; bases of several people are retired, not erased. The operator
starts it once a revoked consent's time of grace is over. Safe to run twice, as ``erase_clone``. A speaker's pseudonym
means somebody else in another namespace, so nothing is taken there, in the tracker neither.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from clock_train.audit.signing import Signer
from clock_train.erasure.belonging import Subject
from clock_train.erasure.erasing import Look, carry_out
from clock_train.erasure.in_store import find_in_store
from clock_train.erasure.in_tracker import find_in_tracker
from clock_train.erasure.receipt import SPEAKER, Item, Kept, Receipt
from clock_train.erasure.removing import Remover
from clock_train.erasure.request import settle
from clock_train.erasure.retired_bases import retire_in_store
from clock_train.errors import ClockTrainError, ConfigValueInvalid
from clock_train.issuing.installation import Installation
from clock_train.orchestration.run_tracking import PREFIX_TAG
from clock_train.orchestration.stored_receipt import begun, is_key_missing
from clock_train.storage.opening import Storage, open_storage
from clock_train.storage.places import receipt_key

if TYPE_CHECKING:
    from clock_train.tracking.mlflow_erasing import TrackedRun

_RECEIPT = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,127}")


def erase_speaker(
    storage: Storage,
    *,
    store: str,
    namespace: str,
    speaker: str,
    consent: str,
    receipt_id: str,
    uids: Sequence[str] = (),
    tracking_uri: str | None,
    signer: Signer | None = None,
) -> Receipt:
    """Erase a speaker from one namespace.

    Args:
        storage: opened.
        store: what the receipt calls it, a folder or ``s3://bucket``.
        namespace: of the consent.
        speaker: its pseudonym.
        consent: name of the VoiceConsent that was revoked.
        receipt_id: names the receipt, ``NAMESPACE/receipts/ID.json``.
        uids: of clones that are known to have heard the speaker, also by runs that came to no record of it.
        tracking_uri: MLflow; None where there is none.
        signer: by default the installation's.
    Raises:
        ClockTrainError: the store or the tracker did not do it; run it again.
    """
    if not _RECEIPT.fullmatch(receipt_id):
        raise ConfigValueInvalid(f"{receipt_id[:80]!r} names no receipt; give letters, digits and dashes")
    has_no_key = signer is None and is_key_missing()
    signer = signer or Installation().signer()
    key = receipt_key(namespace, receipt_id)
    receipt = begun(storage, key, signer, takes_any_key=has_no_key) or _new(speaker, consent)
    trackers = [tracking_uri] if tracking_uri else []
    known = {name: set(receipt.looked_in.get(name, [])) for name in ("uids", "voices")}
    receipt.looked_in = {"stores": [store], "namespace": namespace, "trackers": trackers}
    subject = Subject(SPEAKER, speaker)

    def look(receipt: Receipt) -> Look:
        found = find_in_store(storage, store, namespace, subject, uids={*uids, *known["uids"]})
        known["uids"] |= found.uids
        known["voices"] |= found.voices
        receipt.looked_in |= {name: sorted(values) for name, values in known.items()}
        settle(receipt, found)
        for base in receipt.retired_bases:
            retire_in_store(base, speaker, storage, namespace, signer)
        try:
            return Look(
                found.items + (_tracked(tracking_uri, namespace, known["uids"], subject) if tracking_uri else [])
            )
        except ClockTrainError as error:
            return Look(found.items, [error])

    remover = Remover({store: storage})
    return carry_out(receipt, look, lambda content: storage.put(key, content), signer, remover=remover)


def _new(speaker: str, consent: str) -> Receipt:
    why = "consents: they prove what was allowed"
    return Receipt(
        scope=SPEAKER,
        name=speaker,
        reason=f"the VoiceConsent {consent} was revoked",
        consents=[consent],
        asked_at=datetime.now(UTC).isoformat(timespec="seconds"),
        kept=[Kept(what="the VoiceConsent and what was signed with it", why=why)],
    )


def _tracked(uri: str, namespace: str, uids: set[str], subject: Subject) -> list[Item]:
    def is_theirs(run: TrackedRun) -> bool:
        speakers = run.tags.get("clocktrain.speakers", "").split(",")
        place = run.tags.get(PREFIX_TAG, "").split("/")
        return place[0] == namespace and (
            any(uid in uids for uid in place[2:3]) or subject.owns_run(run.name, speakers)
        )

    return find_in_tracker(uri, is_theirs)  # by runs alone: another namespace's voice may have the same name


def main() -> int:
    """One run of the eraser."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for word, text in (
        ("store", "folder or s3://bucket"),
        ("namespace", "of the consent"),
        ("speaker", "pseudonym"),
        ("consent", "name of the VoiceConsent that was revoked"),
        ("receipt", "name of the receipt below NAMESPACE/receipts/"),
    ):
        parser.add_argument(f"--{word}", required=True, help=text)
    parser.add_argument("--uid", action="append", default=[], help="of a clone that heard the speaker; repeatable")
    asked = parser.parse_args()
    try:
        receipt = erase_speaker(
            open_storage(asked.store),
            store=asked.store,
            namespace=asked.namespace,
            speaker=asked.speaker,
            consent=asked.consent,
            receipt_id=asked.receipt,
            uids=asked.uid,
            tracking_uri=os.environ.get("MLFLOW_TRACKING_URI"),
        )
    except ClockTrainError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    values = receipt.values()
    print(json.dumps({name: len(values[name]) for name in ("objects", "trackedRuns", "retiredBases", "madeFromThem")}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
