"""Erasing a speaker whose consent was revoked from one namespace: all of it, nobody else's, with a receipt."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from clock_train.erasure.retired_bases import check_not_retired
from clock_train.erasure.verifying import verify_receipt
from clock_train.errors import BaseRetired, ConfigValueInvalid, StorageUnreachable
from clock_train.issuing.installation import Installation
from clock_train.orchestration.erase_speaker import erase_speaker
from clock_train.storage.folder import FolderStorage

NOW = datetime(2026, 11, 24, tzinfo=UTC)
RECEIPT = "voices/receipts/u1-c1.json"


def card(name: str, speakers: list[str], kind: str = "voice", base: str = "") -> bytes:
    training = {"baseDigest": base} if base else {}
    return json.dumps({"name": name, "kind": kind, "speakers": speakers, "training": training}).encode()


BASE = card("base-en", ["anna", "ben"], "base")
ANNA, BEN = card("anna", ["anna"]), card("ben", ["ben"], base=hashlib.sha256(BASE).hexdigest())


def bundle(content: bytes) -> str:
    return f"bundles/{hashlib.sha256(content).hexdigest()}"


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    """A base of both, a voice of each, their runs and corpora; and another Anna in another namespace."""
    made = FolderStorage(tmp_path / "store")
    for namespace in ("voices", "others"):
        for content in (BASE, ANNA, BEN):
            made.commit(f"{namespace}/{bundle(content)}", {"voice.json": content}, committed_at=NOW)
        for uid, speakers in (("u0", ["anna", "ben"]), ("u1", ["anna"]), ("u2", ["ben"])):
            made.put(
                f"{namespace}/runs/{uid}/attempt-1/run.json", json.dumps({"name": uid, "speakers": speakers}).encode()
            )
            made.put(f"{namespace}/runs/{uid}/attempt-1/logs/x-driver-1/000000", b"a log")
        for speaker in ("anna", "ben"):
            push(made, f"{namespace}/corpora/{speaker}", speaker)
    made.put("voices/runs/u1/attempt-2/start.json", b"{}")
    made.put("voices/runs/u3/attempt-1/start.json", b"{}")  # came no further
    return made


def push(storage: FolderStorage, prefix: str, speaker: str) -> None:
    """A revision as DVC keeps it."""
    manifest = json.dumps({"id": "1", "speaker": speaker, "path": "audio/1.flac"}).encode()
    entries = []
    for path, content in {"manifest.jsonl": manifest, "audio/1.flac": f"{speaker} says 1".encode()}.items():
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
        entries.append({"md5": md5, "relpath": path})
        storage.put(f"{prefix}/files/md5/{md5[:2]}/{md5[2:]}", content)
    listing = json.dumps(entries).encode()
    md5 = hashlib.md5(listing, usedforsecurity=False).hexdigest()
    storage.put(f"{prefix}/files/md5/{md5[:2]}/{md5[2:]}.dir", listing)


def erase(storage: FolderStorage, **changes: Any) -> dict[str, Any]:
    asked = {"store": str(storage.root), "namespace": "voices", "speaker": "anna", "consent": "anna-2026"}
    erase_speaker(storage, **{**asked, "receipt_id": "u1-c1", "tracking_uri": None, **changes})
    return json.loads(storage.get(RECEIPT))


def keys(storage: FolderStorage) -> set[str]:
    return {item.key for item in storage.list("")}


def test_everything_of_the_speaker_goes_and_nobody_elses(storage: FolderStorage) -> None:
    before = keys(storage)
    erase(storage)
    after = keys(storage)
    theirs = ("voices/runs/u0/", "voices/runs/u1/", f"voices/{bundle(ANNA)}/", "voices/corpora/anna/")
    assert before - after == {key for key in before if key.startswith(theirs)}
    retired = f"voices/retired-bases/{hashlib.sha256(BASE).hexdigest()}.json"
    assert after - before == {RECEIPT, retired}


def test_the_receipt_says_why_and_lists_bases_and_what_was_made_from_them(storage: FolderStorage) -> None:
    receipt = erase(storage)
    assert receipt["complete"] and receipt["asked"]["scope"] == "speaker" and receipt["asked"]["name"] == "anna"
    assert receipt["asked"]["reason"] == "the VoiceConsent anna-2026 was revoked"
    assert receipt["asked"]["consents"] == ["anna-2026"]
    assert [each["name"] for each in receipt["retiredBases"]] == ["base-en"]
    assert [(each["name"], each["base"]) for each in receipt["madeFromThem"]] == [("ben", "base-en")]
    content, trusted = storage.get(RECEIPT), Installation().trusted_keys()
    assert verify_receipt(content, trusted, where="it").looked_up == len(receipt["objects"]) > 6


def test_nothing_new_starts_from_the_retired_base(storage: FolderStorage, tmp_path: Path) -> None:
    folder = tmp_path / "base"
    folder.mkdir()
    (folder / "voice.json").write_bytes(BASE)
    check_not_retired(folder, Installation(), storage=storage, namespace="voices")
    erase(storage)
    check_not_retired(folder, Installation(), storage=storage, namespace="others")
    with pytest.raises(BaseRetired, match="contains the speaker anna"):
        check_not_retired(folder, Installation(), storage=storage, namespace="voices")


def test_a_clone_that_came_to_no_record_is_erased_by_its_uid(storage: FolderStorage) -> None:
    erase(storage)
    assert "voices/runs/u3/attempt-1/start.json" in keys(storage)
    erase(storage, uids=["u3"])
    assert "voices/runs/u3/attempt-1/start.json" not in keys(storage)


class CutOff(FolderStorage):
    """The store goes away after the first removal."""

    has_erased = False

    def erase(self, key: str) -> None:
        if self.has_erased:
            raise StorageUnreachable("nobody answers")
        self.has_erased = True
        super().erase(key)


def test_one_that_was_cut_off_says_so_and_is_finished_by_the_next(storage: FolderStorage) -> None:
    with pytest.raises(StorageUnreachable):
        erase(CutOff(storage.root))
    first = json.loads(storage.get(RECEIPT))
    assert not first["complete"] and [each["name"] for each in first["retiredBases"]] == ["base-en"]
    second = erase(storage)
    assert second["complete"]
    assert {each["key"] for each in second["objects"]} == {each["key"] for each in first["objects"]}


def test_a_second_time_finds_nothing_and_keeps_the_receipt(storage: FolderStorage) -> None:
    first = erase(storage)
    second = erase(storage)
    assert second["objects"] == first["objects"] and second["madeFromThem"] == first["madeFromThem"]


def test_a_speaker_of_whom_nothing_is_there_has_a_receipt_that_says_so(storage: FolderStorage) -> None:
    before = keys(storage)
    receipt = erase(storage, speaker="carla")
    assert receipt["complete"] and receipt["objects"] == []
    assert keys(storage) - before == {RECEIPT}


def test_tracked_runs_go_in_this_namespace_only(tmp_path: Path, storage: FolderStorage) -> None:
    mlflow = pytest.importorskip("mlflow")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client = mlflow.MlflowClient(tracking_uri=uri)
    experiment = client.create_experiment("clocktrain")
    kept = set()
    for prefix, speakers, goes in (
        ("voices/runs/u1/attempt-1", "anna", True),
        ("voices/runs/u9/attempt-1", "anna,ben", True),
        ("voices/runs/u1-student/attempt-1", "", True),
        ("voices/runs/u2/attempt-1", "ben", False),
        ("others/runs/u1/attempt-1", "anna", False),
        ("voices", "ben", False),  # what a job says of itself may be anything
        ("", "anna", False),
    ):
        tags = {"clocktrain.prefix": prefix, "clocktrain.speakers": speakers}
        run = client.create_run(experiment, tags=tags)
        kept |= set() if goes else {run.info.run_id}
    storage.put("voices/runs/u1-student/attempt-1/checkpoints/x", b"student")
    assert len(erase(storage, tracking_uri=uri)["trackedRuns"]) == 3
    assert {run.info.run_id for run in client.search_runs([experiment])} == kept


@pytest.mark.parametrize("name", ["", "../c1", "a/b", "-c1"])
def test_a_receipt_of_another_place_is_refused(storage: FolderStorage, name: str) -> None:
    with pytest.raises(ConfigValueInvalid, match="names no receipt; give letters, digits and dashes"):
        erase(storage, receipt_id=name)


def test_the_command_says_what_it_did(storage: FolderStorage, tmp_path: Path) -> None:
    words = ["--store", str(storage.root), "--namespace", "voices", "--speaker", "anna", "--consent", "anna-2026"]
    environment = {"PYTHONPATH": "platform", "PATH": os.environ["PATH"], "CLOCKTRAIN_ISSUING": str(tmp_path / "keys")}
    done = subprocess.run(
        [sys.executable, "-m", "clock_train.orchestration.erase_speaker", *words, "--receipt", "u1-c1", "--uid", "u1"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "objects": len(json.loads(storage.get(RECEIPT))["objects"]),
        "trackedRuns": 0,
        "retiredBases": 1,
        "madeFromThem": 1,
    }
