"""What runs on a borrowed machine: minutes of a training, then weights and curves small enough to bring out.

Full checkpoints stay on that machine's disk, so that the next window goes on to the last bit; what is brought out are
averaged weights. Needs PyTorch, numpy and the parcel itself: ``parcels`` wrote it, its ``train.py`` calls ``main``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from clock_train.data.packed_file import save_packed
from clock_train.data.small_corpus import SNDFILE, read_small
from clock_train.errors import CheckpointNotFound, ClockTrainError, StorageFull
from clock_train.models.config_text import from_plain
from clock_train.models.voice import VoiceConfig
from clock_train.orchestration.history import History
from clock_train.orchestration.parcel_plan import CORPUS, LIBRARIES, START, read_plan
from clock_train.orchestration.run_lock import locked
from clock_train.orchestration.stopping import stop_on_signals
from clock_train.orchestration.worker import WorkerJob, begin, device_of, work
from clock_train.storage.places import RunPlace
from clock_train.training import checkpoint
from clock_train.training.carried_weights import carry
from clock_train.training.loop import Ending, FitResult, StepReport
from clock_train.training.run import Run, TrainingConfig
from clock_train.training.speed_table import as_markdown, speed_table

FACTS, HISTORY = "carried.json", "history.jsonl"
SHOW_EVERY_S = 20.0
LEAST_RESERVE_S = 10.0
"""For the last checkpoint and the weights; longer where a checkpoint took longer."""


@dataclass
class Window:
    """One sitting: how long it may still last, and what it measured.

    Args:
        minutes: from ``began_s`` on, everything included.
        began_s: of ``time.monotonic``.
    """

    minutes: float
    began_s: float
    steps: int = 0
    step_seconds: float = 0.0
    data_seconds: float = 0.0
    slowest_save_s: float = 0.0
    clips: int = 0
    _shown_s: float = field(default=0.0, repr=False)

    @property
    def left_s(self) -> float:
        """Until the end of the window, less what saving takes."""
        reserve_s = max(LEAST_RESERVE_S, 3 * self.slowest_save_s)
        return self.began_s + 60 * self.minutes - reserve_s - time.monotonic()

    def is_over(self) -> bool:
        """Whether it is time to save."""
        return self.left_s <= 0

    def count(self, report: StepReport, batch_size: int) -> None:
        """Take one step's figures, and say now and then how far it is."""
        self.steps += 1
        self.clips += batch_size
        self.step_seconds += report.step_seconds
        self.data_seconds += report.data_seconds
        self.slowest_save_s = max(self.slowest_save_s, report.saved_seconds)
        if report.validation is not None or time.monotonic() - self._shown_s > SHOW_EVERY_S:
            self._shown_s = time.monotonic()
            scores = "" if report.validation is None else f", validation {report.validation.score:.3f}"
            print(
                f"step {report.step} of {report.max_steps}, {report.phase}, {self.speed()['stepsPerSecond']} steps/s"
                f"{scores}, {max(0.0, self.left_s):.0f} s left",
                flush=True,
            )

    def speed(self) -> dict[str, float]:
        """Of the window's steps, without validation and checkpoints."""
        took = self.step_seconds or 1e-9
        return {
            "stepsPerSecond": round(self.steps / took, 3),
            "clipsPerSecond": round(self.clips / took, 2),
            "waitingForDataShare": round(self.data_seconds / took, 4),
        }


def main(parcel: Path, arguments: Sequence[str] | None = None) -> int:
    """Train for one window, or bring out another part; returns the exit status."""
    began_s = time.monotonic()
    asked = _parsed(parcel, arguments)
    try:
        with locked(asked.state):
            if asked.part is not None:
                bring_part(asked.state, asked.out, asked.part)
                return 0
            if asked.speed:
                print(measure_speed(parcel, asked), end="")
                return 0
            facts = train_window(parcel, asked, began_s)
    except ClockTrainError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    weights = facts["weights"]
    print(
        f"{facts['ending']} at step {facts['step']}; {asked.out} holds the weights of step {facts['spokenStep']} "
        f"({weights['precision']}, {weights['bytes'] / 2**20:.1f} MiB, part 1 of {len(weights['parts'])})"
    )
    return 0


def train_window(parcel: Path, asked: argparse.Namespace, began_s: float) -> dict[str, Any]:
    """Go on for the window's time and put weights and curves into ``asked.out``; what is said of them."""
    plan = read_plan(parcel)
    job = _job(parcel, plan, asked)
    run, resumed_from = begin(job, warn=lambda text: print(text, file=sys.stderr))
    window, history = Window(asked.window_minutes, began_s), History(asked.state / HISTORY)
    history.go_back_to(resumed_from or 0)
    print(f"{run.device}, from step {resumed_from or 0}, {max(0.0, window.left_s):.0f} s of training", flush=True)

    def report(step: StepReport) -> None:
        history.add(step)
        window.count(step, job.training.batch_size)

    with stop_on_signals() as stop:
        result = work(
            job, run, report=report, stop_requested=lambda: stop.is_wanted() or window.is_over(),
            resumed_from=resumed_from,
        )  # fmt: skip
    return _bring_out(job, run, result, window, asked)


