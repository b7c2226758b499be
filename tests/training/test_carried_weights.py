"""Weights that are carried: the smallest loss that fits, in parts that cannot be mixed up."""

from __future__ import annotations

import pytest
import torch

from clock_train.errors import CheckpointDamaged
from clock_train.training.carried_weights import Precision, carry, read_carried


def weights() -> dict[str, torch.Tensor]:
    drawn = torch.Generator().manual_seed(1)
    return {
        "wide.weight": torch.randn(64, 96, 3, generator=drawn) * torch.logspace(-3, 1, 64)[:, None, None],
        "bias": torch.randn(64, generator=drawn),
        "zero.weight": torch.zeros(4, 4),
        "count": torch.tensor([7]),
    }


def test_half_precision_where_it_fits() -> None:
    own = weights()
    carried = carry(own, most_bytes=1 << 20)
    again = read_carried(carried.parts, carried.facts())
    assert carried.precision is Precision.HALF and len(carried.parts) == 1
    for name, value in own.items():
        torch.testing.assert_close(again[name], value, rtol=1e-3, atol=1e-7)
    assert again["wide.weight"].dtype == torch.float32 and again["count"].dtype == torch.int64


def test_eight_bits_where_half_is_too_much_and_each_row_keeps_its_size() -> None:
    own = weights()
    carried = carry(own, most_bytes=30_000)
    again = read_carried(carried.parts, carried.facts())
    assert carried.precision is Precision.EIGHT_BITS and len(carried.parts) == 1
    off = (again["wide.weight"] - own["wide.weight"]).flatten(1).abs().amax(1)
    largest = own["wide.weight"].flatten(1).abs().amax(1)
    # half a step of 127, and the rounding of the division
    assert (off <= largest * 0.004).all()
    torch.testing.assert_close(again["bias"], own["bias"], rtol=1e-3, atol=1e-7)
    assert torch.equal(again["zero.weight"], own["zero.weight"])


def test_parts_where_nothing_fits() -> None:
    carried = carry(weights(), most_bytes=5_000)
    assert len(carried.parts) > 3 and all(len(part) <= 5_000 for part in carried.parts)
    assert set(read_carried(carried.parts, carried.facts())) == set(weights())


def test_a_part_that_is_missing_swapped_or_damaged_is_named() -> None:
    carried = carry(weights(), most_bytes=5_000)
    parts, facts = carried.parts, carried.facts()
    with pytest.raises(CheckpointDamaged, match=rf"part {len(parts)} of {len(parts)} of the weights is missing"):
        read_carried(parts[:-1], facts)
    with pytest.raises(CheckpointDamaged, match=r"part 1 of the weights is damaged; bring it again"):
        read_carried([parts[1], parts[0], *parts[2:]], facts)
    with pytest.raises(CheckpointDamaged, match=r"part 2 of the weights is damaged"):
        read_carried([parts[0], parts[1][:-1] + b"x", *parts[2:]], facts)
    with pytest.raises(CheckpointDamaged, match=r"cannot be read"):
        read_carried(parts, {})
