"""Trains a tiny voice as one of several workers and prints the first worker's losses, one JSON object a step.

python tests/training/parallel_run.py RANK WORLD STORE STEPS VOICE_SOURCE|taught
"""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path

import torch
from tiny_lessons import taught, taught_run, tiny_student
from tiny_run import CPU, SMALL_JUDGES, Notebook, tiny_corpus, tiny_voice
from torch import distributed

from clock_train.models.voice import VoiceModel, VoiceSource
from clock_train.training.lessons import LessonConfig
from clock_train.training.loop import fit
from clock_train.training.optimizers import OptimizerConfig
from clock_train.training.parallel import ALONE, Workers
from clock_train.training.run import Run, TrainingConfig
from clock_train.training.schedule import ScheduleConfig

TAUGHT = "taught"


def without_dropout(voice: VoiceModel) -> VoiceModel:
    """Dropout is each worker's own, so equal losses need it off."""
    for module in voice.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return voice


def train(rank: int, world: int, steps: int, voice_source: VoiceSource) -> Notebook:
    """Five clips a batch, which two workers cannot share evenly; all three phases."""
    torch.set_num_threads(1)
    notebook = Notebook()
    config = TrainingConfig(
        batch_size=5,
        max_steps=steps,
        checkpoint_every=10,
        discriminators=SMALL_JUDGES,
        optimizer=OptimizerConfig(learning_rate=1e-5, warmup_steps=10),
        schedule=ScheduleConfig(hearing_steps=steps // 3, contest_from_step=2 * steps // 3),
    )
    voice = without_dropout(tiny_voice(voice_source=voice_source))
    run = Run(voice, tiny_corpus(), config, device=CPU, parallel=Workers(CPU) if world > 1 else ALONE)
    fit(run, save=notebook.save, report=notebook.report)
    assert (not notebook.checkpoints) == (rank > 0), "only the first worker saves"
    return notebook


def train_taught(rank: int, world: int, steps: int) -> Notebook:
    """A student by a teacher: five clips a batch, two of them the teacher's; all three phases."""
    torch.set_num_threads(1)
    notebook = Notebook()
    packed, lessons = taught()
    run = taught_run(
        packed,
        lessons,
        student=without_dropout(tiny_student()),
        parallel=Workers(CPU) if world > 1 else ALONE,
        lesson=LessonConfig(spoken_share=0.4),
        batch_size=5,
        max_steps=steps,
        checkpoint_every=10,
        optimizer=OptimizerConfig(learning_rate=1e-5, warmup_steps=10),
        schedule=ScheduleConfig(hearing_steps=steps // 3, contest_from_step=2 * steps // 3),
    )
    fit(run, save=notebook.save, report=notebook.report)
    return notebook


def main() -> None:
    """One worker."""
    rank, world, store, steps, source = sys.argv[1:]
    distributed.init_process_group(
        "gloo",
        init_method=f"file://{Path(store)}",
        rank=int(rank),
        world_size=int(world),
        timeout=timedelta(seconds=60),
    )
    if source == TAUGHT:
        notebook = train_taught(int(rank), int(world), int(steps))
    else:
        notebook = train(int(rank), int(world), int(steps), VoiceSource(source))
    distributed.destroy_process_group()
    for terms in notebook.terms():
        print(json.dumps(terms))


if __name__ == "__main__":
    main()
