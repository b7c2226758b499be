"""Whether two checkpoints hold the same, whatever the time they took."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

import safetensors.torch
import torch


def assert_same_files(made: Mapping[str, bytes], expected: Mapping[str, bytes]) -> None:
    """Every tensor of weights, averages, optimisers and randomness, and every number of the state but the time."""
    assert made.keys() == expected.keys()
    for name in made:
        if name.endswith(".safetensors"):
            assert_same(safetensors.torch.load(made[name]), safetensors.torch.load(expected[name]), name)
        elif name.endswith(".pt"):
            assert_same(_tensors(made[name]), _tensors(expected[name]), name)
        else:
            states = [json.loads(files[name]) for files in (made, expected)]
            for state in states:
                state.pop("cpu_seconds")
            assert states[0] == states[1]


def _tensors(data: bytes) -> Any:
    return torch.load(io.BytesIO(data), weights_only=True)


def assert_same(made: Any, expected: Any, where: str) -> None:
    if isinstance(made, dict):
        assert made.keys() == expected.keys(), where
        for key in made:
            assert_same(made[key], expected[key], f"{where}/{key}")
    elif isinstance(made, list):
        assert len(made) == len(expected), where
        for i, (one, other) in enumerate(zip(made, expected, strict=True)):
            assert_same(one, other, f"{where}/{i}")
    elif isinstance(made, torch.Tensor):
        assert torch.equal(made, expected), where
    else:
        assert made == expected, where
