"""The terms of the first steps of a tiny run, as the test of recorded losses compares them.

A refactoring of the model or the loop shows the same numbers. A change that is meant to move them records them anew,
and the commit shows the file before and after:

    .venv/bin/python tests/training/record_losses.py
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from tiny_run import Notebook, tiny_run, tiny_voice

from clock_train.models.voice import VoiceSource
from clock_train.training.device_corpus import AugmentationConfig
from clock_train.training.loop import fit
from clock_train.training.optimizers import OptimizerConfig
from clock_train.training.schedule import ScheduleConfig

RECORD_PATH = Path(__file__).with_name("recorded_losses.json")
Terms = dict[str, float]


def first_steps(voice_source: VoiceSource) -> list[Terms]:
    """One step of each phase, with noise and dropout."""
    torch.set_num_threads(1)
    notebook = Notebook()
    run = tiny_run(
        voice=tiny_voice(voice_source=voice_source),
        seed=1,
        max_steps=3,
        # no warm-up, or nothing would move; at a higher rate Adam makes steps of rounding errors
        optimizer=OptimizerConfig(learning_rate=3e-5, warmup_steps=1),
        schedule=ScheduleConfig(hearing_steps=1, contest_from_step=2),
        augmentation=AugmentationConfig(noise_share=0.5),
    )
    fit(run, save=notebook.save, report=notebook.report)
    return notebook.terms()


def record() -> None:
    """Write the file."""
    recorded = {source.value: first_steps(source) for source in VoiceSource}
    RECORD_PATH.write_text(json.dumps(recorded, indent=1) + "\n")
    sys.stderr.write(f"recorded {RECORD_PATH}\n")


if __name__ == "__main__":
    record()
