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
            # processors add up float32 in other orders; a change of the computation moves far more
            assert terms[name] == pytest.approx(value, rel=1e-4, abs=1e-6), (
                f'"{name}" at step {step}; if that is meant, record anew: python tests/training/record_losses.py'
            )
