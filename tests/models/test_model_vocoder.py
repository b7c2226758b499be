"""The decoder at its three rates."""

from __future__ import annotations

import pytest
import torch
from tiny_voice import HOP

from clock_train.models.vocoder import Vocoder, VocoderConfig, VocoderRate


def _vocoder(rate: VocoderRate, hop: int = HOP) -> Vocoder:
    config = VocoderConfig(rate=rate, channels=16, layers=3, hop_samples=hop)
    return Vocoder(config, latent_channels=8, condition_channels=4)


@pytest.mark.parametrize("rate", list(VocoderRate))
@pytest.mark.parametrize("hop", [256, 64])
def test_every_rate_gives_a_hop_of_samples_a_frame(rate: VocoderRate, hop: int) -> None:
    waveform = _vocoder(rate, hop)(torch.randn(2, 8, 13), torch.randn(2, 4))
    assert waveform.shape == (2, 13 * hop)
    assert waveform.dtype == torch.float32


@pytest.mark.parametrize("rate", list(VocoderRate))
def test_gradients_reach_every_weight(rate: VocoderRate) -> None:
    vocoder = _vocoder(rate)
    vocoder(torch.randn(1, 8, 12), torch.randn(1, 4)).square().sum().backward()
    idle = [name for name, p in vocoder.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert idle == []


def test_rate_sample_speaks_the_noise_that_it_is_given() -> None:
    vocoder = _vocoder(VocoderRate.SAMPLE).eval()
    latent, condition, noise = torch.randn(1, 8, 6), torch.randn(1, 4), torch.randn(1, 1, 6 * HOP)
    once, again = vocoder(latent, condition, noise), vocoder(latent, condition, noise)
    assert torch.equal(once, again)
    assert not torch.equal(once, vocoder(latent, condition, torch.randn(1, 1, 6 * HOP)))
    assert once.abs().max() <= 1.0


def test_a_frame_is_heard_only_around_itself() -> None:
    vocoder = _vocoder(VocoderRate.FRAME).eval()
    latent, condition = torch.randn(1, 8, 50), torch.randn(1, 4)
    before = vocoder(latent, condition)
    latent[:, :, 25] += 3.0
    changed = (vocoder(latent, condition) != before)[0].nonzero().flatten()
    # the entry convolution sees 3 frames, and a transform spreads over its own frame and 384 samples on each side
    reach = (vocoder.stack.receptive_frames + 3) * HOP + 384
    assert 25 * HOP - reach <= int(changed.min())
    assert int(changed.max()) < 26 * HOP + reach


def test_a_new_decoder_is_quiet_and_finite() -> None:
    waveform = _vocoder(VocoderRate.FRAME)(torch.randn(1, 8, 30), torch.randn(1, 4))
    assert 0 < waveform.abs().max() < 1.0


def test_wild_latents_stay_finite() -> None:
    waveform = _vocoder(VocoderRate.FRAME)(1e4 * torch.randn(1, 8, 30), torch.randn(1, 4))
    assert torch.isfinite(waveform).all()


def test_samples_keep_their_precision_under_autocast() -> None:
    # the products of the inverse transform in bfloat16 would leave 8 bits of a 16-bit sample
    vocoder = _vocoder(VocoderRate.FRAME).eval()
    bins = vocoder.n_fft // 2 + 1
    real, imaginary = torch.randn(1, bins, 12), torch.randn(1, bins, 12)
    exact = vocoder.inverse_stft(real, imaginary)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(vocoder.inverse_stft(real, imaginary), exact)
