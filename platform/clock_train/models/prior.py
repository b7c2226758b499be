"""The prior: what the latents of a text should be, frame by frame.

Each phone is repeated for its duration and knows how far through itself a frame is; a WaveNet stack then writes the
trajectory across phone borders. With ``layers = 0`` it is VITS's prior, constant within a phone; docs/adr/0002 holds
the measurement of both.
Source: Kim et al., VITS (2021); the frame-level network after Zhang et al., VISinger (2022).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from clock_train.models.alignment import expand
from clock_train.models.wavenet import GatedStack


@dataclass(frozen=True, kw_only=True)
class PriorConfig:
    """Widths of the frame-level prior."""

    channels: int = 128
    layers: int = 3
    kernel: int = 5


class FramePrior(nn.Module):
    """Encoded phones and durations to the mean and log deviation of each frame's latent."""

    def __init__(
        self, config: PriorConfig, *, text_channels: int, latent_channels: int, condition_channels: int
    ) -> None:
        super().__init__()
        self.latent_channels = latent_channels
        self.entry = nn.Conv1d(text_channels + 3, config.channels, 1)
        self.stack = (
            GatedStack(
                config.channels,
                kernel=config.kernel,
                dilations=[1] * config.layers,
                condition_channels=condition_channels,
            )
            if config.layers
            else None
        )
        self.statistics = nn.Conv1d(config.channels, 2 * latent_channels, 1)

    def forward(
        self,
        text_BCL: Tensor,
        durations_BL: Tensor,
        mask_B1T: Tensor,
        condition_BG: Tensor,
        *,
        first_frame_B: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """The prior of whole clips, or of a window of each.

        Args:
            text_BCL: (B, C, L) encoded phones of the whole text.
            durations_BL: (B, L) int64 frames of each phone.
            mask_B1T: (B, 1, T) of the frames wanted.
            condition_BG: (B, G).
            first_frame_B: (B,) where each window begins; None is the start of the clip.

        Returns:
            mean and log deviation, each (B, C, T).
        """
        path_BTL = expand(durations_BL, mask_B1T.shape[-1], first_frame_B)
        repeated = text_BCL @ path_BTL.transpose(1, 2)
        x = torch.cat([repeated, within_phone(durations_BL, path_BTL, first_frame_B)], dim=1)
        x = self.entry(x) * mask_B1T
        if self.stack is not None:
            x = x + self.stack(x, mask_B1T, condition_BG)
        mean, log_deviation = (self.statistics(x) * mask_B1T).split([self.latent_channels] * 2, dim=1)
        return mean, torch.clamp(log_deviation, -5.0, 2.0)


def within_phone(durations_BL: Tensor, path_BTL: Tensor, first_frame_B: Tensor | None = None) -> Tensor:
    """Where in its phone each frame lies: (B, 3, T) of fraction done, log of frames done, log of frames to come."""
    length = durations_BL.to(torch.float32)
    start = torch.cumsum(length, dim=1) - length
    t = torch.arange(path_BTL.shape[1], device=path_BTL.device, dtype=torch.float32)[None]
    if first_frame_B is not None:
        t = t + first_frame_B[:, None]
    # a product would round to bfloat16 under autocast, where frame 257 already does not exist
    own_start = (path_BTL * start.unsqueeze(1)).sum(-1)
    own_length = (path_BTL * length.unsqueeze(1)).sum(-1)
    valid = (own_length > 0).to(torch.float32)
    done = (t - own_start + 0.5) * valid
    left = torch.clamp(own_length - done, min=0.0)
    fraction = done / torch.clamp(own_length, min=1.0)
    return torch.stack([fraction, torch.log1p(done), torch.log1p(left)], dim=1)
