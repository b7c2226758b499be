"""What the store says of an attempt: the operator's own look, with the platform's credential, which may only read."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from clock_train.errors import StorageNotFound
from clock_train.storage.commits import MARKER
from clock_train.storage.opening import Storage
from clock_train.storage.places import RunPlace, bundle_prefix
from voiceclone_operator.observed import StoredFacts


def stored_facts(storage: Storage, namespace: str, uid: str, attempt: int) -> StoredFacts:
    """Bundle and newest checkpoint of an attempt, as far as they are committed.

    Raises:
        ClockTrainError: the store does not answer.
    """
    place = RunPlace(uid=uid, namespace=namespace, attempt=attempt)
    digest = _bundle_digest(storage, place.prefix, namespace)
    key, step, time = _newest_checkpoint(storage, place.checkpoints)
    return StoredFacts(
        bundle_key=bundle_prefix(namespace, digest) if digest else None,
        bundle_digest=digest,
        checkpoint_key=key,
        checkpoint_step=step,
        checkpoint_time=time,
    )


def _bundle_digest(storage: Storage, prefix: str, namespace: str) -> str | None:
    exported = _json(storage, f"{prefix}/stages.json").get("Export")
    folder = (exported.get("folders") or {}).get("bundle") if isinstance(exported, dict) else None
    if not isinstance(folder, str) or not folder.startswith(f"{namespace}/"):
        return None
    for card in ("voice.json", "voice/voice.json"):  # the second where an older export kept it
        try:
            digest = hashlib.sha256(storage.get(f"{folder}/{card}")).hexdigest()
        except StorageNotFound:
            continue
        if storage.exists(f"{bundle_prefix(namespace, digest)}/{MARKER}"):
            return digest
    return None


def _newest_checkpoint(storage: Storage, prefix: str) -> tuple[str | None, int | None, str | None]:
    pattern = re.compile(rf"{re.escape(prefix)}/step-(\d{{1,12}})/{MARKER}")
    steps = [int(match[1]) for item in storage.list(prefix) if (match := pattern.fullmatch(item.key))]
    if not steps:
        return None, None, None
    step = max(steps)
    key = f"{prefix}/step-{step}"
    return key, step, str(_json(storage, f"{key}/{MARKER}").get("committed_at", ""))


def _json(storage: Storage, key: str) -> dict[str, Any]:
    try:
        found = json.loads(storage.get(key))
    except (StorageNotFound, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
