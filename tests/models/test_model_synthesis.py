"""From ids to a waveform."""

from __future__ import annotations

import pytest
import torch
from tiny_voice import HOP, some_condition, some_ids, tiny_voice

from clock_train.models.vocoder import VocoderRate
from clock_train.models.voice import MAX_FRAMES_A_PHONE, Reading, VoiceModel

PHONES = torch.tensor([6, 4])


def _voice_of_frames(frames: float, *, rate: VocoderRate = VocoderRate.FRAME) -> VoiceModel:
    """Every phone lasts ``frames``."""
    voice = tiny_voice(rate=rate)
    voice.duration.exit.weight.data.zero_()
    assert voice.duration.exit.bias is not None
    voice.duration.exit.bias.data.fill_(torch.tensor(frames).log())
    return voice


@pytest.mark.parametrize("rate", list(VocoderRate))
def test_shapes_and_lengths(rate: VocoderRate) -> None:
    voice = _voice_of_frames(3, rate=rate)
    waveform, samples, durations = voice.synthesize(some_ids(2, 6), PHONES, some_condition(voice, 2))
    assert waveform.shape == (2, 6 * 3 * HOP)
    assert samples.tolist() == [6 * 3 * HOP, 4 * 3 * HOP]
    assert durations.tolist() == [[3] * 6, [3] * 4 + [0] * 2]


@pytest.mark.parametrize(("speed", "frames"), [(1.0, 8), (2.0, 4), (0.5, 16)])
def test_speed_divides_the_length(speed: float, frames: int) -> None:
    voice = _voice_of_frames(8)
    _, samples, _ = voice.synthesize(some_ids(2, 6), PHONES, some_condition(voice, 2), speed=speed)
    assert samples.tolist() == [6 * frames * HOP, 4 * frames * HOP]


def test_no_phone_is_lost_at_high_speed_and_none_lasts_for_ever() -> None:
    for predicted, expected in ((0.01, 1), (1e9, int(MAX_FRAMES_A_PHONE))):
        voice = _voice_of_frames(predicted)
        _, _, durations = voice.synthesize(some_ids(1, 6), PHONES[:1], some_condition(voice, 1))
        assert durations.tolist() == [[expected] * 6]


def test_the_same_generator_says_the_same_and_another_something_else() -> None:
    voice = _voice_of_frames(3)
    ids, condition = some_ids(2, 6), some_condition(voice, 2)
    first, again, other = (
        voice.synthesize(ids, PHONES, condition, generator=torch.Generator().manual_seed(seed))[0] for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_without_noise_the_generator_does_not_matter() -> None:
    voice = _voice_of_frames(3)
    ids, condition = some_ids(2, 6), some_condition(voice, 2)
    first, other = (voice.synthesize(ids, PHONES, condition, noise_scale=0.0)[0] for _ in range(2))
    assert torch.equal(first, other)


def test_another_voice_and_other_phones_sound_different() -> None:
    voice = _voice_of_frames(3)
    ids, condition = some_ids(1, 6), some_condition(voice, 2)
    first, other_voice = (voice.synthesize(ids, PHONES[:1], condition[i : i + 1], noise_scale=0.0)[0] for i in (0, 1))
    other_text = voice.synthesize((ids + 1) % 3, PHONES[:1], condition[:1], noise_scale=0.0)[0]
    assert not torch.allclose(first, other_voice, atol=1e-4)
    assert not torch.allclose(first, other_text, atol=1e-4)


def test_alignment_search_gives_each_phone_the_frames_that_sound_like_it() -> None:
    voice = tiny_voice()
    mel_of_phones = torch.randn(1, 80, 4)
    reading = Reading(torch.zeros(1, 16, 4), mel_of_phones, mel_of_phones, torch.ones(1, 1, 4))
    durations = torch.tensor([[3, 1, 5, 2]])
    mel = torch.repeat_interleave(mel_of_phones, durations[0], dim=2)
    found = voice.search_alignment(reading, mel, torch.tensor([4]), torch.tensor([11]))
    assert found.tolist() == durations.tolist()


def test_alignment_search_is_the_same_in_mixed_precision() -> None:
    voice = tiny_voice()
    # phones that are much alike, far from the middle: small differences of large numbers
    mel_of_phones = 3.0 + 0.1 * torch.randn(1, 80, 12)
    reading = Reading(torch.zeros(1, 16, 12), mel_of_phones, mel_of_phones, torch.ones(1, 1, 12))
    mel = 3.0 + 0.1 * torch.randn(1, 80, 90)
    exact = voice.search_alignment(reading, mel, torch.tensor([12]), torch.tensor([90]))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = voice.search_alignment(reading, mel, torch.tensor([12]), torch.tensor([90]))
    assert mixed.tolist() == exact.tolist()
