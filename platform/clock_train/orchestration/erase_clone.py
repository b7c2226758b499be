"""Erases what a clone made, and never a recording or a corpus; leaves a list of what was removed.

    python -m clock_train.orchestration.erase_clone --store s3://bucket --namespace voices --uid UID --name anna

Runs, checkpoints, logs, results of stages, bundles and tracked runs. Safe to run twice: what is gone is not missed, and
the receipt of an interrupted run is gone on with. The signed form of the receipt comes with the consent work.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime

from clock_train.errors import ClockTrainError, StorageDamaged, StorageNotFound
from clock_train.orchestration.attempts import attempts_of
from clock_train.orchestration.run_tracking import PREFIX_TAG
from clock_train.storage.commits import MARKER, read_marker
from clock_train.storage.opening import Storage, open_storage
from clock_train.storage.places import RunPlace, bundle_prefix, receipt_key


@dataclass
class Receipt:
    """What was removed."""

    clone: str
    uid: str
    objects: dict[str, dict[str, object]] = field(default_factory=dict)
    """Key → bytes, and the sha256 where a marker said it."""
    tracked_runs: list[str] = field(default_factory=list)

    def to_json(self, *, is_complete: bool) -> bytes:
        """The receipt's bytes."""
        values = {
            "clone": self.clone,
            "uid": self.uid,
            "writtenAt": datetime.now(UTC).isoformat(timespec="seconds"),
            "complete": is_complete,
            "objects": self.objects,
            "trackedRuns": self.tracked_runs,
            "kept": "recordings and corpora: a clone never erases them",
        }
        return (json.dumps(values, indent=1, sort_keys=True) + "\n").encode()


def erase_clone(storage: Storage, *, namespace: str, uid: str, name: str, tracking_uri: str | None) -> Receipt:
    """Erase a clone's runs and bundles from the store and the tracker.

    Raises:
        ClockTrainError: the store or the tracker did not do it; run it again.
    """
    key, run_prefix = receipt_key(namespace, uid), RunPlace(uid=uid, namespace=namespace).run_prefix
    receipt = _begun(storage, key, name, uid)
    prefixes = [bundle_prefix(namespace, digest) for digest in _bundles(storage, run_prefix, namespace)] + [run_prefix]
    for prefix in prefixes:
        receipt.objects |= _listed(storage, prefix)
    # written before anything is removed: a cut-off run still says what it meant to remove
    storage.put(key, receipt.to_json(is_complete=False))
    if tracking_uri:
        from clock_train.tracking.mlflow_run import delete_runs

        receipt.tracked_runs += delete_runs(tracking_uri, PREFIX_TAG, f"{run_prefix}/")
    for prefix in prefixes:
        storage.delete_prefix(prefix)
    left = [item.key for prefix in prefixes for item in storage.list(prefix)]
    storage.put(key, receipt.to_json(is_complete=not left))
    return receipt


def _begun(storage: Storage, key: str, name: str, uid: str) -> Receipt:
    try:
        old = json.loads(storage.get(key))
        return Receipt(name, uid, dict(old["objects"]), list(old["trackedRuns"]))
    except (StorageNotFound, ValueError, KeyError, TypeError):
        return Receipt(name, uid)


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


def _listed(storage: Storage, prefix: str) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = {item.key: {"bytes": item.size_bytes} for item in storage.list(prefix)}
    for key in [key for key in found if key.endswith(f"/{MARKER}")]:
        folder = key.removesuffix(f"/{MARKER}")
        try:
            record = read_marker(storage, folder)
        except (StorageDamaged, StorageNotFound):
            continue
        for name, digest in record.files.items():
            if record.key(name) in found:
                found[record.key(name)]["sha256"] = digest.sha256
    return found


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
            namespace=asked.namespace,
            uid=asked.uid,
            name=asked.name,
            tracking_uri=os.environ.get("MLFLOW_TRACKING_URI"),
        )
    except ClockTrainError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(json.dumps({"objects": len(receipt.objects), "trackedRuns": len(receipt.tracked_runs)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
