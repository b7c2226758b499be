"""The posterior encoder: what a recording sounds like, as latents. Used in training only.

Source: Kim et al., VITS (2021); it reads log magnitudes here instead of magnitudes, which a short run learns faster.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from clock_train.models.wavenet import GatedStack


@dataclass(frozen=True, kw_only=True)
class PosteriorConfig:
    """Widths of the posterior encoder."""

    channels: int = 192
    layers: int = 8
    kernel: int = 5


class PosteriorEncoder(nn.Module):
    """Log-linear spectrograms to the mean and log standard deviation of the latent."""

    def __init__(
        self, config: PosteriorConfig, *, spectrum_bins: int, latent_channels: int, condition_channels: int
    ) -> None:
        super().__init__()
        self.latent_channels = latent_channels
        self.entry = nn.Conv1d(spectrum_bins, config.channels, 1)
        self.stack = GatedStack(
            config.channels,
            kernel=config.kernel,
            dilations=[1] * config.layers,
            condition_channels=condition_channels,
        )
        self.statistics = nn.Conv1d(config.channels, 2 * latent_channels, 1)

    def forward(self, log_spectrum_BFT: Tensor, mask_B1T: Tensor, condition_BG: Tensor) -> tuple[Tensor, Tensor]:
        """(B, F, T) natural-log magnitudes to mean and log deviation, each (B, C, T), zero in the padding."""
        # speech at 16 bit lies between -11.5 and 4; this centres it
        x = self.entry((log_spectrum_BFT + 4.0) / 3.0) * mask_B1T
        x = x + self.stack(x, mask_B1T, condition_BG)
        mean, log_deviation = (self.statistics(x) * mask_B1T).split([self.latent_channels] * 2, dim=1)
        return mean, torch.clamp(log_deviation, -7.0, 2.0)
