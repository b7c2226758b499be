"""Trained weights small enough to carry: half precision where that fits, 8 bits else, in parts where neither does.

Eight bits are one scale a row of each matrix, which keeps each weight to 0.4 % of the largest of its row; what is no
matrix stays in half precision.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from clock_train.errors import CheckpointDamaged

_SCALE = ".scale"


class Precision(Enum):
    """Of carried weights."""

    HALF = "float16"
    EIGHT_BITS = "int8"


@dataclass(frozen=True)
class CarriedWeights:
    """Weights as bytes, and in which parts they go."""

    precision: Precision
    content: bytes
    part_bytes: int

    @property
    def parts(self) -> list[bytes]:
        """One after another, each of ``part_bytes`` at most."""
        return [self.content[at : at + self.part_bytes] for at in range(0, len(self.content), self.part_bytes)]

    def facts(self) -> dict[str, Any]:
        """What a reader checks: precision, and sha256 of the whole and of each part."""
        return {
            "precision": self.precision.value,
            "bytes": len(self.content),
            "sha256": _digest(self.content),
            "parts": [_digest(part) for part in self.parts],
        }


def carry(weights: Mapping[str, Tensor], *, most_bytes: int) -> CarriedWeights:
    """Weights as bytes.

    Args:
        weights: of a model.
        most_bytes: that go at once, 1 or more.
    """
    content = safetensors.torch.save({name: _half(each) for name, each in weights.items()})
    precision = Precision.HALF
    if len(content) > most_bytes:
        content = safetensors.torch.save(dict(item for name, each in weights.items() for item in _eight(name, each)))
        precision = Precision.EIGHT_BITS
    return CarriedWeights(precision, content, min(len(content), most_bytes))


def read_carried(parts: Sequence[bytes], facts: Mapping[str, Any]) -> dict[str, Tensor]:
    """The weights, float32 where they were no integers.

    Args:
        parts: in their order.
        facts: what ``CarriedWeights.facts`` said.

    Raises:
        CheckpointDamaged: a part is missing, cut off or another's.
    """
    try:
        wanted = list(facts["parts"])
        for number, digest in enumerate(wanted, start=1):
            if len(parts) < number:
                raise CheckpointDamaged(f"part {number} of {len(wanted)} of the weights is missing; bring it as well")
            if _digest(parts[number - 1]) != digest:
                raise CheckpointDamaged(f"part {number} of the weights is damaged; bring it again")
        content = b"".join(parts[: len(wanted)])
        if _digest(content) != facts["sha256"]:
            raise CheckpointDamaged("the weights are not those that their facts name; bring all of it again")
        held = safetensors.torch.load(content)
    except (KeyError, TypeError, safetensors.SafetensorError) as error:
        raise CheckpointDamaged(f"the carried weights cannot be read ({error!r}); bring them again") from error
    scales = {name.removesuffix(_SCALE): each for name, each in held.items() if name.endswith(_SCALE)}
    return {
        name: each.float() * scales[name] if name in scales else (each.float() if each.is_floating_point() else each)
        for name, each in held.items()
        if not name.endswith(_SCALE)
    }


def _half(value: Tensor) -> Tensor:
    value = value.detach().contiguous().cpu()
    return value.half() if value.is_floating_point() else value


def _eight(name: str, value: Tensor) -> list[tuple[str, Tensor]]:
    value = value.detach().contiguous().cpu()
    if value.dim() < 2 or not value.is_floating_point():
        return [(name, _half(value))]
    rows = value.float().flatten(1).abs().amax(1).clamp(min=1e-12)
    scale = (rows / 127.0).reshape(-1, *[1] * (value.dim() - 1))
    return [(name, torch.round(value.float() / scale).to(torch.int8)), (name + _SCALE, scale)]


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
