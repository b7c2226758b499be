"""What of a teacher fits into its student is taken over, layer by layer; nothing else is touched."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tiny_lessons import tiny_student
from tiny_run import VOCABULARY, tiny_voice

from clock_train.models.text_encoder import TextEncoderConfig
from clock_train.models.vocoder import VocoderConfig
from clock_train.models.voice import VoiceModel
from clock_train.training.taking_over import take_over


def voice(*, layers: int, width: int = 24, blocks: int = 1, seed: int) -> VoiceModel:
    config = tiny_voice().config
    torch.manual_seed(seed)
    text = TextEncoderConfig(channels=16, layers=blocks, heads=2, feed_forward=24)
    return VoiceModel(
        replace(config, vocoder=VocoderConfig(channels=width, layers=layers), text_encoder=text),
        VOCABULARY,
        num_speakers=2,
    )


def test_a_copy_of_the_teacher_takes_all_but_the_speakers() -> None:
    teacher, student = voice(layers=2, seed=1), voice(layers=2, seed=2)
    vectors = student.stored_speakers.weight.clone()
    share = take_over(student, teacher)
    assert torch.equal(student.stored_speakers.weight, vectors)
    own = sum(parameter.numel() for parameter in student.parameters())
    assert share == pytest.approx(1 - vectors.numel() / own)
    theirs = teacher.state_dict()
    for name, value in student.state_dict().items():
        assert torch.equal(value, theirs[name]) or name.startswith("stored_speakers"), name


def test_a_shorter_student_is_the_teachers_first_layers() -> None:
    teacher, student = voice(layers=4, blocks=2, seed=1), voice(layers=2, seed=2)
    assert take_over(student, teacher) > 0.95
    # the sound of the first two layers alone: skips of the later ones left out
    latent, condition = torch.randn(1, 8, 20), torch.randn(1, 12)
    stack = teacher.vocoder.stack
    x = teacher.vocoder.entry(latent)
    skips = torch.zeros_like(x)
    assert stack.condition is not None
    conditions = stack.condition(condition).unsqueeze(-1).split(48, dim=1)
    for i in range(2):
        filtered, gate = (stack.dilated[i](x) + conditions[i]).split([24, 24], dim=1)
        residual, skip = stack.mixing[i](torch.tanh(filtered) * torch.sigmoid(gate)).split([24, 24], dim=1)
        x, skips = x + residual, skips + skip
    made = student.vocoder.stack(student.vocoder.entry(latent), None, condition)
    assert torch.allclose(made, skips, atol=1e-6)
    ids, phones = torch.ones(1, 3, 5, dtype=torch.int64), torch.tensor([5])
    assert torch.equal(student.text_encoder.embed(ids), teacher.text_encoder.embed(ids))
    assert student.read(ids, phones, condition).encoded_BCL.shape == (1, 16, 5)


def test_a_student_of_other_widths_takes_only_what_is_as_wide() -> None:
    teacher, student = tiny_voice(), tiny_student()
    before = {name: value.clone() for name, value in student.state_dict().items()}
    share = take_over(student, teacher)
    assert 0 < share < 1
    theirs = teacher.state_dict()
    changed = {name for name, value in student.state_dict().items() if not torch.equal(value, before[name])}
    assert "text_encoder.phone.weight" in changed and not any(name.startswith("vocoder.entry") for name in changed)
    for name in changed:
        assert theirs[name].shape[1:] == before[name].shape[1:], name


def test_the_teacher_is_only_read() -> None:
    teacher, student = voice(layers=4, seed=1), voice(layers=2, seed=2)
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    take_over(student, teacher)
    with torch.no_grad():
        for parameter in student.parameters():
            parameter.add_(1.0)
    assert all(torch.equal(value, before[name]) for name, value in teacher.state_dict().items())
