"""Neither padding nor the neighbours in a batch change what a part says of a clip.

Tolerances: a batch is multiplied in other blocks than a single clip, so float32 sums differ in their last bits.
"""

from __future__ import annotations

import pytest
import torch
from tiny_voice import HOP, some_condition, some_ids, tiny_voice
from torch import Tensor

from clock_train.models.vocoder import VocoderRate
from clock_train.models.voice import VoiceModel, VoiceSource, length_mask

SHORT, LONG = 5, 9


@pytest.fixture
def voice() -> VoiceModel:
    return tiny_voice()


def _assert_close(made: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(made, expected, atol=2e-5, rtol=0)


def _garbage_after(x: Tensor, length: int) -> Tensor:
    """What follows the first row's valid part must not matter, so it is made wild."""
    x = x.clone()
    x[0, ..., length:] = 1e3 if x.is_floating_point() else 1
    return x


def test_text_encoding_and_durations(voice: VoiceModel) -> None:
    ids, condition = _garbage_after(some_ids(2, LONG), SHORT), some_condition(voice, 2)
    both = voice.read(ids, torch.tensor([SHORT, LONG]), condition)
    alone = voice.read(ids[:1, :, :SHORT], torch.tensor([SHORT]), condition[:1])
    _assert_close(both.encoded_BCL[:1, :, :SHORT], alone.encoded_BCL)
    _assert_close(both.mel_BML[:1, :, :SHORT], alone.mel_BML)
    assert (both.encoded_BCL[0, :, SHORT:] == 0).all()
    durations = voice.duration(both.encoded_BCL, both.mask_B1L, condition)
    durations_alone = voice.duration(alone.encoded_BCL, alone.mask_B1L, condition[:1])
    _assert_close(durations[:1, :SHORT], durations_alone)
    assert (durations[0, SHORT:] == 0).all()


def test_posterior(voice: VoiceModel) -> None:
    spectrum, condition = _garbage_after(torch.randn(2, 513, LONG), SHORT), some_condition(voice, 2)
    noise = torch.randn(2, voice.config.latent_channels, LONG)
    both = voice.hear(spectrum, torch.tensor([SHORT, LONG]), condition, noise)
    alone = voice.hear(spectrum[:1, :, :SHORT], torch.tensor([SHORT]), condition[:1], noise[:1, :, :SHORT])
    _assert_close(both.latent[:1, :, :SHORT], alone.latent)
    assert (both.latent[0, :, SHORT:] == 0).all()


def test_prior_and_flow(voice: VoiceModel) -> None:
    durations = torch.tensor([[2, 3, 0], [4, 1, 6]])
    text, condition = _garbage_after(torch.randn(2, 16, 3), 2), some_condition(voice, 2)
    mask = length_mask(torch.tensor([5, 11]), 11)
    mean, log_deviation = voice.prior(text, durations, mask, condition)
    alone = voice.prior(text[:1, :, :2], durations[:1, :2], mask[:1, :, :5], condition[:1])
    _assert_close(mean[:1, :, :5], alone[0])
    _assert_close(log_deviation[:1, :, :5], alone[1])
    latent = voice.flow(mean, mask, condition, inverse=True)
    latent_alone = voice.flow(alone[0], mask[:1, :, :5], condition[:1], inverse=True)
    _assert_close(latent[:1, :, :5], latent_alone)


@pytest.mark.parametrize("length", [21, 22, 23, 24])
def test_speaker_encoder(length: int) -> None:
    encoder = tiny_voice(voice_source=VoiceSource.ENCODER).speaker_encoder
    mfcc = _garbage_after(torch.randn(2, 40, 37), length)
    both = encoder(mfcc, torch.tensor([length, 37]))
    alone = encoder(mfcc[:1, :, :length], torch.tensor([length]))
    _assert_close(both[:1], alone)


@pytest.mark.parametrize("rate", [VocoderRate.FRAME, VocoderRate.FOUR_TIMES])
def test_synthesis(rate: VocoderRate) -> None:
    voice = tiny_voice(rate=rate)
    ids, condition = some_ids(2, LONG), some_condition(voice, 2)
    both, samples, durations = voice.synthesize(ids, torch.tensor([SHORT, LONG]), condition, noise_scale=0.0)
    alone, samples_alone, durations_alone = voice.synthesize(
        ids[:1, :, :SHORT], torch.tensor([SHORT]), condition[:1], noise_scale=0.0
    )
    assert samples[0] == samples_alone[0] == alone.shape[1]
    assert samples[1] > samples[0] + 2 * HOP, "the second must be longer, or nothing is padded"
    assert durations[0, :SHORT].tolist() == durations_alone[0].tolist()
    _assert_close(both[:1, : alone.shape[1]], alone)
    # a hop after the end: the tail of the last frame's transform is over
    assert (both[0, samples[0] + 2 * HOP :] == 0).all()


def test_vocoder_at_the_sample_rate() -> None:
    voice = tiny_voice(rate=VocoderRate.SAMPLE)
    condition, frames = some_condition(voice, 2), torch.tensor([SHORT, LONG])
    mask = length_mask(frames, LONG)
    latent, noise = torch.randn(2, 8, LONG) * mask, torch.randn(2, 1, LONG * HOP)
    both = voice.vocoder(latent, condition, noise, mask_B1T=mask)
    alone = voice.vocoder(latent[:1, :, :SHORT], condition[:1], noise[:1, :, : SHORT * HOP])
    _assert_close(both[:1, : SHORT * HOP], alone)
    assert (both[0, SHORT * HOP :] == 0).all()
