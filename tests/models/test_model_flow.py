"""The flow can be undone."""

from __future__ import annotations

import torch
from tiny_voice import shaken

from clock_train.models.flow import Flow, FlowConfig


def _flow() -> Flow:
    return Flow(FlowConfig(channels=16, couplings=3, layers=2), latent_channels=8, condition_channels=4).eval()


def test_inverse_of_forward_is_the_identity() -> None:
    flow = shaken(_flow())
    mask = (torch.arange(30)[None] < torch.tensor([[30], [21]])).unsqueeze(1).float()
    latent, condition = torch.randn(2, 8, 30) * mask, torch.randn(2, 4)
    there = flow(latent, mask, condition)
    back = flow(there, mask, condition, inverse=True)
    # shifts of size one are added and taken away again in float32
    torch.testing.assert_close(back, latent, atol=1e-5, rtol=0)
    assert (there - latent).abs().max() > 0.1


def test_a_new_flow_moves_no_channel_but_for_their_order() -> None:
    latent = torch.randn(1, 8, 12)
    there = _flow()(latent, torch.ones(1, 1, 12), torch.randn(1, 4))
    torch.testing.assert_close(there, latent.flip(1), atol=0, rtol=0)


def test_the_map_keeps_volume() -> None:
    flow = shaken(_flow()).double()
    mask, condition = torch.ones(1, 1, 3, dtype=torch.float64), torch.randn(1, 4, dtype=torch.float64)
    latent = torch.randn(24, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda x: flow(x.reshape(1, 8, 3), mask, condition).flatten(), latent)
    assert isinstance(jacobian, torch.Tensor)
    torch.testing.assert_close(torch.linalg.det(jacobian).abs(), torch.tensor(1.0, dtype=torch.float64))
