"""Layer normalisation over the channels of one position.

Never over time: padding, neighbours in a batch and the cut of a stream must not change a frame.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class ChannelNorm(nn.LayerNorm):
    """(B, C, T) to (B, C, T), each position normalised over its C channels."""

    def forward(self, input: Tensor) -> Tensor:  # the name of the class it refines
        """Normalise (B, C, T) over C."""
        return F.layer_norm(input.transpose(1, 2), self.normalized_shape, self.weight, self.bias, self.eps).transpose(
            1, 2
        )
