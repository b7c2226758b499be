"""The WaveNet cell: dilated convolution, tanh-sigmoid gate, residual and skip, a condition in every layer.

Decoder, posterior encoder, flow and frame prior are all stacks of this one cell; only widths and dilations differ.
Non-causal, as in Parallel WaveNet: nothing here runs sample after sample.

Source: van den Oord et al., WaveNet (2016); layout of one fused condition projection as in Kim et al., VITS (2021).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class GatedStack(nn.Module):
    """A stack of WaveNet cells of one width.

    Args:
        channels: width C of residual and skip path.
        kernel: taps of each dilated convolution, odd.
        dilations: one entry a layer.
        condition_channels: width G of the condition vector; 0 for none.
        dropout: on the gate's output.
    """

    def __init__(
        self,
        channels: int,
        *,
        kernel: int,
        dilations: Sequence[int],
        condition_channels: int = 0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.channels = channels
        self.dilated = nn.ModuleList(
            nn.Conv1d(channels, 2 * channels, kernel, dilation=d, padding=d * (kernel - 1) // 2) for d in dilations
        )
        # The last layer feeds only the skip path: its residual half would never be read.
        last = len(dilations) - 1
        self.mixing = nn.ModuleList(
            nn.Conv1d(channels, channels if i == last else 2 * channels, 1) for i in range(len(dilations))
        )
        self.condition = (
            nn.Linear(condition_channels, 2 * channels * len(dilations), bias=False) if condition_channels else None
        )
        self.dropout = nn.Dropout(dropout)
        self.receptive_frames = sum(d * (kernel - 1) // 2 for d in dilations)
        """Frames that one output frame sees on each side; what streaming needs as context."""

    def forward(self, x_BCT: Tensor, mask_B1T: Tensor | None = None, condition_BG: Tensor | None = None) -> Tensor:
        """(B, C, T) to (B, C, T), the sum of the skips; padding frames stay zero where a mask is given."""
        conditions = None
        if self.condition is not None and condition_BG is not None:
            conditions = self.condition(condition_BG).unsqueeze(-1).split(2 * self.channels, dim=1)
        skips = torch.zeros_like(x_BCT)
        for i, (dilated, mixing) in enumerate(zip(self.dilated, self.mixing, strict=True)):
            gates = dilated(x_BCT)
            if conditions is not None:
                gates = gates + conditions[i]
            # split with constant sizes: chunk() exports as a chain of Shape and Slice nodes
            filtered, gate = gates.split([self.channels, self.channels], dim=1)
            mixed = mixing(self.dropout(torch.tanh(filtered) * torch.sigmoid(gate)))
            if i == len(self.dilated) - 1:
                skips = skips + mixed
                break
            residual, skip = mixed.split([self.channels, self.channels], dim=1)
            x_BCT = x_BCT + residual
            if mask_B1T is not None:
                x_BCT = x_BCT * mask_B1T
            skips = skips + skip
        return skips if mask_B1T is None else skips * mask_B1T
