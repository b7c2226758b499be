"""Steps a second of one model in one phase on one device, the wait for data in them, and what a checkpoint costs."""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch

from clock_train.cli.measurements.isolation import CpuClock, answer, median
from clock_train.cli.measurements.synthetic import packed_corpus
from clock_train.models.student import student_config
from clock_train.models.teacher import teacher_config
from clock_train.orchestration.checkpoint_store import CheckpointStore
from clock_train.orchestration.presets import PRESETS
from clock_train.orchestration.starting_model import from_scratch
from clock_train.storage.folder import FolderStorage
from clock_train.storage.places import RunPlace
from clock_train.training import checkpoint
from clock_train.training.run import Run
from clock_train.training.schedule import ScheduleConfig

MODELS = {"student": (student_config, "Demo"), "teacher": (teacher_config, "Basic")}
"""Sizes, and the preset that trains them."""
NEVER = 10**9
SCHEDULES = {
    "hearing": ScheduleConfig(hearing_steps=NEVER),
    "reading": ScheduleConfig(hearing_steps=0),
    "contest": ScheduleConfig(hearing_steps=0, contest_from_step=0),
}


def measure_training(
    *,
    model: str,
    phases: list[str],
    device: str,
    batch_size: int,
    seconds: float,
    least_steps: int,
    longest_clip_seconds: float,
    threads: int,
) -> dict[str, float]:
    """Train each phase for a while.

    Args:
        model: ``student`` or ``teacher``.
        phases: of `SCHEDULES`; the peak memory of the process is that of the hungriest.
        device: ``cpu`` or ``cuda``.
        batch_size: clips a step.
        seconds: a phase ends after so many, but not before ``least_steps``.
        least_steps: measured steps, after one or more to warm up.
        longest_clip_seconds: of the synthetic corpus.
        threads: of the CPU; one, as every training here.
    """
    if device == "cpu":
        torch.set_flush_denormal(True)
        torch.set_num_threads(threads)
    found: dict[str, float] = {}
    for phase in phases:
        run = _run(model, phase, device, batch_size, longest_clip_seconds)
        found |= {f"{phase}_{name}": value for name, value in _steps(run, seconds, least_steps).items()}
        step_s = 1.0 / found[f"{phase}_steps_per_s"]
        every = PRESETS[MODELS[model][1]].training.checkpoint_every
        found[f"{phase}_checkpoint_percent"] = 100 * _checkpoint_seconds(run) / (every * step_s)
    if device == "cuda":
        found["device_peak_gb"] = torch.cuda.max_memory_allocated() / 1e9
    return found


def _run(model: str, phase: str, device: str, batch_size: int, longest_seconds: float) -> Run:
    sizes, preset = MODELS[model]
    packed = packed_corpus(max(64, 4 * batch_size), longest_seconds=longest_seconds)
    training = replace(
        PRESETS[preset].training,
        batch_size=batch_size,
        schedule=SCHEDULES[phase],
        max_steps=NEVER,
        max_cpu_seconds=None,
    )
    voice = from_scratch(sizes(), packed, seed=1, initial_vectors=None).voice
    return Run(voice, packed, training, device=torch.device(device))


def _steps(run: Run, seconds: float, least_steps: int) -> dict[str, float]:
    batches = [run.plan.next(run.state.position) for _ in range(3)]
    run.train_step(batches[0])
    if run.device.type == "cuda":
        for indices in batches[1:]:
            run.train_step(indices)
    _wait(run)
    began, clock, steps, clips, speech_s, planning_s = time.perf_counter(), CpuClock(), 0, 0, 0.0, 0.0
    while steps < least_steps or time.perf_counter() - began < seconds:
        planned = time.perf_counter()
        indices = run.plan.next(run.state.position)
        planning_s += time.perf_counter() - planned
        run.train_step(indices)
        steps, clips = steps + 1, clips + len(indices)
        speech_s += float(run.corpus.host_frames[indices].sum()) * run.corpus.hop_samples / 16_000
    _wait(run)
    wall_s = time.perf_counter() - began
    cutting_s = median([_batch_seconds(run) for _ in range(5)])
    return {
        "steps_per_s": steps / wall_s,
        "clips_per_s": clips / wall_s,
        "speech_seconds_per_s": speech_s / wall_s,
        "cpu_seconds_per_step": clock.seconds() / steps,
        "data_percent": 100 * (planning_s / steps + cutting_s) / (wall_s / steps),
    }


def _batch_seconds(run: Run) -> float:
    """Time to cut one batch from the resident corpus, which a step does before it computes anything."""
    indices = run.plan.next(run.state.position)
    _wait(run)
    began = time.perf_counter()
    run.corpus.batch(indices, augmentation=run.config.augmentation, generator=run.generator)
    _wait(run)
    return time.perf_counter() - began


def _checkpoint_seconds(run: Run) -> float:
    with tempfile.TemporaryDirectory() as temporary:
        store = CheckpointStore(FolderStorage(Path(temporary)), RunPlace(uid="bench"))
        began = time.perf_counter()
        store.save(1, checkpoint.to_files(run))
        return time.perf_counter() - began


def _wait(run: Run) -> None:
    if run.device.type == "cuda":
        torch.cuda.synchronize()


if __name__ == "__main__":
    answer(measure_training)
