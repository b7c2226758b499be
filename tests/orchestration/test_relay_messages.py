"""What workers tell their driver comes back as it was said, and nothing of it is code."""

from __future__ import annotations

import json
import math

import pytest

from clock_train.errors import ClockTrainError, TrainingDiverged, TrainingOutOfMemory
from clock_train.orchestration.relay import Relay
from clock_train.orchestration.relay_messages import Began, Message, Warned, decode, encode, is_last
from clock_train.training.loop import Ending, FitResult, StepReport
from clock_train.training.validation import ValidationScores

SCORES = ValidationScores(mel=0.1 + 0.2, alignment=1e-300, duration=3.0, one_frame_share=0.25, text_mel=2 / 3)


def step(validation: ValidationScores | None) -> StepReport:
    return StepReport(
        step=7,
        max_steps=20,
        phase="reading",
        terms={"mel": 1 / 3, "kl": 5e-324 + 0.1},
        fraction=0.35,
        learning_rate=2e-4,
        step_seconds=0.31,
        data_seconds=0.0,
        cpu_seconds=12.5,
        validation=validation,
        saved_seconds=0.2,
    )


MESSAGES: list[Message] = [
    Began(None, 2),
    Began(40, 1),
    Warned("CheckpointDamaged: 检查点"),
    step(None),
    step(SCORES),
    FitResult(Ending.EARLY, 20, 16, 33.3, SCORES),
    FitResult(Ending.STOPPED, 20, None, 33.3, None),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_comes_back_equal(message: Message) -> None:
    assert decode(encode([message])) == [message]


def test_messages_keep_their_order() -> None:
    assert decode(encode(MESSAGES)) == MESSAGES
    assert decode(encode([])) == []


def test_a_figure_that_is_no_number_comes_back_as_none() -> None:
    (found,) = decode(encode([FitResult(Ending.STEPS, 1, 1, math.nan, None)]))
    assert isinstance(found, FitResult) and math.isnan(found.cpu_seconds)


@pytest.mark.parametrize("kind", [TrainingDiverged, TrainingOutOfMemory])
def test_an_error_comes_back_with_its_code_words_and_exit_code(kind: type[ClockTrainError]) -> None:
    error = kind("step 5: the term mel is not finite")
    (found,) = decode(encode([error]))
    assert type(found) is kind and str(found) == str(error)
    assert isinstance(found, ClockTrainError) and found.exit_code == error.exit_code


def test_only_a_result_or_a_mistake_is_the_last_word() -> None:
    assert [is_last(message) for message in MESSAGES] == [False] * 5 + [True] * 2
    assert is_last(TrainingDiverged("x"))


def test_what_is_sent_is_plain_json() -> None:
    assert json.loads(encode([Began(None, 2)])) == [["Began", {"step": None, "workers": 2}]]


def test_the_relay_holds_messages_until_they_are_collected() -> None:
    relay = Relay()
    assert relay.tell(b"a", False) is False
    relay.stop()
    assert relay.tell(b"b", False) is True
    assert relay.collect() == [b"a", b"b"] and relay.collect() == []
    assert not relay.is_over()
    relay.tell(b"c", True)
    relay.tell(b"d", False)
    assert relay.is_over(), "a last word stays the last"
