"""Erases what a clone made, and never a recording or a corpus; leaves a signed receipt of what was removed.

    python -m clock_train.orchestration.erase_clone --store s3://bucket --namespace voices --uid UID --name anna

Runs, checkpoints, logs, results of stages, bundles and tracked runs. Safe to run twice: what is gone is not missed, and
the receipt of an interrupted run is gone on with. ``CLOCKTRAIN_KEYS`` says where the installation's signing key is;
where it is not, the receipt is signed with a key of this one run, which nobody trusts.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from datetime import UTC, datetime

from clock_train.audit.signing import Signer
from clock_train.erasure.erasing import Look, carry_out
from clock_train.erasure.in_store import object_items
from clock_train.erasure.in_tracker import find_in_tracker
from clock_train.erasure.receipt import CLONE, Item, Kept, Receipt
from clock_train.erasure.removing import Remover
from clock_train.errors import ClockTrainError
from clock_train.issuing.installation import Installation
from clock_train.orchestration.attempts import attempts_of
from clock_train.orchestration.run_tracking import PREFIX_TAG
from clock_train.orchestration.stored_receipt import begun, is_key_missing
from clock_train.storage.commits import MARKER
from clock_train.storage.opening import Storage, open_storage
from clock_train.storage.places import RunPlace, bundle_prefix, receipt_key


def erase_clone(
    storage: Storage,
    *,
    store: str,
    namespace: str,
    uid: str,
    name: str,
    tracking_uri: str | None,
    signer: Signer | None = None,
) -> Receipt:
    """Erase a clone's runs and bundles from the store and the tracker.

    Args:
        storage: opened.
        store: what the receipt calls it, a folder or ``s3://bucket``.
        namespace: of the clone.
        uid: of the clone.
        name: of the clone.
        tracking_uri: MLflow; None where there is none.
        signer: by default the installation's.
    Raises:
        ClockTrainError: the store or the tracker did not do it; run it again.
    """
    has_no_key = signer is None and is_key_missing()
    signer = signer or Installation().signer()
    key, place = receipt_key(namespace, uid), RunPlace(uid=uid, namespace=namespace)
    receipt = begun(storage, key, signer, takes_any_key=has_no_key) or _new(name, uid)
    receipt.looked_in = {"stores": [store], "namespace": namespace, "trackers": [tracking_uri] if tracking_uri else []}
    prefixes = (place.run_prefix, place.student.run_prefix)

    def look(receipt: Receipt) -> Look:
        bundles = [bundle_prefix(namespace, digest) for digest in _bundles(storage, place.run_prefix, namespace)]
        items = [
            item
            for prefix in (*bundles, *prefixes)
            for item in object_items(storage, store, storage.history(prefix), "what the clone made")
        ]
        try:
            return Look(items + (_tracked(tracking_uri, prefixes) if tracking_uri else []))
        except ClockTrainError as error:
            return Look(items, [error])

    remover = Remover({store: storage})
    return carry_out(receipt, look, lambda content: storage.put(key, content), signer, remover=remover)


def _new(name: str, uid: str) -> Receipt:
    why = "a clone's erasure never takes recordings and corpora"
    return Receipt(
        scope=CLONE,
        name=name,
        uid=uid,
        asked_at=datetime.now(UTC).isoformat(timespec="seconds"),
        kept=[Kept(what="recordings and corpora", why=why)],
    )


def _tracked(uri: str, prefixes: tuple[str, ...]) -> list[Item]:
    below = tuple(f"{prefix}/" for prefix in prefixes)
    return find_in_tracker(uri, lambda run: run.tags.get(PREFIX_TAG, "").startswith(below))


def _bundles(storage: Storage, run_prefix: str, namespace: str) -> list[str]:
    """Digests of the bundles that the attempts exported."""
    digests: set[str] = set()
    for number in attempts_of(storage, run_prefix):
        for item in storage.list(f"{run_prefix}/attempt-{number}/stages"):
            if item.key.endswith("/voice.json"):  # its sha256 names the bundle
                digest = hashlib.sha256(storage.get(item.key)).hexdigest()
                if storage.exists(f"{bundle_prefix(namespace, digest)}/{MARKER}"):
                    digests.add(digest)
    return sorted(digests)


def main() -> int:
    """One run of the eraser."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for word, text in (("store", "folder or s3://bucket"), ("namespace", "of the clone"), ("uid", "of the clone")):
        parser.add_argument(f"--{word}", required=True, help=text)
    parser.add_argument("--name", required=True, help="of the clone")
    asked = parser.parse_args()
    try:
        receipt = erase_clone(
            open_storage(asked.store),
            store=asked.store,
            namespace=asked.namespace,
            uid=asked.uid,
            name=asked.name,
            tracking_uri=os.environ.get("MLFLOW_TRACKING_URI"),
        )
    except ClockTrainError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    values = receipt.values()
    print(json.dumps({name: len(values[name]) for name in ("objects", "trackedRuns")}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
