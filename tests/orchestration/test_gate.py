"""A clone's gate against the figures of an evaluation."""

from __future__ import annotations

import pytest

from clock_train.crd.v1alpha1 import Gate
from clock_train.orchestration.gate import judge

FIGURES = {
    "speaker_similarity/speech": 0.81,
    "word_error_rate/speech": 0.27,
    "word_error_rate/natural": 0.22,
}


def gate(**lines: str) -> Gate:
    return Gate.model_validate(lines)


def reasons(gate: Gate | None, figures: dict[str, float]) -> list[str]:
    return [verdict.reason for verdict in judge(gate, figures)]


@pytest.mark.parametrize(("asked", "reason"), [("0.80", "Passed"), ("0.81", "Passed"), ("0.82", "Missed")])
def test_similarity_must_be_reached(asked: str, reason: str) -> None:
    assert reasons(gate(minSpeakerSimilarity=asked), FIGURES) == [reason]


@pytest.mark.parametrize(("asked", "reason"), [("0.06", "Passed"), ("0.04", "Missed")])
def test_errors_are_judged_above_those_on_the_recordings(asked: str, reason: str) -> None:
    assert reasons(gate(maxErrorRateAboveNatural=asked), FIGURES) == [reason]


def test_phones_are_judged_where_there_is_no_recogniser_of_words() -> None:
    figures = {"phone_error_rate/speech": 0.5, "phone_error_rate/natural": 0.26}
    assert reasons(gate(maxErrorRateAboveNatural="0.1"), figures) == ["Missed"]


def test_a_line_without_a_judge_fails_and_says_what_to_do() -> None:
    (verdict,) = judge(gate(maxErrorRateAboveNatural="0.1"), {"speaker_similarity/speech": 0.9})
    assert verdict.reason == "JudgeMissing"
    assert "no judge for it here; leave the line out" in str(verdict)


def test_a_synthetic_judge_never_counts() -> None:
    figures = {"synthetic_phone_error_rate/speech": 0.1, "synthetic_phone_error_rate/natural": 0.1}
    assert reasons(gate(maxErrorRateAboveNatural="0.1"), figures) == ["JudgeMissing"]


def test_no_gate_and_no_lines_judge_nothing() -> None:
    assert reasons(None, FIGURES) == reasons(gate(), FIGURES) == []
