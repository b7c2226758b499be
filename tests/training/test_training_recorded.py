"""The numbers of training do not change by accident."""

from __future__ import annotations

import json

import pytest
from record_losses import RECORD_PATH, first_steps

from clock_train.models.voice import VoiceSource


@pytest.mark.parametrize("voice_source", list(VoiceSource))
def test_the_first_steps_have_the_recorded_losses(voice_source: VoiceSource) -> None:
    recorded = json.loads(RECORD_PATH.read_text())[voice_source.value]
    made = first_steps(voice_source)
    assert [set(terms) for terms in made] == [set(terms) for terms in recorded]
    for step, (terms, expected) in enumerate(zip(made, recorded, strict=True), 1):
        for name, value in expected.items():
            # Processors add up float32 in other orders. The first step's losses differed by 2e-5 at most between
            # processors, its gradient, through logarithms near silence, by 1.4e-3; Adam makes of that up to 0.4 % after
            # one step and 1.3 % (the gradient: 5 %) after two. On one machine a refactoring shows the same bits:
            # run record_losses.py before and after it.
            tolerance = {1: 1e-4, 2: 0.02, 3: 0.05}[step]
            if name == "gradient_norm":
                tolerance = {1: 1e-2, 2: 0.1, 3: 0.2}[step]
            assert terms[name] == pytest.approx(value, rel=tolerance, abs=1e-6), (
                f'"{name}" at step {step}; if that is meant, record anew: python tests/training/record_losses.py'
            )
