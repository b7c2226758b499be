"""Erasing what a clone made: all of it, nothing else, with a receipt, and again after being cut off."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from clock_train.erasure.verifying import verify_receipt
from clock_train.errors import ErasureRemains, StorageUnreachable
from clock_train.issuing.installation import Installation
from clock_train.orchestration.attempts import start_attempt
from clock_train.orchestration.checkpoint_store import CheckpointStore
from clock_train.orchestration.erase_clone import erase_clone
from clock_train.storage.folder import FolderStorage
from clock_train.storage.places import RunPlace

NOW = datetime(2026, 11, 24, tzinfo=UTC)
CARD = b'{"name": "anna"}'
DIGEST = hashlib.sha256(CARD).hexdigest()


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    """Two clones of one namespace, a corpus, and a clone of another namespace."""
    made = FolderStorage(tmp_path / "store")
    for namespace, uid in (("voices", "u1"), ("voices", "u2"), ("others", "u1")):
        for attempt in (1, 2):
            place = RunPlace(uid=uid, namespace=namespace, attempt=attempt)
            start_attempt(made, place)
            CheckpointStore(made, place).save(10, {"weights": b"w" * 10})
            made.put(f"{place.prefix}/logs/x-driver-1/000000", b"a log")
    made.commit(f"voices/bundles/{DIGEST}", {"voice.json": CARD}, committed_at=NOW)
    made.commit("voices/bundles/" + "cd" * 32, {"voice/voice.json": b"{}"}, committed_at=NOW)
    made.put("voices/runs/u1/attempt-2/stages/export/bundle/voice.json", CARD)
    made.put("voices/corpora/anna/files/md5/ab/cdef", b"sound")
    return made


def erase(storage: FolderStorage) -> None:
    erase_clone(storage, store=str(storage.root), namespace="voices", uid="u1", name="anna", tracking_uri=None)


def objects(receipt: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["key"]: each for each in receipt["objects"]}


def test_everything_that_the_clone_made_goes_and_nothing_else(storage: FolderStorage) -> None:
    before = {item.key for item in storage.list("")}
    erase(storage)
    after = {item.key for item in storage.list("")}
    gone = before - after
    assert gone == {k for k in before if k.startswith(("voices/runs/u1/", f"voices/bundles/{DIGEST}/"))}
    assert after - before == {"voices/receipts/u1.json"}


def test_the_receipt_names_each_object_with_its_hash(storage: FolderStorage) -> None:
    before = {i.key: i.size_bytes for i in storage.list("voices/runs/u1")}
    erase(storage)
    receipt = json.loads(storage.get("voices/receipts/u1.json"))
    assert receipt["complete"] and receipt["asked"]["scope"] == "clone" and receipt["asked"]["name"] == "anna"
    assert [kept["what"] for kept in receipt["kept"]] == ["recordings and corpora"]
    assert {k: objects(receipt)[k]["bytes"] for k in before} == before
    weights = objects(receipt)["voices/runs/u1/attempt-1/checkpoints/step-10/weights"]
    assert len(weights["sha256"]) == 64


class CutOff(FolderStorage):
    """The store goes away in the middle of a deletion."""

    def erase(self, key: str) -> None:
        raise StorageUnreachable("nobody answers")


def test_one_that_was_cut_off_says_so_and_is_finished_by_the_next(storage: FolderStorage) -> None:
    with pytest.raises(StorageUnreachable):
        erase(CutOff(storage.root))
    first = json.loads(storage.get("voices/receipts/u1.json"))
    assert not first["complete"]
    storage.delete_prefix("voices/runs/u1/attempt-1")
    erase(storage)
    second = json.loads(storage.get("voices/receipts/u1.json"))
    assert second["complete"] and objects(second).keys() >= objects(first).keys()
    assert storage.list("voices/runs/u1") == []


def test_a_second_time_finds_nothing_and_keeps_the_receipt(storage: FolderStorage) -> None:
    erase(storage)
    first = json.loads(storage.get("voices/receipts/u1.json"))
    erase(storage)
    assert json.loads(storage.get("voices/receipts/u1.json"))["objects"] == first["objects"]


def test_the_receipt_is_signed_and_proves_that_nothing_is_left(storage: FolderStorage) -> None:
    erase(storage)
    content, trusted = storage.get("voices/receipts/u1.json"), Installation().trusted_keys()
    assert verify_receipt(content, trusted, where="it").looked_up > 10
    storage.put("voices/runs/u1/attempt-1/run.json", b"{}")
    storage.put("voices/runs/u1/attempt-1/logs/x-driver-1/000000", b"again")
    with pytest.raises(ErasureRemains, match="x-driver-1"):
        verify_receipt(content, trusted, where="it")


def test_without_the_installations_key_the_next_run_goes_on_all_the_same(
    storage: FolderStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOCKTRAIN_ISSUING", str(tmp_path / "first"))
    monkeypatch.setenv("CLOCKTRAIN_KEYS", str(tmp_path / "no-keys"))
    with pytest.raises(StorageUnreachable):
        erase(CutOff(storage.root))
    first = json.loads(storage.get("voices/receipts/u1.json"))
    storage.delete_prefix("voices/runs/u1/attempt-1")
    monkeypatch.setenv("CLOCKTRAIN_ISSUING", str(tmp_path / "second"))
    monkeypatch.setenv("CLOCKTRAIN_KEYS", str(tmp_path / "no-keys"))
    erase(storage)
    second = json.loads(storage.get("voices/receipts/u1.json"))
    assert second["signedBy"] != first["signedBy"] and objects(second).keys() == objects(first).keys()


def test_tracked_runs_go_by_their_place_in_the_store(tmp_path: Path, storage: FolderStorage) -> None:
    mlflow = pytest.importorskip("mlflow")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client = mlflow.MlflowClient(tracking_uri=uri)
    experiment = client.create_experiment("clocktrain")
    kept = []
    for prefix in ("voices/runs/u1/attempt-1", "voices/runs/u1/attempt-2", "voices/runs/u10/attempt-1"):
        run = client.create_run(experiment, tags={"clocktrain.prefix": prefix})
        kept += [run.info.run_id] if "u10" in prefix else []
    receipt = erase_clone(storage, store=str(storage.root), namespace="voices", uid="u1", name="anna", tracking_uri=uri)
    assert len(receipt.values()["trackedRuns"]) == 2
    assert [run.info.run_id for run in client.search_runs([experiment])] == kept


def test_the_command_ends_with_2_where_the_store_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    words = ["--store", str(tmp_path / "file"), "--namespace", "voices", "--uid", "u1", "--name", "anna"]
    done = subprocess.run(
        [sys.executable, "-m", "clock_train.orchestration.erase_clone", *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={"PYTHONPATH": "platform"},
    )
    assert done.returncode == 2 and "StorageRootInvalid" in done.stderr
