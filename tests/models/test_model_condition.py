"""Voice, labels and circumstances: what the condition vector is made of."""

from __future__ import annotations

import pytest
import torch
from tiny_voice import shaken, tiny_voice

from clock_train.models.condition import Condition, clean_circumstances
from clock_train.models.speaker_encoder import with_differences
from clock_train.models.style_labels import EMOTIONS, STYLES, label_ids
from clock_train.models.voice import VoiceSource

NO_LABELS = torch.zeros((1, 2), dtype=torch.int64)


def test_no_circumstances_are_a_clean_recording() -> None:
    condition, speaker = shaken(Condition(embedding_channels=6, condition_channels=5)), torch.randn(1, 6)
    clean = condition(speaker, NO_LABELS, clean_circumstances(1))
    expected = condition.speaker(speaker) + (condition.style.weight[:1] + condition.emotion.weight[:1])
    assert torch.equal(clean, expected)


@pytest.mark.parametrize("circumstance", [0, 1])
def test_noise_and_speed_move_the_condition_by_their_size(circumstance: int) -> None:
    condition, speaker = shaken(Condition(embedding_channels=6, condition_channels=5)), torch.randn(1, 6)
    amount = torch.zeros(1, 2)
    amount[0, circumstance] = 0.5
    clean = condition(speaker, NO_LABELS, clean_circumstances(1))
    half, whole = condition(speaker, NO_LABELS, amount) - clean, condition(speaker, NO_LABELS, 2 * amount) - clean
    assert half.abs().max() > 0
    torch.testing.assert_close(2 * half, whole, atol=1e-6, rtol=0)


def test_a_new_model_makes_nothing_of_labels_and_circumstances() -> None:
    condition, speaker = Condition(embedding_channels=6, condition_channels=5), torch.randn(1, 6)
    labelled = condition(speaker, torch.tensor([[2, 3]]), torch.tensor([[1.0, -1.0]]))
    assert torch.equal(labelled, condition(speaker, NO_LABELS, clean_circumstances(1)))


@pytest.mark.parametrize(
    ("style", "emotion", "ids"),
    [
        ("", None, (0, 0)),
        ("question", None, (STYLES.index("question"), 0)),
        ("statement", " Happy ", (STYLES.index("statement"), EMOTIONS.index("happy"))),
        ("sung", "wistful", (0, EMOTIONS.index("other"))),
        ("exclamation", "", (STYLES.index("exclamation"), 0)),
    ],
)
def test_labels_of_a_manifest_have_their_numbers(style: str, emotion: str | None, ids: tuple[int, int]) -> None:
    assert label_ids(style, emotion) == ids


def test_speaker_vectors_have_unit_length() -> None:
    encoder = tiny_voice(voice_source=VoiceSource.ENCODER).speaker_encoder
    vectors = encoder(torch.randn(3, 40, 50), torch.tensor([50, 31, 8]))
    torch.testing.assert_close(vectors.norm(dim=-1), torch.ones(3))


def test_a_speaker_vector_hears_the_whole_recording() -> None:
    encoder = tiny_voice(voice_source=VoiceSource.ENCODER).speaker_encoder
    mfcc = torch.randn(1, 40, 37, requires_grad=True)
    encoder(mfcc, torch.tensor([37])).square().cumsum(-1).sum().backward()
    assert mfcc.grad is not None
    assert (mfcc.grad.abs().sum(1) > 0).all()


def test_differences_of_a_ramp_are_its_slope() -> None:
    ramp = 3.0 * torch.arange(10.0)[None, None]
    value, first, second = with_differences(ramp, torch.tensor([10]))[0]
    assert torch.equal(value, ramp[0, 0])
    assert first[1:-1].tolist() == [3.0] * 8
    assert second[2:-2].tolist() == [0.0] * 6
