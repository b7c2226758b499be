"""Logs in storage: growing, whole after a kill, in order, and never in a training's way."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_voice import Notes

from clock_train.errors import RunNotFound, StorageUnreachable
from clock_train.orchestration import run_log
from clock_train.orchestration.attempts import start_attempt
from clock_train.orchestration.log_places import log_place, remember_place
from clock_train.orchestration.run_log import LogShipper, StoredLog, logged, read_logs, wait_for_more
from clock_train.storage.commits import FileDigest
from clock_train.storage.folder import FolderStorage
from clock_train.storage.places import RunPlace

PLACE = RunPlace(uid="u1")
LOGS = f"{PLACE.prefix}/logs"


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path / "store")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_log, "SHIP_EVERY_S", 0.05)


def eventually(condition: object, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if callable(condition) and condition():
            return
        time.sleep(0.05)
    raise AssertionError("it never came")


def test_everything_said_is_heard_and_stored_with_its_time(tmp_path: Path, storage: FolderStorage) -> None:
    notes = Notes()
    with logged(notes, tmp_path / "logs", storage, LOGS) as heard:
        heard.stage("train")
        heard.note("going on from step 5")
        heard.warn("a worker was lost")
    (log,) = read_logs(storage, LOGS)
    lines = log.content.decode().splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == [
        "train ...",
        "going on from step 5",
        "Warning: a worker was lost",
    ]
    assert all(line[10] == "T" and line[19] == "Z" for line in lines)
    assert notes.warnings == ["a worker was lost"]
    assert log.source == "driver"


def test_how_it_ended_is_its_last_line(tmp_path: Path, storage: FolderStorage) -> None:
    with pytest.raises(ValueError), logged(Notes(), tmp_path / "logs", storage, LOGS):
        raise ValueError("it broke")
    (log,) = read_logs(storage, LOGS)
    assert log.content.decode().endswith("ended: ValueError: it broke\n")


def test_a_log_larger_than_a_chunk_is_stored_in_order(
    tmp_path: Path, storage: FolderStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_log, "CHUNK_BYTES", 100)
    path = tmp_path / "big.log"
    with LogShipper(storage, LOGS, warn=lambda text: None) as shipper:
        shipper.follow("20260101T000000-driver-1", path)
        with path.open("ab") as file:
            for i in range(100):
                file.write(f"line {i}\n".encode())
                file.flush()
                if i % 20 == 0:
                    time.sleep(0.06)
    assert read_logs(storage, LOGS)[0].content == path.read_bytes()
    assert len(storage.list(LOGS)) == -(-path.stat().st_size // 100)


def test_a_log_is_there_while_its_run_goes_on(tmp_path: Path, storage: FolderStorage) -> None:
    with logged(Notes(), tmp_path / "logs", storage, LOGS) as heard:
        heard.note("first words")
        eventually(lambda: storage.list(LOGS))
        seen: dict[str, int] = {}
        assert b"first words" in wait_for_more(storage, LOGS, seen)[0].content
        heard.note("more words")
        eventually(lambda: b"more" in b"".join(log.content for log in wait_for_more(storage, LOGS, seen)))


def test_a_killed_process_leaves_what_it_said(tmp_path: Path, storage: FolderStorage) -> None:
    script = (
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "from clock_train.orchestration import run_log\n"
        "from clock_train.orchestration.listener import Silence\n"
        "from clock_train.storage.folder import FolderStorage\n"
        "run_log.SHIP_EVERY_S = 0.05\n"
        f"with run_log.logged(Silence(), Path({str(tmp_path / 'logs')!r}), FolderStorage({str(tmp_path / 'store')!r}),"
        f" {LOGS!r}) as heard:\n"
        "    heard.note('last words')\n"
        "    time.sleep(1.5)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], timeout=60, check=False, env={"PYTHONPATH": "platform"})
    assert done.returncode == -9
    assert b"last words" in read_logs(storage, LOGS)[0].content


def test_each_start_has_a_log_of_its_own(tmp_path: Path, storage: FolderStorage) -> None:
    for name in ("20260101T000000-driver-7", "20260101T000500-driver-8", "20260101T000001-worker-1-9"):
        storage.put(f"{LOGS}/{name}/000000", name.encode())
    assert [log.name[16:] for log in read_logs(storage, LOGS)] == ["driver-7", "worker-1-9", "driver-8"]
    assert [log.name[16:] for log in read_logs(storage, LOGS, source="worker-1")] == ["worker-1-9"]
    assert StoredLog("20260101T000001-worker-1-errors-9", b"").is_of("worker-1")
    assert not StoredLog("20260101T000001-worker-11-9", b"").is_of("worker-1")
    with pytest.raises(RunNotFound, match="no log of worker-3 below local/runs/u1/attempt-1/logs"):
        read_logs(storage, LOGS, source="worker-3")


class Unreachable(FolderStorage):
    def put(self, key: str, source: bytes | Path) -> FileDigest:
        raise StorageUnreachable("nobody answers")


def test_a_store_that_is_away_is_told_once_and_stops_nothing(tmp_path: Path) -> None:
    notes = Notes()
    with logged(notes, tmp_path / "logs", Unreachable(tmp_path / "store"), LOGS) as heard:
        heard.note("one")
        time.sleep(0.3)
        heard.note("two")
    assert len(notes.warnings) == 1
    assert "the log is not copied at present" in notes.warnings[0]
    (path,) = (tmp_path / "logs").iterdir()
    assert "two" in path.read_text()


def test_a_run_is_found_by_its_output_folder_or_in_its_store(tmp_path: Path, storage: FolderStorage) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for number in (1, 2):
        start_attempt(storage, RunPlace(uid="u1", attempt=number))
    remember_place(out, str(storage.root), PLACE)
    assert log_place(str(out), None).prefix == "local/runs/u1/attempt-2/logs"
    assert log_place(str(out), 1).prefix == "local/runs/u1/attempt-1/logs"
    assert log_place(str(storage.root / "local/runs/u1"), None).prefix == "local/runs/u1/attempt-2/logs"
    with pytest.raises(RunNotFound, match="has no attempt 3; it has 1, 2"):
        log_place(str(out), 3)


def test_a_place_that_is_no_run_is_refused(tmp_path: Path, storage: FolderStorage) -> None:
    with pytest.raises(RunNotFound, match='is no output folder of a run; name the one that "clocktrain run" wrote'):
        log_place(str(tmp_path), None)
    (tmp_path / "place.json").write_text("{")
    with pytest.raises(RunNotFound, match=r'place.json" is damaged'):
        log_place(str(tmp_path), None)
    remember_place(tmp_path, str(storage.root), PLACE)
    with pytest.raises(RunNotFound, match="holds no attempt"):
        log_place(str(tmp_path), None)
