"""The speaker encoder: MFCCs through 1-D convolutions and self-attention to one vector a recording.

As the article prescribes. Time is reduced four times before attention (30 s of speech would otherwise cost 1.8 s of
CPU). Pooling is attentive statistics: a weighted mean and deviation over time.
Source: the article, section 2.1; Okabe et al., Attentive Statistics Pooling (2018).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from clock_train.errors import ConfigError
from clock_train.models.channel_norm import ChannelNorm
from clock_train.models.text_encoder import TextEncoderConfig, TransformerBlock


@dataclass(frozen=True, kw_only=True)
class SpeakerEncoderConfig:
    """Widths of the speaker encoder."""

    coefficients: int = 40
    """MFCCs of a frame; their first and second differences are added here."""
    channels: int = 384
    convolutions: int = 4
    attention_layers: int = 3
    heads: int = 4
    feed_forward: int = 1_536

    def __post_init__(self) -> None:
        if self.channels % (2 * self.heads) != 0:
            raise ConfigError(
                f"models.speaker_encoder.channels is {self.channels}; give a multiple of 2 x heads ({2 * self.heads})"
            )


class SpeakerEncoder(nn.Module):
    """MFCCs (B, 40, T) to unit vectors (B, G)."""

    def __init__(self, config: SpeakerEncoderConfig, *, embedding_channels: int) -> None:
        super().__init__()
        width = config.channels
        self.input_norm = ChannelNorm(3 * config.coefficients)
        self.entry = nn.Conv1d(3 * config.coefficients, width, 5, stride=2, padding=2)
        self.reduce = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.convolutions = nn.ModuleList(nn.Conv1d(width, width, 3, padding=1) for _ in range(config.convolutions))
        self.norms = nn.ModuleList(ChannelNorm(width) for _ in range(config.convolutions))
        block = TextEncoderConfig(
            channels=width,
            layers=config.attention_layers,
            heads=config.heads,
            feed_forward=config.feed_forward,
            kernel=1,
            dropout=0.1,
        )
        self.attention = nn.ModuleList(TransformerBlock(block) for _ in range(config.attention_layers))
        self.weigh = nn.Sequential(nn.Conv1d(width, 128, 1), nn.Tanh(), nn.Conv1d(128, width, 1))
        self.exit = nn.Linear(2 * width, embedding_channels)

    def forward(self, mfcc_BKT: Tensor, lengths_B: Tensor) -> Tensor:
        """Unit vectors (B, G) of MFCCs (B, 40, T) with ``lengths_B`` valid frames each."""
        x = with_differences(mfcc_BKT, lengths_B)
        x = self.input_norm(x) * _mask_of(x, lengths_B)
        x = self.entry(x).relu()
        x = self.reduce(x * _mask_of(x, (lengths_B + 1) // 2)).relu()
        mask = _mask_of(x, (lengths_B + 3) // 4)
        x = x * mask
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = (x + convolution(norm(x) * mask).relu()) * mask
        for block in self.attention:
            x = block(x, mask)
        weight = torch.softmax(self.weigh(x).masked_fill(mask == 0, -1e4), dim=-1)
        mean = (weight * x).sum(-1)
        deviation = torch.sqrt(torch.clamp((weight * x.square()).sum(-1) - mean.square(), min=1e-6))
        return F.normalize(self.exit(torch.cat([mean, deviation], dim=-1)), dim=-1)


def _mask_of(x_BCT: Tensor, lengths_B: Tensor) -> Tensor:
    position = torch.arange(x_BCT.shape[-1], device=x_BCT.device)
    return (position[None] < lengths_B[:, None]).unsqueeze(1).to(x_BCT.dtype)


def with_differences(mfcc_BKT: Tensor, lengths_B: Tensor) -> Tensor:
    """MFCCs with their first and second differences over time, (B, 3K, T); each clip's ends are continued."""
    first = _difference(mfcc_BKT, lengths_B)
    return torch.cat([mfcc_BKT, first, _difference(first, lengths_B)], dim=1)


def _difference(x_BKT: Tensor, lengths_B: Tensor) -> Tensor:
    frame = torch.arange(x_BKT.shape[-1], device=x_BKT.device)
    later = torch.minimum(frame + 1, (lengths_B - 1)[:, None])[:, None].expand_as(x_BKT)
    earlier = F.pad(x_BKT, (1, 0), mode="replicate")[..., :-1]
    return (torch.gather(x_BKT, 2, later) - earlier) / 2
