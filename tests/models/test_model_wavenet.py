"""The WaveNet cell sees exactly as far as it says."""

from __future__ import annotations

import pytest
import torch
from tiny_voice import shaken
from torch import Tensor

from clock_train.models.wavenet import GatedStack

FRAMES = 60


def _stack(kernel: int, dilations: list[int]) -> GatedStack:
    return shaken(GatedStack(6, kernel=kernel, dilations=dilations, condition_channels=4)).eval()


def _changed_frames(stack: GatedStack, at: int) -> Tensor:
    x, condition = torch.randn(1, 6, FRAMES), torch.randn(1, 4)
    before = stack(x, None, condition)
    x[:, :, at] += 5.0
    return (stack(x, None, condition) != before).any(dim=1)[0].nonzero().flatten()


@pytest.mark.parametrize(("kernel", "dilations"), [(3, [1, 2, 4]), (5, [1, 1]), (3, [1, 2, 4, 8, 1, 2]), (1, [1, 1])])
def test_a_frame_changes_no_output_farther_than_the_receptive_field(kernel: int, dilations: list[int]) -> None:
    stack = _stack(kernel, dilations)
    changed = _changed_frames(stack, 30)
    assert int(changed.min()) == 30 - stack.receptive_frames
    assert int(changed.max()) == 30 + stack.receptive_frames


def test_a_chunk_with_that_much_context_equals_the_whole() -> None:
    stack = _stack(3, [1, 2, 4])
    x, condition = torch.randn(1, 6, FRAMES), torch.randn(1, 4)
    whole = stack(x, None, condition)
    context = stack.receptive_frames
    chunk = stack(x[:, :, 20 - context : 40 + context], None, condition)[:, :, context:-context]
    # the same products; only their blocking may differ
    torch.testing.assert_close(chunk, whole[:, :, 20:40], atol=1e-6, rtol=0)


def test_one_frame_less_of_context_does_not_equal_the_whole() -> None:
    stack = _stack(3, [1, 2, 4])
    x, condition = torch.randn(1, 6, FRAMES), torch.randn(1, 4)
    whole = stack(x, None, condition)
    context = stack.receptive_frames - 1
    chunk = stack(x[:, :, 20 - context : 40 + context], None, condition)[:, :, context:-context]
    assert (chunk - whole[:, :, 20:40]).abs().max() > 1e-5


def test_condition_reaches_every_layer() -> None:
    stack = _stack(3, [1, 2, 4])
    condition = torch.randn(1, 4, requires_grad=True)
    stack(torch.randn(1, 6, FRAMES), None, condition).sum().backward()
    assert stack.condition is not None
    assert stack.condition.weight.grad is not None
    per_layer = stack.condition.weight.grad.reshape(3, -1).abs().sum(1)
    assert (per_layer > 0).all()


def test_masked_frames_stay_zero_and_change_nothing() -> None:
    stack = _stack(3, [1, 2, 4])
    x, condition = torch.randn(1, 6, 20), torch.randn(1, 4)
    alone = stack(x, torch.ones(1, 1, 20), condition)
    mask = torch.cat([torch.ones(1, 1, 20), torch.zeros(1, 1, 15)], dim=2)
    padded = stack(torch.nn.functional.pad(x, (0, 15)), mask, condition)
    assert (padded[:, :, 20:] == 0).all()
    torch.testing.assert_close(padded[:, :, :20], alone, atol=1e-6, rtol=0)
