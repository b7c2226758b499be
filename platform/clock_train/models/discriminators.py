"""The judges of adversarial training: periods of the waveform, and spectrograms at several resolutions.

Multi-resolution spectrogram discriminators replace the multi-scale ones of HiFi-GAN: cheaper, and they see what an
inverse STFT can get wrong.
Source: Kong et al., HiFi-GAN (2020), periods; Jang et al., UnivNet (2021), spectrograms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

LEAK = 0.1


@dataclass(frozen=True, kw_only=True)
class DiscriminatorConfig:
    """Which judges, and how wide."""

    periods: list[int] = field(default_factory=lambda: [2, 3, 5, 7, 11])
    period_channels: list[int] = field(default_factory=lambda: [32, 128, 256, 512])
    transforms: list[int] = field(default_factory=lambda: [1_024, 512, 256])
    """Sizes of the spectrogram judges; the hop is a quarter."""
    spectrum_channels: int = 32


Judgement = tuple[Tensor, list[Tensor]]
"""Scores, and the feature maps that feature matching compares."""


class Discriminators(nn.Module):
    """All judges as one module: a waveform (B, N) to one judgement each."""

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        self.judges = nn.ModuleList(
            [PeriodDiscriminator(period, config.period_channels) for period in config.periods]
            + [SpectrumDiscriminator(n_fft, config.spectrum_channels) for n_fft in config.transforms]
        )

    def forward(self, waveform_BN: Tensor) -> list[Judgement]:
        """One (scores, feature maps) a judge."""
        return [judge(waveform_BN) for judge in self.judges]


class PeriodDiscriminator(nn.Module):
    """Folds the waveform into rows of one period and looks down the columns."""

    def __init__(self, period: int, channels: Sequence[int]) -> None:
        super().__init__()
        self.period = period
        widths = [1, *channels]
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv2d(a, b, (5, 1), (3, 1), padding=(2, 0))) for a, b in pairwise(widths)
        )
        self.layers.append(weight_norm(nn.Conv2d(widths[-1], widths[-1], (5, 1), padding=(2, 0))))
        self.exit = weight_norm(nn.Conv2d(widths[-1], 1, (3, 1), padding=(1, 0)))

    def forward(self, waveform_BN: Tensor) -> Judgement:
        """(B, N) to scores and feature maps."""
        rest = -waveform_BN.shape[1] % self.period
        x = F.pad(waveform_BN.unsqueeze(1), (0, rest), mode="reflect")
        return _judge(x.unflatten(-1, (-1, self.period)), self.layers, self.exit)


class SpectrumDiscriminator(nn.Module):
    """Looks at a magnitude spectrogram of one resolution as at a picture."""

    def __init__(self, n_fft: int, channels: int) -> None:
        super().__init__()
        self.n_fft = n_fft
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        self.window: Tensor
        widths = [1, channels, channels, channels]
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv2d(a, b, (3, 9), stride=(1, 1 if a == 1 else 2), padding=(1, 4)))
            for a, b in pairwise(widths)
        )
        self.layers.append(weight_norm(nn.Conv2d(channels, channels, (3, 3), padding=(1, 1))))
        self.exit = weight_norm(nn.Conv2d(channels, 1, (3, 3), padding=(1, 1)))

    def forward(self, waveform_BN: Tensor) -> Judgement:
        """(B, N) to scores and feature maps."""
        spectrum = torch.stft(
            waveform_BN.float(), self.n_fft, hop_length=self.n_fft // 4, window=self.window, return_complex=True
        )
        magnitude = torch.sqrt(spectrum.real.square() + spectrum.imag.square() + 1e-9)
        return _judge(magnitude.unsqueeze(1).transpose(2, 3), self.layers, self.exit)


def _judge(x: Tensor, layers: nn.ModuleList, exit_layer: nn.Module) -> Judgement:
    features = []
    for layer in layers:
        x = F.leaky_relu(layer(x), LEAK)
        features.append(x)
    return exit_layer(x).flatten(1), features
