"""The flow: an invertible map between what the posterior says and what text can predict.

Mean-only affine couplings with WaveNet inside, channels reversed in between.
Source: Kim et al., VITS (2021), after Glow (2018).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from clock_train.models.wavenet import GatedStack


@dataclass(frozen=True, kw_only=True)
class FlowConfig:
    """Widths of the flow."""

    channels: int = 96
    couplings: int = 2
    layers: int = 4
    kernel: int = 5


class Coupling(nn.Module):
    """Shifts one half of the channels by what the other half says."""

    def __init__(self, config: FlowConfig, *, latent_channels: int, condition_channels: int) -> None:
        super().__init__()
        self.half_channels = latent_channels // 2
        self.entry = nn.Conv1d(self.half_channels, config.channels, 1)
        self.stack = GatedStack(
            config.channels,
            kernel=config.kernel,
            dilations=[1] * config.layers,
            condition_channels=condition_channels,
        )
        self.shift = nn.Conv1d(config.channels, self.half_channels, 1)
        # begins as the identity, so that early latents are not scrambled
        nn.init.zeros_(self.shift.weight)
        if self.shift.bias is not None:
            nn.init.zeros_(self.shift.bias)

    def forward(self, x_BCT: Tensor, mask_B1T: Tensor, condition_BG: Tensor, *, inverse: bool) -> Tensor:
        """(B, C, T) to (B, C, T)."""
        kept, moved = x_BCT.split([self.half_channels, self.half_channels], dim=1)
        entry = self.entry(kept) * mask_B1T
        shift = self.shift(entry + self.stack(entry, mask_B1T, condition_BG)) * mask_B1T
        return torch.cat([kept, moved - shift if inverse else moved + shift], dim=1)


class Flow(nn.Module):
    """Couplings in a row; ``inverse`` runs them backwards. Volume-preserving: the log-determinant is zero."""

    def __init__(self, config: FlowConfig, *, latent_channels: int, condition_channels: int) -> None:
        super().__init__()
        self.couplings = nn.ModuleList(
            Coupling(config, latent_channels=latent_channels, condition_channels=condition_channels)
            for _ in range(config.couplings)
        )

    def forward(self, x_BCT: Tensor, mask_B1T: Tensor, condition_BG: Tensor, *, inverse: bool = False) -> Tensor:
        """Posterior latents to prior latents, or back; (B, C, T) both."""
        if not inverse:
            for coupling in self.couplings:
                x_BCT = torch.flip(coupling(x_BCT, mask_B1T, condition_BG, inverse=False), dims=(1,))
            return x_BCT
        for coupling in reversed(self.couplings):
            x_BCT = coupling(torch.flip(x_BCT, dims=(1,)), mask_B1T, condition_BG, inverse=True)
        return x_BCT
