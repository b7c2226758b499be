"""Training on real Ray workers: the same voice as in process, and what is left when a process is killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from small_voice import write_corpus

from clock_train.orchestration.history_file import read_history
from clock_train.orchestration.run_log import read_logs
from clock_train.storage.folder import FolderStorage

pytestmark = [pytest.mark.ring2, pytest.mark.timeout(700)]
SCRIPT = Path(__file__).with_name("train_on_workers.py")
WAIT_S = 300.0


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("recordings") / "corpus")


class Trainings:
    """Trainings as processes of their own, ended with the test."""

    def __init__(self, corpus: Path) -> None:
        self.corpus = corpus
        self.started: list[subprocess.Popen[str]] = []

    def start(
        self,
        output: Path,
        *,
        steps: int,
        workers: int,
        min_workers: int | None = None,
        env: dict[str, str] | None = None,
    ) -> subprocess.Popen[str]:
        numbers = [str(n) for n in (steps, workers, min_workers or workers)]
        self.started.append(
            subprocess.Popen(
                [sys.executable, SCRIPT, self.corpus, output, *numbers],
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, "PYTHONPATH": "platform", **(env or {})},
            )
        )
        return self.started[-1]

    def finish(self, output: Path, *, steps: int, workers: int) -> dict[str, Any]:
        process = self.start(output, steps=steps, workers=workers)
        said = ended(process)
        assert process.returncode == 0, said
        return said


@pytest.fixture
def trainings(corpus: Path) -> Iterator[Trainings]:
    made = Trainings(corpus)
    yield made
    for process in made.started:
        for each in descendants(process):
            each.kill()
        process.kill()
        process.wait()


def ended(process: subprocess.Popen[str]) -> dict[str, Any]:
    said = process.communicate(timeout=WAIT_S)[0]
    assert said, f"it ended with {process.returncode} and said nothing"
    return json.loads(said.splitlines()[-1])


def descendants(process: subprocess.Popen[str]) -> list[psutil.Process]:
    try:
        return psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def cmdline(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def workers_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return [each for each in descendants(process) if "RayTrainWorker" in "".join(cmdline(each))]


def wait_for(is_true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while not is_true():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.2)


def last_step(output: Path) -> int:
    rows = [row for path in output.glob("history-*.jsonl") for row in read_history(path)]
    return rows[-1]["step"] if rows else 0


def newest_checkpoint(output: Path) -> int:
    return max((int(path.parent.name[5:]) for path in output.rglob("COMMITTED")), default=0)


def voice_weights(output: Path) -> bytes:
    return (output / "voice" / "weights.safetensors").read_bytes()


def test_one_worker_makes_the_voice_of_a_run_in_process(trainings: Trainings, tmp_path: Path) -> None:
    trainings.finish(tmp_path / "here", steps=24, workers=0)
    said = trainings.finish(tmp_path / "there", steps=24, workers=1)
    assert said["step"] == 24
    assert voice_weights(tmp_path / "there") == voice_weights(tmp_path / "here")
    (attempt,) = (tmp_path / "there" / "store").glob("local/runs/*/attempt-1")
    store = FolderStorage(tmp_path / "there" / "store")
    prefix = attempt.relative_to(tmp_path / "there" / "store").as_posix()
    said_by_worker = b"".join(log.content for log in read_logs(store, f"{prefix}/logs", source="worker-0")).decode()
    assert "one of 1 workers" in said_by_worker and "all steps done at step 24" in said_by_worker


def test_losing_a_worker_goes_on_from_the_newest_checkpoint(trainings: Trainings, tmp_path: Path) -> None:
    output = tmp_path / "out"
    process = trainings.start(output, steps=200, workers=2, min_workers=1)
    wait_for(lambda: newest_checkpoint(output) >= 40, "two checkpoints")

    workers_of(process)[-1].send_signal(signal.SIGKILL)

    said = ended(process)
    assert (process.returncode, said["step"]) == (0, 200)
    assert any("a worker was lost" in warning and "go on from step" in warning for warning in said["warnings"])
    steps = [row["step"] for path in output.glob("history-*.jsonl") for row in read_history(path)]
    assert steps == sorted(set(steps)), "no step is told twice"


@pytest.mark.long
def test_a_killed_driver_loses_at_most_one_checkpoint_interval(trainings: Trainings, tmp_path: Path) -> None:
    output = tmp_path / "out"
    process = trainings.start(output, steps=100_000, workers=1)
    wait_for(lambda: newest_checkpoint(output) >= 40, "two checkpoints")
    children, workers = descendants(process), workers_of(process)

    process.kill()
    process.wait()

    wait_for(lambda: not any(child.is_running() for child in workers), "the workers end with their driver")
    for child in children:  # Ray's own helpers outlive it by minutes
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
    reached, kept = last_step(output), newest_checkpoint(output)
    assert reached - kept < 20 + 10, "an interval, and what the history had not been told yet"
    said = trainings.finish(output, steps=kept + 20, workers=1)
    assert (said["resumed_from"], said["step"]) == (kept, kept + 20)


@pytest.mark.long
def test_ctrl_c_saves_what_the_workers_have(trainings: Trainings, tmp_path: Path) -> None:
    output = tmp_path / "out"
    process = trainings.start(output, steps=100_000, workers=2)
    wait_for(lambda: last_step(output) >= 30, "some steps")

    process.send_signal(signal.SIGINT)

    ended(process)
    assert process.returncode == 130
    assert newest_checkpoint(output) % 20 != 0 or last_step(output) == newest_checkpoint(output)


def test_a_mistake_is_told_once_and_not_tried_again(trainings: Trainings, tmp_path: Path) -> None:
    process = trainings.start(tmp_path / "out", steps=20, workers=5, min_workers=5)
    said = ended(process)
    assert process.returncode == 2
    assert "a batch of 4 clips cannot be shared by 5 workers; ask for fewer workers" in said["error"]


@pytest.mark.long
def test_a_lost_head_is_said_at_once_and_the_next_start_goes_on(trainings: Trainings, tmp_path: Path) -> None:
    output = tmp_path / "out"
    process = trainings.start(output, steps=100_000, workers=1)
    wait_for(lambda: newest_checkpoint(output) >= 40, "two checkpoints")
    (head,) = [each for each in descendants(process) if "gcs_server" in "".join(cmdline(each))]

    head.kill()

    said = ended(process)
    assert process.returncode == 3
    assert "WorkersLost: Ray itself ended; the newest checkpoint is kept in" in said["error"]
    kept = newest_checkpoint(output)
    said = trainings.finish(output, steps=kept + 20, workers=1)
    assert said["resumed_from"] == kept


@pytest.mark.long
def test_a_machine_out_of_memory_is_said_and_costs_no_checkpoint(trainings: Trainings, tmp_path: Path) -> None:
    """Ray's own watch ends processes where the machine uses more than a share of its memory."""
    limits = {"RAY_memory_usage_threshold": "0.02", "RAY_memory_monitor_refresh_ms": "100"}
    process = trainings.start(tmp_path / "out", steps=100, workers=1, env=limits)
    said = ended(process)
    assert process.returncode == 3
    assert "WorkersLost: " in said["error"] and ("memory" in said["error"] or "more than 3 times" in said["error"])
