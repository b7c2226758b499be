"""Which weights a training changes: all of them, or only those through which a voice reaches the network.

A base has learnt to hear, read and speak; what makes it another person is the speaker's vector and how each part
answers to it. Those weights are a tenth of a student, so that a voice kept as its difference from the base is small.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # help shows the choices, and loads no torch
    from torch import nn


class TrainedParts(Enum):
    """What of a model is trained."""

    ALL = "all"
    CONDITIONS = "conditions"
    """Speaker vectors, every condition layer, biases and scales; nothing of the posterior encoder, which only hears."""


def freeze(voice: nn.Module, parts: TrainedParts) -> None:
    """Leave only the weights of ``parts`` with a gradient."""
    for name, parameter in voice.named_parameters():
        parameter.requires_grad_(parts is TrainedParts.ALL or _is_condition(name, parameter))


def _is_condition(name: str, parameter: nn.Parameter) -> bool:
    if name.startswith("posterior_encoder."):
        return False
    # weight norm keeps a scale a row as a matrix of one column; it is a scale like any other
    is_vector = parameter.numel() == max(parameter.shape, default=1)
    return is_vector or name.startswith("stored_speakers.") or "condition" in name.split(".")
