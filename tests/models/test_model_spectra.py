"""Spectra in torch equal those of ``audio.mel``, and the inverse transform undoes the analysis."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from clock_train.audio.mel import MelConfig, log_mel
from clock_train.models.inverse_stft import InverseSTFT
from clock_train.models.spectral import Spectrogram, magnitude_spectrogram


def _speech_like(samples: int) -> np.ndarray:
    """A gliding harmonic tone with a pause, in faint noise: loud, soft and silent frames."""
    t = np.arange(samples) / 16_000
    phase = 2 * np.pi * np.cumsum(140 + 30 * np.sin(2 * np.pi * 3 * t)) / 16_000
    voice = sum(np.sin(k * phase) / k for k in range(1, 20)) * (np.sin(2 * np.pi * 2 * t) > -0.5)
    noise = 1e-3 * np.random.default_rng(0).standard_normal(samples)
    return (0.2 * voice + noise).astype(np.float32)


@pytest.mark.parametrize("config", [MelConfig(), MelConfig(win_samples=800, n_mels=40, max_hz=7_000.0)])
def test_log_mel_in_torch_equals_the_one_of_audio(config: MelConfig) -> None:
    waveform = _speech_like(62 * config.hop_samples)
    _, made = Spectrogram(config)(torch.from_numpy(waveform)[None])
    # float32 sums in another order, and the 1e-9 under the root, which is 3e-5 of a bin's magnitude of 1e-3
    np.testing.assert_allclose(made[0].numpy(), log_mel(waveform, config), atol=2e-3)


def test_silence_is_the_same_floor_in_torch_and_in_audio() -> None:
    silence = np.zeros(20 * 256, dtype=np.float32)
    _, made = Spectrogram(MelConfig())(torch.from_numpy(silence)[None])
    np.testing.assert_array_equal(made[0].numpy(), log_mel(silence))


def test_gradient_of_a_spectrogram_is_finite_at_exact_silence() -> None:
    waveform = torch.zeros((1, 20 * 256), requires_grad=True)
    _, mel = Spectrogram(MelConfig())(waveform)
    mel.sum().backward()
    assert waveform.grad is not None
    assert torch.isfinite(waveform.grad).all()


def test_a_frame_is_one_hop() -> None:
    log_linear, mel = Spectrogram(MelConfig())(torch.zeros((2, 33 * 256)))
    assert log_linear.shape == (2, 513, 33)
    assert mel.shape == (2, 80, 33)


@pytest.mark.parametrize(("n_fft", "hop"), [(1_024, 256), (256, 64), (96, 16)])
def test_inverse_equals_the_one_of_torch(n_fft: int, hop: int) -> None:
    spectrum = torch.randn((2, n_fft // 2 + 1, 30), dtype=torch.complex64)
    spectrum[:, [0, -1]] = spectrum[:, [0, -1]].real.to(torch.complex64)
    made = InverseSTFT(n_fft, hop)(spectrum.real, spectrum.imag)
    expected = torch.istft(spectrum, n_fft, hop_length=hop, window=torch.hann_window(n_fft))
    # torch cuts n_fft / 2 at the head, here (n_fft - hop) / 2 is cut; at the ends fewer frames overlap
    shifted = made[:, hop // 2 :][:, : expected.shape[1]]
    inside = slice(n_fft, -n_fft)
    torch.testing.assert_close(shifted[:, inside], expected[:, inside], atol=1e-5, rtol=0)


def test_inverse_undoes_the_analysis() -> None:
    waveform = torch.from_numpy(_speech_like(40 * 256))[None]
    window = torch.hann_window(1_024)
    padded = torch.nn.functional.pad(waveform[:, None], (384, 384), mode="reflect")[:, 0]
    spectrum = torch.stft(padded, 1_024, hop_length=256, window=window, center=False, return_complex=True)
    made = InverseSTFT(1_024, 256)(spectrum.real, spectrum.imag)
    assert made.shape == waveform.shape
    inside = slice(640, -640)
    # float32 products of 513 terms
    torch.testing.assert_close(made[:, inside], waveform[:, inside], atol=2e-6, rtol=0)


@pytest.mark.parametrize("hop", [512, 300, 1_024])
def test_inverse_refuses_hops_whose_windows_do_not_add_up(hop: int) -> None:
    with pytest.raises(ValueError, match=f"n_fft 1024 .* {hop}"):
        InverseSTFT(1_024, hop)


def test_magnitude_of_a_tone_peaks_at_its_bin() -> None:
    t = torch.arange(40 * 256) / 16_000
    tone = torch.sin(2 * torch.pi * 1_000 * t)[None]
    magnitude = magnitude_spectrogram(tone, n_fft=1_024, hop_samples=256, window=torch.hann_window(1_024))
    assert (magnitude[0, :, 5:-5].argmax(0) == 64).all()
    # a full-scale sine under a Hann window: N / 4
    torch.testing.assert_close(magnitude[0, 64, 5:-5], torch.full((30,), 256.0), rtol=1e-3, atol=0)
