"""The table of a step's speed: whole steps with every part in them, and figures that belong together."""

from __future__ import annotations

import pytest
import torch
from tiny_run import SMALL_JUDGES, tiny_run

from clock_train.training.run import Run, TrainingConfig
from clock_train.training.speed_table import Setting, as_markdown, speed_table

TRAINING = TrainingConfig(batch_size=2, discriminators=SMALL_JUDGES)
BOTH = (Setting("plain"), Setting("twice the batch", batches=2))


def begin_tiny(config: TrainingConfig) -> Run:
    return tiny_run(**vars(config))


def test_each_row_is_of_whole_steps_with_discriminators() -> None:
    made: list[Run] = []

    def begin(config: TrainingConfig) -> Run:
        made.append(begin_tiny(config))
        return made[-1]

    told: list[str] = []
    rows = speed_table(begin, TRAINING, steps=2, settings=BOTH, report=told.append)
    assert [row.name for row in rows] == ["plain", "twice the batch"] and len(told) == 2
    assert [row.batch_size for row in rows] == [2, 4]
    assert all(run.discriminators is not None for run in made)
    # three first steps, one that is counted, and three rounds of two
    assert [run.state.step for run in made] == [10, 10]
    for row, run in zip(rows, made, strict=True):
        assert row.clips_per_second == pytest.approx(row.batch_size * row.steps_per_second)
        samples = run.config.loss.crop_frames * run.voice.config.mel.hop_samples
        assert row.decoded_samples_per_second == pytest.approx(samples * row.clips_per_second)
        assert 0 <= row.waiting_for_data_share < 1 and row.tflops > 0
        assert row.peak_share is None and row.peak_memory_gib is None, "a CPU has no data sheet here"
    # twice the clips are about twice the arithmetic of a step, whatever the machine does meanwhile
    a_step = [row.tflops / row.steps_per_second for row in rows]
    assert 1.5 < a_step[1] / a_step[0] < 2.5
    table = as_markdown(rows, "CPU")
    assert table.count("\n") == 4 and "| twice the batch | 4 |" in table


def test_it_leaves_the_arithmetic_as_it_was() -> None:
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    speed_table(begin_tiny, TRAINING, steps=1, settings=[Setting("TF32", tf32=True)])
    assert (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32) == before
