"""How many parameters a model has: those stored for synthesis, and those that training adds."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from clock_train.models.voice import VoiceModel

TRAINING_ONLY = ("posterior_encoder", "mel_head", "anchor_head")


@dataclass(frozen=True)
class ParameterCount:
    """Parameters by part; ``synthesis`` is what the report calls the model's size."""

    synthesis: int
    training: int
    parts: dict[str, int]


def count_parameters(model: VoiceModel) -> ParameterCount:
    """Count each part once; ``training`` is all that the generator's optimiser sees."""
    parts = {name: _size(part) for name, part in model.named_children()}
    total = sum(parts.values())
    return ParameterCount(total - sum(parts.get(name, 0) for name in TRAINING_ONLY), total, parts)


def _size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
