"""Commits: whole or not there, verified on read, and the newest sound one wins."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clock_train.errors import StorageDamaged, StorageFull, StorageKeyInvalid, StorageNotFound
from clock_train.storage.commits import CommitRecord, step_prefix
from clock_train.storage.folder import FolderStorage

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
STEPS = "local/runs/r1/attempt-1/checkpoints"


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path / "store")


def commit_step(storage: FolderStorage, step: int, content: bytes = b"weights") -> CommitRecord:
    files = {"model.safetensors": content, "state/optimiser.pt": b"moments"}
    return storage.commit(step_prefix(STEPS, step), files, committed_at=NOON)


def test_a_commit_is_read_back_as_it_was_written(storage: FolderStorage, tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"w" * 2_000_000)
    files = {"weights": tmp_path / "weights", "配置.yaml": b"a: 1\n"}
    record = storage.commit("local/runs/r1/step-5", files, committed_at=NOON)
    assert storage.read_commit("local/runs/r1/step-5") == record
    assert record.committed_at == NOON
    assert {name: file.size_bytes for name, file in record.files.items()} == {"weights": 2_000_000, "配置.yaml": 5}
    assert storage.get(record.key("配置.yaml")) == b"a: 1\n"


def test_the_marker_is_plain_json_with_the_sha256_of_each_file(storage: FolderStorage) -> None:
    commit_step(storage, 7)
    marker = json.loads(storage.get(f"{STEPS}/step-7/COMMITTED"))
    assert marker["committed_at"] == "2026-03-01T12:00:00+00:00"
    assert marker["files"]["model.safetensors"]["size_bytes"] == 7
    assert len(marker["files"]["state/optimiser.pt"]["sha256"]) == 64


def test_without_a_marker_nothing_was_committed(storage: FolderStorage) -> None:
    storage.put("local/x/step-1/model", b"1")
    with pytest.raises(StorageNotFound, match="local/x/step-1 has no COMMITTED marker"):
        storage.read_commit("local/x/step-1")
    assert storage.newest_commit("local/x") is None


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda file: file.write_bytes(b"weightz"), "model.safetensors has sha256 .* was committed"),
        (lambda file: file.write_bytes(b"weigh"), "model.safetensors has 5 bytes, 7 were committed"),
        (lambda file: file.unlink(), "model.safetensors was committed but is missing"),
    ],
)
def test_a_damaged_file_is_named(storage: FolderStorage, damage, message: str) -> None:
    commit_step(storage, 1)
    damage(storage.root / STEPS / "step-1" / "model.safetensors")
    with pytest.raises(StorageDamaged, match=message):
        storage.read_commit(f"{STEPS}/step-1")


@pytest.mark.parametrize(
    "marker",
    [
        b"",
        b"{",
        b"[]",
        b'{"schema_version": 1}',
        b'{"schema_version": 9, "files": {}, "committed_at": ""}',
        b'{"schema_version": 1, "committed_at": "2026-03-01T12:00:00+00:00", "files": {"../x": {}}}',
        b"\xff\xfe",
    ],
)
def test_a_marker_that_is_none_is_damage(storage: FolderStorage, marker: bytes) -> None:
    storage.put("local/x/step-1/COMMITTED", marker)
    with pytest.raises(StorageDamaged, match="local/x/step-1/COMMITTED is not a commit marker"):
        storage.read_commit("local/x/step-1")


def test_the_newest_is_the_largest_number_not_the_last_name(storage: FolderStorage) -> None:
    for step in (9, 100, 20):
        commit_step(storage, step)
    storage.put(f"{STEPS}/step-300/model.safetensors", b"cut off before its marker")
    storage.put(f"{STEPS}/step-x/COMMITTED", b"{}")
    newest = storage.newest_commit(STEPS)
    assert newest is not None
    assert (newest.step, newest.prefix) == (100, f"{STEPS}/step-100")


def test_a_damaged_newest_is_reported_and_the_one_before_it_is_used(storage: FolderStorage) -> None:
    for step in (10, 20, 30):
        commit_step(storage, step)
    (storage.root / STEPS / "step-30" / "model.safetensors").write_bytes(b"weightz")
    (storage.root / STEPS / "step-20" / "COMMITTED").write_bytes(b"")
    passed_over = []
    newest = storage.newest_commit(STEPS, on_damaged=lambda prefix, damage: passed_over.append((prefix, damage.code)))
    assert newest is not None
    assert newest.step == 10
    assert passed_over == [(f"{STEPS}/step-30", "StorageDamaged"), (f"{STEPS}/step-20", "StorageDamaged")]


def test_committing_again_replaces_the_files_and_leaves_no_old_one(storage: FolderStorage) -> None:
    commit_step(storage, 1)
    storage.put(f"{STEPS}/step-1/notes.txt", b"not part of the commit")
    storage.commit(f"{STEPS}/step-1", {"model.safetensors": b"other"}, committed_at=NOON)
    assert set(storage.read_commit(f"{STEPS}/step-1").files) == {"model.safetensors"}
    assert not storage.exists(f"{STEPS}/step-1/state/optimiser.pt")
    assert storage.exists(f"{STEPS}/step-1/notes.txt")


def test_the_marker_name_is_not_for_files(storage: FolderStorage) -> None:
    with pytest.raises(StorageKeyInvalid, match="may not be named COMMITTED"):
        storage.commit("local/x", {"COMMITTED": b""}, committed_at=NOON)


@pytest.mark.parametrize("failing_write", range(4))
def test_a_full_disk_leaves_even_a_commit_of_the_same_step(
    storage: FolderStorage, monkeypatch: pytest.MonkeyPatch, failing_write: int
) -> None:
    before = commit_step(storage, 1, b"a" * 1_500_000)
    calls = iter(range(1000))
    real_write = os.write

    def write(descriptor: int, block: memoryview) -> int:
        if next(calls) == failing_write:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real_write(descriptor, block)

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write)
        with pytest.raises(StorageFull, match="what was stored is untouched"):
            commit_step(storage, 1, b"b" * 1_500_000)
    assert storage.read_commit(f"{STEPS}/step-1") == before
    assert list((storage.root / ".unfinished").iterdir()) == []


KILLED_AT = """
import os, signal, sys
from datetime import UTC, datetime
from clock_train.storage.folder import FolderStorage

