"""What the demo says in plain words: where the voice comes from, and whether it can be understood."""

from __future__ import annotations

import pytest

from clock_train.evaluation.figures import EvaluationReport, Row, Subject
from clock_train.models.voice_files import VoiceCard
from clock_train.orchestration.demo_report import statement


def report(spoken: float | None, natural: float = 0.2) -> EvaluationReport:
    rows = (
        Row(metric="word_error_rate", subject=Subject.SPEECH, value=spoken),
        Row(metric="word_error_rate", subject=Subject.NATURAL, value=natural),
    )
    return EvaluationReport(rows=rows, items=(), failures=(), seed=0)


def card(**training: object) -> VoiceCard:
    return VoiceCard(
        name="anna", languages=["en"], speakers=["anna"],
        training={"cpuSeconds": 600.4, "trainedSeconds": 1_200.0, **training},
    )  # fmt: skip


BASED = {"baseName": "base", "stepsInBase": 8_000}


def test_a_voice_from_nothing_says_so() -> None:
    said = statement(report(0.7), card(), one_frame_share=0.1)
    assert "trained from nothing with 600 seconds of CPU time, on 20.0 minutes of recordings, without a base" in said
    assert "NOT intelligible yet: a recogniser gets 70% of the words wrong (20% in the recordings" in said
    assert "intelligible speech needs a base model or hours on a GPU" in said


@pytest.mark.parametrize(
    ("is_in_base", "words"),
    [
        (True, "The base heard this speaker too, though not the sentences that are judged."),
        (False, "The base never heard this speaker."),
    ],
)
def test_a_voice_of_a_base_says_whether_the_base_knew_the_speaker(is_in_base: bool, words: str) -> None:
    said = statement(report(0.7), card(**BASED), one_frame_share=0.1, is_in_base=is_in_base)
    assert 'fine-tuned from the base "base" (8,000 steps) with 600 seconds' in said
    assert words in said
    assert "The base needs a longer training, or more recordings of this language." in said


def test_a_voice_that_is_understood_is_not_called_otherwise() -> None:
    said = statement(report(0.4), card(**BASED), one_frame_share=0.1)
    assert "A recogniser gets 40% of its words wrong, 20% in the recordings." in said and "NOT" not in said


def test_what_nobody_could_hear_and_what_was_not_aligned_are_said() -> None:
    said = statement(report(None), card(), one_frame_share=0.9)
    assert "has not even aligned the text" in said and "No recogniser here knows its language" in said
    assert "a voice that never heard Mandarin" in said
    said = statement(report(0.4), card(**BASED, baseLanguages=["en", "zh"]), one_frame_share=0.1)
    assert "the base heard Mandarin from a synthesiser alone" in said
