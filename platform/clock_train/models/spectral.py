"""Spectra on the device: what the posterior encoder reads and the losses compare.

The same framing as ``clock_train.audio.mel`` (frames = samples / hop, no centre frame), so that a frame means one thing
everywhere; a test holds the two together.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from clock_train.audio.mel import MelConfig, mel_filterbank

LOG_FLOOR = 1e-5
"""Mel magnitudes below this are silence; the same floor as in ``audio.mel``. Linear ones end at 3e-5."""


def magnitude_spectrogram(waveform_BN: Tensor, *, n_fft: int, hop_samples: int, window: Tensor) -> Tensor:
    """Magnitudes (B, n_fft // 2 + 1, N / hop) of (B, N) float32; N must be a multiple of the hop."""
    pad = (n_fft - hop_samples) // 2
    padded = F.pad(waveform_BN.unsqueeze(1), (pad, pad), mode="reflect").squeeze(1)
    spectrum = torch.stft(
        padded,
        n_fft,
        hop_length=hop_samples,
        win_length=window.numel(),
        window=window,
        center=False,
        return_complex=True,
    )
    # the floor keeps the gradient of sqrt finite at exact silence
    return torch.sqrt(spectrum.real.square() + spectrum.imag.square() + 1e-9)


class Spectrogram(nn.Module):
    """Log-linear and log-mel spectrograms of a batch of waveforms; no parameters."""

    def __init__(self, config: MelConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("window", torch.hann_window(config.win_samples), persistent=False)
        self.register_buffer("filterbank", torch.from_numpy(mel_filterbank(config).copy()), persistent=False)
        self.window: Tensor
        self.filterbank: Tensor

    def magnitude(self, waveform_BN: Tensor) -> Tensor:
        """(B, N) to magnitudes (B, F, T)."""
        return magnitude_spectrogram(
            waveform_BN, n_fft=self.config.n_fft, hop_samples=self.config.hop_samples, window=self.window
        )

    def log_mel_of(self, magnitude_BFT: Tensor) -> Tensor:
        """Natural log-mel (B, M, T) of magnitudes."""
        return torch.log(torch.clamp(self.filterbank @ magnitude_BFT, min=LOG_FLOOR))

    def forward(self, waveform_BN: Tensor) -> tuple[Tensor, Tensor]:
        """(B, N) to natural-log linear (B, F, T) and natural-log mel (B, M, T)."""
        magnitude = self.magnitude(waveform_BN)
        return torch.log(torch.clamp(magnitude, min=LOG_FLOOR)), self.log_mel_of(magnitude)
