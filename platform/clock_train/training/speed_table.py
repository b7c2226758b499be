"""How fast one step is on this device, and what each setting is worth: measured in one run, one change after another.

Whole steps of the last phase, discriminators among them, on the clips of the run itself. Arithmetic is counted once by
PyTorch (convolutions and products, forward and backward) and set against the device's data sheet.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from clock_train.training.run import Run, TrainingConfig

PEAK_TFLOPS = {
    # name: (float32, TF32, bfloat16), dense, of the makers' data sheets
    "H200": (67.0, 494.0, 989.0),
    "H100": (67.0, 494.0, 989.0),
    "A100": (19.5, 156.0, 312.0),
    "T4": (8.1, 8.1, 8.1),
}
ROUNDS = 3
"""Each setting is measured so often, all of them in turn; the median counts."""


@dataclass(frozen=True)
class Setting:
    """One row of the table."""

    name: str
    bf16: bool = False
    tf32: bool = False
    batches: int = 1
    """Times the run's batch size."""


SETTINGS = (
    Setting("float32"),
    Setting("TF32", tf32=True),
    Setting("bfloat16", tf32=True, bf16=True),
    Setting("bfloat16, twice the batch", tf32=True, bf16=True, batches=2),
    Setting("bfloat16, four times the batch", tf32=True, bf16=True, batches=4),
)
"""Each with one change to the row before it."""


@dataclass(frozen=True)
class SpeedRow:
    """What one setting measured."""

    name: str
    batch_size: int
    steps_per_second: float
    clips_per_second: float
    decoded_samples_per_second: float
    """Of the crops that become sound."""
    waiting_for_data_share: float
    tflops: float
    """Arithmetic a second."""
    peak_share: float | None
    """Of the device's data sheet; None where that is not known here."""
    peak_memory_gib: float | None
    """None on a CPU."""


def speed_table(
    begin: Callable[[TrainingConfig], Run],
    config: TrainingConfig,
    *,
    steps: int = 20,
    settings: Sequence[Setting] = SETTINGS,
    report: Callable[[str], None] = lambda text: None,
) -> list[SpeedRow]:
    """Measure each setting.

    Args:
        begin: a fresh run of a configuration.
        config: of the run; its phases are passed over, so that every part takes part.
        steps: of one measurement.
        settings: rows.
        report: told what is being measured.
    """
    whole = replace(config, schedule=replace(config.schedule, hearing_steps=0, contest_from_step=0), bf16=False)
    made: list[tuple[Setting, Run, float]] = []
    for setting in settings:
        report(f"{setting.name}: the first steps")
        size = config.batch_size * setting.batches
        run = begin(replace(whole, bf16=setting.bf16, batch_size=size))
        with _arithmetic(setting):
            for _ in range(3):
                _step(run)
            made.append((setting, run, _flops_of_step(run)))
    rounds = [[_measured(setting, run, steps) for setting, run, _ in made] for _ in range(ROUNDS)]
    return [
        _row(setting, run, flops, [measured[i] for measured in rounds]) for i, (setting, run, flops) in enumerate(made)
    ]


def as_markdown(rows: Sequence[SpeedRow], device: str) -> str:
    """The table for a document."""
    head = f"| {device} | batch | steps/s | clips/s | sound samples/s | waiting for data | TFLOP/s | of peak | GiB |"
    lines = [head, "|" + "---|" * 9]
    for row in rows:
        share = "" if row.peak_share is None else f"{row.peak_share:.1%}"
        memory = "" if row.peak_memory_gib is None else f"{row.peak_memory_gib:.1f}"
        lines.append(
            f"| {row.name} | {row.batch_size} | {row.steps_per_second:.2f} | {row.clips_per_second:.1f} | "
            f"{row.decoded_samples_per_second:,.0f} | {row.waiting_for_data_share:.1%} | {row.tflops:.3g} | {share} | "
            f"{memory} |"
        )
    return "\n".join(lines) + "\n"


def _measured(setting: Setting, run: Run, steps: int) -> tuple[float, float, float]:
    """Seconds of all steps, seconds of them for data, and the device's peak of memory."""
    is_gpu = run.device.type == "cuda"
    with _arithmetic(setting):
        if is_gpu:
            torch.cuda.reset_peak_memory_stats(run.device)
        _wait_for(run)
        began, data_s = time.perf_counter(), 0.0
        for _ in range(steps):
            data_s += _step(run)
        _wait_for(run)
        took_s = time.perf_counter() - began
    return took_s / steps, data_s / steps, torch.cuda.max_memory_allocated(run.device) if is_gpu else 0.0


def _step(run: Run) -> float:
    """One step; seconds until its clips were known."""
    began = time.perf_counter()
    indices = run.plan.next(run.state.position)
    data_s = time.perf_counter() - began
    run.train_step(indices)
    return data_s


def _wait_for(run: Run) -> None:
    if run.device.type == "cuda":
        torch.cuda.synchronize(run.device)


def _flops_of_step(run: Run) -> float:
    with FlopCounterMode(display=False) as counter:
        _step(run)
    return float(counter.get_total_flops())


def _row(setting: Setting, run: Run, flops: float, rounds: Sequence[tuple[float, float, float]]) -> SpeedRow:
    step_s, data_s, memory = (median(column) for column in zip(*rounds, strict=True))
    batch, crop = run.plan.batch_size, run.config.loss.crop_frames * run.voice.config.mel.hop_samples
    return SpeedRow(
        name=setting.name,
        batch_size=batch,
        steps_per_second=1 / step_s,
        clips_per_second=batch / step_s,
        decoded_samples_per_second=batch * crop / step_s,
        waiting_for_data_share=data_s / step_s,
        tflops=flops / step_s / 1e12,
        peak_share=_peak_share(run.device, setting, flops / step_s / 1e12),
        peak_memory_gib=memory / 2**30 if run.device.type == "cuda" else None,
    )


def _peak_share(device: torch.device, setting: Setting, tflops: float) -> float | None:
    if device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(device)
    for known, peaks in PEAK_TFLOPS.items():
        if known in name:
            return tflops / peaks[2 if setting.bf16 else 1 if setting.tf32 else 0]
    return None


@contextmanager
def _arithmetic(setting: Setting) -> Iterator[None]:
    """TF32 on or off, and as it was afterwards."""
    matmul: Any = torch.backends.cuda.matmul
    cudnn: Any = torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    matmul.allow_tf32 = cudnn.allow_tf32 = setting.tf32
    try:
        yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32 = before
