"""A training of the conditions alone: all else stays to the last bit, and a resumed one equals an unbroken one."""

from __future__ import annotations

import pytest
import torch
from tiny_run import Notebook, tiny_run, tiny_voice

from clock_train.models.voice import VoiceSource
from clock_train.training.loop import fit
from clock_train.training.run import Run
from clock_train.training.schedule import ScheduleConfig
from clock_train.training.trained_parts import TrainedParts, freeze

SETTINGS = {"trained": TrainedParts.CONDITIONS, "schedule": ScheduleConfig(hearing_steps=0, detach_prior_steps=0)}


def changed(run: Run, before: dict[str, torch.Tensor]) -> set[str]:
    return {name for name, value in run.voice.state_dict().items() if not torch.equal(value, before[name])}


def copied(run: Run) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in run.voice.state_dict().items()}


def test_only_conditions_biases_and_scales_change() -> None:
    run = tiny_run(max_steps=3, **SETTINGS)
    before = copied(run)
    fit(run, save=Notebook().save)
    moved = changed(run, before)
    trained = {name for name, each in run.voice.named_parameters() if each.requires_grad}
    assert moved and moved <= trained
    assert "stored_speakers.weight" in moved and any("vocoder" in name and "condition" in name for name in moved)
    assert not any(name.startswith("posterior_encoder.") for name in moved)
    assert set(run.average.state()) == trained


def test_all_is_what_it_was() -> None:
    run = tiny_run(max_steps=3)
    assert all(each.requires_grad for each in run.voice.parameters())


@pytest.mark.parametrize("source", list(VoiceSource))
def test_a_student_and_a_teacher_have_conditions_in_every_part(source: VoiceSource) -> None:
    voice = tiny_voice(voice_source=source)
    freeze(voice, TrainedParts.CONDITIONS)
    trained = {name.split(".")[0] for name, each in voice.named_parameters() if each.requires_grad}
    assert {"condition", "text_encoder", "duration", "prior", "flow", "vocoder"} <= trained


def test_it_goes_on_from_a_checkpoint_to_the_last_bit() -> None:
    whole, first = tiny_run(max_steps=6, **SETTINGS), Notebook()
    fit(whole, save=Notebook().save)
    fit(tiny_run(max_steps=3, checkpoint_every=3, **SETTINGS), save=first.save)
    resumed = tiny_run(max_steps=6, files=first.checkpoints[3], **SETTINGS)
    fit(resumed, save=Notebook().save)
    assert not changed(resumed, copied(whole))