def measure_speed(parcel: Path, asked: argparse.Namespace) -> str:
    """A table of what each setting is worth on this device, into ``asked.out`` as well; trains nothing."""
    job = _job(parcel, read_plan(parcel), asked)
    packed, device = job.packed(), device_of(job.device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU, one thread"
    rows = speed_table(
        lambda config: Run(job.starting_model(packed).voice, packed, config, device=device),
        job.training,
        steps=asked.speed,
        report=lambda text: print(text, file=sys.stderr, flush=True),
    )
    table = as_markdown(rows, name)
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "speed.md").write_text(table, encoding="utf-8")
    (asked.out / "speed.json").write_text(json.dumps([asdict(row) for row in rows], indent=1), encoding="utf-8")
    return table


def _job(parcel: Path, plan: Mapping[str, Any], asked: argparse.Namespace) -> WorkerJob:
    packed_path = asked.state / f"packed-{plan['uid']}.npz"
    if not packed_path.is_file():
        partial = packed_path.with_suffix(".partial")
        save_packed(read_small(parcel / CORPUS, library=parcel / LIBRARIES / SNDFILE), partial)
        partial.rename(packed_path)
    start = parcel / START
    return WorkerJob(
        packed_path=packed_path,
        model=from_plain(VoiceConfig, plan["model"]),
        training=from_plain(TrainingConfig, plan["training"]),
        base=start if start.is_dir() else None,
        initial_vectors=None,
        store=str(asked.state / "store"),
        uid=plan["uid"],
        place=RunPlace(uid=plan["uid"]),
        device=asked.device,
    )


def _bring_out(
    job: WorkerJob, run: Run, result: FitResult, window: Window, asked: argparse.Namespace
) -> dict[str, Any]:
    store = job.checkpoints()
    best = store.spoken_step(result.best_step, result.step)
    checkpoint.load_average(run.voice, store.read(best))
    weights = carry(run.voice.state_dict(), most_bytes=int(asked.carry_mib * 2**20))
    facts = {
        "uid": job.uid,
        "step": result.step,
        "spokenStep": best,
        "seed": job.training.seed,
        "ending": "stopped at the window's end" if result.ending is Ending.STOPPED else result.ending.value,
        "isEnded": result.ending is not Ending.STOPPED,
        "trainedOn": store.saved_on(best),
        "cpuSeconds": round(result.cpu_seconds, 1),
        "hardware": "CUDA GPU" if run.device.type == "cuda" else "CPU",
        "device": torch.cuda.get_device_name(run.device) if run.device.type == "cuda" else "cpu",
        "torch": torch.__version__,
        "speed": window.speed(),
        "weights": weights.facts(),
    }
    try:
        kept = asked.state / "carried"
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir()
        for number, part in enumerate(weights.parts, start=1):
            (kept / part_name(number)).write_bytes(part)
        asked.out.mkdir(parents=True, exist_ok=True)
        (asked.out / FACTS).write_text(json.dumps(facts, indent=1), encoding="utf-8")
        shutil.copy(asked.state / HISTORY, asked.out / HISTORY)
    except OSError as error:
        raise StorageFull(f'"{asked.out}" cannot be written ({error.strerror}); make room, and start again') from error
    bring_part(asked.state, asked.out, 1)
    return facts


def bring_part(state: Path, out: Path, number: int) -> None:
    """Copy one part of the last weights into ``out``.

    Raises:
        CheckpointNotFound: there is no such part.
    """
    part = state / "carried" / part_name(number)
    if not part.is_file():
        there = len(list((state / "carried").glob("*"))) if (state / "carried").is_dir() else 0
        raise CheckpointNotFound(f"there is no part {number} of {there}; run a window first, or name one that is there")
    out.mkdir(parents=True, exist_ok=True)
    shutil.copy(part, out / part.name)


def part_name(number: int) -> str:
    """Of the file of a part, from 1."""
    return f"weights-{number}.part"


def _parsed(parcel: Path, arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="train.py", description="Train what is in this folder for some minutes, and go on there the next time."
    )
    parser.add_argument("--window-minutes", type=_positive, default=9.0, help="until everything is written (9)")
    parser.add_argument("--carry-mib", type=_positive, default=60.0, help="of weights in --out at once (60)")
    parser.add_argument("--state", type=Path, default=parcel.parent / "state", help="checkpoints between windows")
    out = Path(os.environ.get("OUT") or "carried")
    parser.add_argument("--out", type=Path, default=out, help="for weights and curves ($OUT, or carried)")
    parser.add_argument("--part", type=int, help="train nothing: bring out this part of the last weights")
    parser.add_argument("--speed", type=_count, metavar="STEPS", help="train nothing: what each setting is worth")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (auto)")
    asked = parser.parse_args(arguments)
    asked.state, asked.out = asked.state.absolute(), asked.out.absolute()
    return asked


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is below 1")
    return value


def _positive(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value
