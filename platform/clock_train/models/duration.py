"""How long each phone lasts: a small convolutional predictor of log frames.

Deterministic: the stochastic predictor of VITS is slow, unstable in bfloat16 and hostile to ONNX.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from clock_train.models.channel_norm import ChannelNorm


@dataclass(frozen=True, kw_only=True)
class DurationConfig:
    """Widths of the duration predictor."""

    channels: int = 128
    kernel: int = 3
    dropout: float = 0.3


class DurationPredictor(nn.Module):
    """Encoded phones and a condition to natural-log durations in frames."""

    def __init__(self, config: DurationConfig, *, text_channels: int, condition_channels: int) -> None:
        super().__init__()
        self.condition = nn.Linear(condition_channels, text_channels)
        self.first = nn.Conv1d(text_channels, config.channels, config.kernel, padding=config.kernel // 2)
        self.first_norm = ChannelNorm(config.channels)
        self.second = nn.Conv1d(config.channels, config.channels, config.kernel, padding=config.kernel // 2)
        self.second_norm = ChannelNorm(config.channels)
        self.exit = nn.Conv1d(config.channels, 1, 1)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, text_BCL: Tensor, mask_B1L: Tensor, condition_BG: Tensor) -> Tensor:
        """(B, C, L) to (B, L) natural-log frames, zero in the padding."""
        x = (text_BCL + self.condition(condition_BG).unsqueeze(-1)) * mask_B1L
        x = self.dropout(self.first_norm(self.first(x).relu())) * mask_B1L
        x = self.dropout(self.second_norm(self.second(x).relu())) * mask_B1L
        return (self.exit(x) * mask_B1L).squeeze(1)
