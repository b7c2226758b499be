"""The judges of adversarial training."""

from __future__ import annotations

import pytest
import torch

from clock_train.models.discriminators import DiscriminatorConfig, Discriminators

CONFIG = DiscriminatorConfig(periods=[2, 3], period_channels=[4, 8], transforms=[256], spectrum_channels=4)


@pytest.mark.parametrize("samples", [4_096, 4_097, 8_191])
def test_every_judge_scores_any_length(samples: int) -> None:
    judgements = Discriminators(CONFIG)(torch.randn(2, samples))
    assert len(judgements) == len(CONFIG.periods) + len(CONFIG.transforms)
    for scores, features in judgements:
        assert scores.shape[0] == 2
        assert len(features) >= 3
        assert torch.isfinite(scores).all()


def test_gradients_reach_every_weight_and_the_waveform() -> None:
    judges, waveform = Discriminators(CONFIG), torch.randn(1, 4_096, requires_grad=True)
    torch.stack([scores.square().mean() for scores, _ in judges(waveform)]).sum().backward()
    assert waveform.grad is not None
    assert waveform.grad.abs().sum() > 0
    assert [name for name, p in judges.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


def test_silence_gives_finite_gradients() -> None:
    waveform = torch.zeros(1, 4_096, requires_grad=True)
    torch.stack([scores.mean() for scores, _ in Discriminators(CONFIG)(waveform)]).sum().backward()
    assert waveform.grad is not None
    assert torch.isfinite(waveform.grad).all()