root, fatal_call = sys.argv[1], int(sys.argv[2])
storage = FolderStorage(root)
calls = 0

def counted(real):
    def call(*arguments, **keywords):
        global calls
        calls += 1
        if calls == fatal_call:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **keywords)
    return call

for name in ("open", "write", "fsync", "replace", "unlink", "mkdir", "close"):
    setattr(os, name, counted(getattr(os, name)))
storage.put("local/pointer", b"new" * 10)
files = {"a": b"A" * 1_100_000, "deep/b": b"B"}
storage.commit("local/steps/step-2", files, committed_at=datetime(2026, 1, 1, tzinfo=UTC))
print("finished")
"""


def test_kill_9_before_any_system_call_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    finished, kills = False, 0
    outcomes = set()
    while not finished:
        root = tmp_path / str(kills)
        storage = FolderStorage(root)
        storage.put("local/pointer", b"old")
        storage.commit("local/steps/step-1", {"a": b"1"}, committed_at=NOON)
        run = subprocess.run(
            [sys.executable, "-S", "-c", KILLED_AT, str(root), str(kills + 1)],
            env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        finished = run.stdout == "finished\n"
        assert finished or run.returncode == -9, run.stderr
        after = FolderStorage(root)
        newest = after.newest_commit("local/steps", on_damaged=lambda prefix, damage: pytest.fail(str(damage)))
        assert newest is not None
        assert list((root / ".unfinished").iterdir()) == []
        outcomes.add((after.get("local/pointer"), newest.step))
        kills += 1
    assert outcomes == {(b"old", 1), (b"new" * 10, 1), (b"new" * 10, 2)}
    assert kills > 20
