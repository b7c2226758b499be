"""Phases of the schedule, and what counts as a loss that has become useless."""

from __future__ import annotations

import pytest

from clock_train.errors import ConfigError, TrainingDiverged
from clock_train.training.schedule import Phase, ScheduleConfig
from clock_train.training.watch import PATIENT_STEPS, RUNAWAY, STRIKES, LossWatch


def test_phases_follow_each_other_at_their_steps() -> None:
    schedule = ScheduleConfig(hearing_steps=2, contest_from_step=4)
    phases = [schedule.phase(step) for step in range(6)]
    assert phases == [Phase.HEARING] * 2 + [Phase.READING] * 2 + [Phase.CONTEST] * 2


def test_without_a_contest_reading_goes_on() -> None:
    assert ScheduleConfig(hearing_steps=2).phase(1_000_000) is Phase.READING


def test_a_fine_tune_may_begin_with_reading_or_with_the_contest() -> None:
    assert ScheduleConfig(hearing_steps=0).phase(0) is Phase.READING
    assert ScheduleConfig(hearing_steps=0, contest_from_step=0).phase(0) is Phase.CONTEST


def test_a_contest_before_the_end_of_hearing_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"contest_from_step \(5\) lies before the end of hearing \(10\).*first"):
        ScheduleConfig(hearing_steps=10, contest_from_step=5)


def test_negative_steps_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"training\.schedule\.hearing_steps is -1; give 0 or more"):
        ScheduleConfig(hearing_steps=-1)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_term_that_is_not_finite_stops_with_step_term_and_checkpoint(value: float) -> None:
    with pytest.raises(TrainingDiverged) as caught:
        LossWatch().look(41, {"mel": 1.0, "kl": value}, last_good="runs/a/step-40")
    assert str(caught.value) == (
        f'TrainingDiverged: at step 41 the loss term "kl" became {value}; the last good checkpoint is runs/a/step-40. '
        "Lower the learning rate (half is a good try) and run again: it goes on from there"
    )


def test_without_a_checkpoint_the_message_says_so() -> None:
    with pytest.raises(TrainingDiverged, match="no checkpoint had been written yet"):
        LossWatch().look(1, {"mel": float("nan")}, last_good=None)


def _watched(watch: LossWatch, value: float, steps: int, *, name: str = "mel") -> None:
    for step in range(steps):
        watch.look(step, {name: value}, last_good=None)


def test_a_runaway_term_stops_after_some_steps_in_a_row() -> None:
    watch = LossWatch()
    _watched(watch, 2.0, PATIENT_STEPS)
    _watched(watch, 2.0 * RUNAWAY * 1.5, STRIKES - 1)
    with pytest.raises(TrainingDiverged, match=rf'"mel" is 60 against a running mean of 2, for {STRIKES} steps'):
        _watched(watch, 2.0 * RUNAWAY * 1.5, 1)


def test_a_single_spike_is_forgiven() -> None:
    watch = LossWatch()
    _watched(watch, 2.0, PATIENT_STEPS)
    for _ in range(10):
        _watched(watch, 2.0 * RUNAWAY * 1.5, STRIKES - 1)
        _watched(watch, 2.0, 1)


def test_the_first_steps_may_be_wild() -> None:
    watch = LossWatch()
    for step in range(PATIENT_STEPS):
        watch.look(step, {"mel": 10.0 ** (step % 5)}, last_good=None)


def test_a_gradient_norm_may_grow_but_not_become_infinite() -> None:
    watch = LossWatch()
    _watched(watch, 1.0, PATIENT_STEPS, name="gradient_norm")
    _watched(watch, 1e6, 20, name="gradient_norm")
    with pytest.raises(TrainingDiverged, match="gradient_norm"):
        _watched(watch, float("inf"), 1, name="gradient_norm")


def test_a_term_that_was_zero_and_runs_away_stops_too() -> None:
    watch = LossWatch()
    _watched(watch, 0.0, PATIENT_STEPS)
    with pytest.raises(TrainingDiverged, match='"mel" is 5'):
        _watched(watch, 5.0, STRIKES)
