"""The running average of weights that speaks at the end."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class WeightAverage:
    """Exponential moving average of a module's parameters that have a gradient.

    The decay warms up, ``min(decay, (1 + n) / (10 + n))``, so that a short run is not averaged with its random start.
    """

    def __init__(self, module: nn.Module, *, decay: float) -> None:
        self.decay, self.updates = decay, 0
        self._live = {name: each for name, each in module.named_parameters() if each.requires_grad}
        self.average = {name: parameter.detach().clone() for name, parameter in self._live.items()}

    @torch.no_grad()
    def update(self) -> None:
        """Move the average towards the weights as they are."""
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        averages = [self.average[name] for name in self._live]
        torch._foreach_lerp_(averages, [p.detach() for p in self._live.values()], 1.0 - decay)

    def state(self) -> dict[str, Tensor]:
        """The averaged parameters by name."""
        return self.average

    @torch.no_grad()
    def load(self, average: dict[str, Tensor], updates: int) -> None:
        """Go on from a saved average."""
        self.updates = updates
        for name, value in average.items():
            self.average[name].copy_(value)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange weights and average; calling it twice restores both to the bit."""
        for name, parameter in self._live.items():
            kept = parameter.detach().clone()
            parameter.copy_(self.average[name])
            self.average[name].copy_(kept)
