"""Learning rates, clipping and the average of weights."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from tiny_run import tiny_voice
from torch import nn

from clock_train.errors import ConfigError
from clock_train.training.ema import WeightAverage
from clock_train.training.optimizers import NormClip, OptimizerConfig, generator_optimizer, set_learning_rate


def _with_gradient(*norms: float) -> torch.optim.Optimizer:
    """One group a norm, two weights each."""
    groups = []
    for norm in norms:
        weights = [nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(2))]
        for weight in weights:
            weight.grad = torch.full((2,), norm / 2)
        groups.append({"params": weights})
    return torch.optim.SGD(groups, lr=0.1)


def _norms(optimizer: torch.optim.Optimizer) -> list[float]:
    return [
        float(torch.cat([p.grad for p in group["params"] if p.grad is not None]).norm())
        for group in optimizer.param_groups
    ]


def test_the_first_gradient_is_taken_as_it_is_and_the_total_norm_returned() -> None:
    clip, optimizer = NormClip(2, multiple=1.0), _with_gradient(3.0, 4.0)
    assert clip.clip(optimizer) == pytest.approx(5.0)
    assert _norms(optimizer) == pytest.approx([3.0, 4.0])
    assert clip.running.tolist() == pytest.approx([3.0, 4.0])


def test_a_spike_is_cut_to_a_multiple_of_the_running_norm_of_its_own_group() -> None:
    clip = NormClip(2, multiple=1.0)
    clip.running = torch.ones(2)
    optimizer = _with_gradient(50.0, 1.5)
    clip.clip(optimizer)
    assert _norms(optimizer) == pytest.approx([2.0, 1.5])


def test_the_running_norm_follows_a_new_scale() -> None:
    clip = NormClip(1, multiple=1.0)
    clip.running = torch.ones(1)
    for _ in range(300):
        clip.clip(_with_gradient(100.0))
    assert float(clip.running[0]) == pytest.approx(100.0, rel=0.05)


def test_a_norm_that_is_not_finite_is_returned_and_not_remembered() -> None:
    clip = NormClip(1, multiple=1.0)
    clip.running = torch.ones(1)
    total = clip.clip(_with_gradient(float("nan")))
    assert math.isnan(total)
    assert clip.running.tolist() == [1.0]


def test_a_group_without_gradients_is_no_error() -> None:
    clip, weight = NormClip(1, multiple=1.0), nn.Parameter(torch.zeros(2))
    assert clip.clip(torch.optim.SGD([weight], lr=0.1)) == 0.0


def test_learning_rate_warms_up_then_decays_and_the_text_side_is_hotter() -> None:
    config = OptimizerConfig(learning_rate=1e-3, warmup_steps=10, decay_per_step=0.99, text_learning_rate_factor=2.0)
    optimizer = generator_optimizer(tiny_voice(), config)
    assert set_learning_rate(optimizer, config, 0) == pytest.approx(1e-4)
    assert set_learning_rate(optimizer, config, 9) == pytest.approx(1e-3 * 0.99**9)
    set_learning_rate(optimizer, config, 100)
    rest, text = (group["lr"] for group in optimizer.param_groups)
    assert rest == pytest.approx(1e-3 * 0.99**100)
    assert text == pytest.approx(2 * rest)


def test_every_weight_belongs_to_exactly_one_group() -> None:
    voice = tiny_voice()
    optimizer = generator_optimizer(voice, OptimizerConfig())
    grouped = [id(p) for group in optimizer.param_groups for p in group["params"]]
    assert sorted(grouped) == sorted(id(p) for p in voice.parameters())


@pytest.mark.parametrize("rate", [0.0, -1e-4, 1.0, 3.0])
def test_learning_rates_that_cannot_work_are_refused(rate: float) -> None:
    with pytest.raises(ConfigError, match=r"training\.optimizer\.learning_rate is .*; give a number between 0 and 1"):
        OptimizerConfig(learning_rate=rate)


def _bits(module: nn.Module) -> dict[str, Any]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def test_swapping_twice_restores_weights_and_average_to_the_bit() -> None:
    module = nn.Linear(7, 5)
    average = WeightAverage(module, decay=0.9)
    with torch.no_grad():
        module.weight.add_(torch.randn_like(module.weight))
    average.update()
    live, kept = _bits(module), {name: value.clone() for name, value in average.state().items()}
    average.swap()
    assert all(torch.equal(value, kept[name]) for name, value in module.state_dict().items())
    average.swap()
    assert all(torch.equal(value, live[name]) for name, value in module.state_dict().items())
    assert all(torch.equal(value, kept[name]) for name, value in average.state().items())


def test_the_average_warms_up_so_that_the_random_start_is_forgotten() -> None:
    module = nn.Linear(1, 1, bias=False)
    module.weight.data.fill_(0.0)
    average = WeightAverage(module, decay=0.999)
    module.weight.data.fill_(1.0)
    average.update()
    assert float(average.state()["weight"]) == pytest.approx(0.9)
    average.update()
    assert float(average.state()["weight"]) == pytest.approx(1 - 0.1 * 2 / 11)


def test_the_decay_ends_at_the_one_that_was_asked_for() -> None:
    module = nn.Linear(1, 1, bias=False)
    module.weight.data.fill_(0.0)
    average = WeightAverage(module, decay=0.75)
    average.load({"weight": torch.zeros(1, 1)}, 10_000)
    module.weight.data.fill_(1.0)
    average.update()
    assert float(average.state()["weight"]) == pytest.approx(0.25)
