"""Bases that contain a speaker who was erased: a signed line each, and the refusal of a new voice from one of them.

A base of many people is not erased, since other people's voices are made from it; nothing new starts from it. It is
known by the digest of its card, and by its name with the revision of its corpora, so an export of it is known as well.
The installation keeps a list, and each store that was looked through a record, which the jobs of a cluster read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clock_train.audit.signing import Signer, is_signed
from clock_train.bundle.card import CARD
from clock_train.erasure.belonging import parsed
from clock_train.erasure.in_store import digest_of_card
from clock_train.errors import AuditDamaged, AuditUnwritable, BaseRetired
from clock_train.issuing.installation import Installation
from clock_train.storage.opening import Storage

NAME = "retired-bases.jsonl"


def retire(base: dict[str, str], speaker: str, installation: Installation, signer: Signer) -> None:
    """Keep that a base is retired; a second time changes nothing.

    Raises:
        AuditUnwritable: the installation's folder cannot be written.
        AuditDamaged: what is kept there was altered.
    """
    if any(line["digest"] == base["digest"] for line in retired(installation)):
        return
    line = _line(base, speaker, signer)
    try:
        installation.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (installation.folder / NAME).open("a", encoding="utf-8") as file:
            file.write("\n" + json.dumps(line, ensure_ascii=False) + "\n")  # its own line, also after a torn one
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise AuditUnwritable(
            f'"{installation.folder}" cannot be written ({error.strerror}); mend its permissions or space'
        ) from error


def retire_in_store(base: dict[str, str], speaker: str, storage: Storage, namespace: str, signer: Signer) -> None:
    """Keep the same in a store; a second time changes nothing.

    Raises:
        StorageError: the store does not take it.
    """
    key = f"{_prefix(namespace)}/{base['digest']}.json"
    if not storage.exists(key):
        storage.put(key, (json.dumps(_line(base, speaker, signer), ensure_ascii=False) + "\n").encode())


def retired(installation: Installation) -> list[dict[str, Any]]:
    """Every base that is retired here.

    Raises:
        AuditDamaged: a line was altered.
    """
    path = installation.folder / NAME
    if not path.exists():
        return []
    trusted = installation.trusted_keys()
    lines = [parsed(line) for line in path.read_bytes().splitlines()]  # a torn one is empty
    for line in filter(None, lines):
        if not _is_intact(line, trusted):
            raise AuditDamaged(f'a line of "{path}" was altered, so retired bases are not known; restore it')
    return [line for line in lines if line]


def check_not_retired(
    base: Path, installation: Installation, *, storage: Storage | None = None, namespace: str = "local"
) -> None:
    """Pass where a voice may be fine-tuned from a base.

    Args:
        base: folder of the voice.
        installation: whose list counts.
        storage: of the run, where it is not on this machine; its records count whoever signed them, since a base too
            many that is refused can be trained again.
        namespace: of the run.
    Raises:
        BaseRetired: it contains a speaker who was erased.
    """
    if not (base / CARD).is_file():
        return  # reading it says what is wrong
    content = (base / CARD).read_bytes()
    card, digest = parsed(content), digest_of_card(content)
    same = (str(card.get("name")), str(card.get("corpusRevision") or ""))
    kept = [] if storage is None else storage.list(_prefix(namespace))
    lines = retired(installation) + [parsed(storage.get(item.key)) for item in kept if storage is not None]
    for line in lines:
        if line.get("digest") == digest or (same[1] and (line.get("name"), line.get("corpusRevision")) == same):
            when = str(line.get("time"))[:10]
            raise BaseRetired(
                f'the base "{base}" contains the speaker {line.get("speaker")}, who was erased on {when}; '
                "nothing new starts from it. Train a base without that speaker: clocktrain pretrain"
            )


def _prefix(namespace: str) -> str:
    return f"{namespace}/retired-bases"


def _line(base: dict[str, str], speaker: str, signer: Signer) -> dict[str, Any]:
    line: dict[str, Any] = {name: base[name] for name in ("name", "digest", "corpusRevision")}
    line |= {"speaker": speaker, "time": datetime.now(UTC).isoformat(timespec="seconds")}
    return {**line, "signature": signer.sign(_signed_part(line))}


def _is_intact(line: dict[str, Any], trusted: Sequence[str]) -> bool:
    signature = str(line.get("signature"))
    return "digest" in line and any(is_signed(_signed_part(line), signature, key) for key in trusted)


def _signed_part(line: dict[str, Any]) -> bytes:
    without = {name: value for name, value in line.items() if name != "signature"}
    return json.dumps({"retired": without}, sort_keys=True, ensure_ascii=False).encode()
