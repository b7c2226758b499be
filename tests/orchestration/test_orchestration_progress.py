"""Bars, lines and JSON lines: what each shows of the same run."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from clock_train.orchestration.listener import Listener, Silence
from clock_train.orchestration.progress import Bars, JsonLines, Lines, ProgressStyle, listening, spoken_duration


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def run_of_two_stages(listener: Listener) -> None:
    listener.stage("pack")
    listener.advance(0.5, "20 clips", 4.0)
    listener.note("2 clips left out")
    listener.stage("train")
    listener.advance(0.25, "step 10", 90.0)
    listener.warn("the newest checkpoint is damaged")


def test_a_log_gets_plain_lines() -> None:
    log = io.StringIO()
    with listening(stream=log) as listener:
        run_of_two_stages(listener)
    assert isinstance(listener, Lines)
    assert log.getvalue().splitlines() == [
        "pack ...", "2 clips left out", "train ...", "Warning: the newest checkpoint is damaged",
    ]  # fmt: skip


def test_a_log_gets_one_line_in_ten_seconds() -> None:
    log, clock = io.StringIO(), Clock()
    lines = Lines(log, now=clock)
    lines.stage("train")
    for step in range(31):
        clock.seconds += 1.0
        lines.advance(step / 100, f"step {step}", 200.0 - step)
    assert log.getvalue().splitlines() == [
        "train ...",
        "train: 9 %, step 9, 3 min 11 s left",
        "train: 19 %, step 19, 3 min 1 s left",
        "train: 29 %, step 29, 2 min 51 s left",
    ]


def test_a_terminal_gets_a_bar_with_the_time_left() -> None:
    screen = io.StringIO()
    bars = Bars(Console(file=screen, force_terminal=True, width=100))
    with bars.progress:
        run_of_two_stages(bars)
        bars.progress.refresh()
    shown = screen.getvalue()
    assert "pack" in shown
    assert "25%" in shown
    assert "1 min 30 s left" in shown
    assert "step 10" in shown
    assert "Warning: the newest checkpoint is damaged" in shown


def test_a_finished_bar_says_how_long_it_took() -> None:
    screen = io.StringIO()
    bars = Bars(Console(file=screen, force_terminal=True, width=100))
    with bars.progress:
        bars.stage("pack")
        bars.stage("train")
        bars.finish()
    assert screen.getvalue().count("took 0 s") >= 2


def test_brackets_in_a_message_are_shown_and_not_taken_for_markup() -> None:
    screen = io.StringIO()
    bars = Bars(Console(file=screen, width=100))
    bars.note("left out [red] clip")
    assert "[red]" in screen.getvalue()


def test_scripts_get_one_object_a_line() -> None:
    log = io.StringIO()
    with listening(ProgressStyle.JSON, log) as listener:
        run_of_two_stages(listener)
    assert isinstance(listener, JsonLines)
    events = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [event["event"] for event in events] == ["stage", "progress", "note", "stage", "progress", "warning"]
    assert events[1] == {"event": "progress", "fraction": 0.5, "detail": "20 clips", "etaSeconds": 4.0}


def test_none_shows_nothing() -> None:
    log = io.StringIO()
    with listening(ProgressStyle.NONE, log) as listener:
        run_of_two_stages(listener)
    assert isinstance(listener, Silence)
    assert log.getvalue() == ""


def test_bars_stop_when_the_run_fails() -> None:
    screen = io.StringIO()
    with pytest.raises(ValueError, match="broken"), listening(ProgressStyle.BARS, screen) as listener:
        listener.stage("train")
        raise ValueError("broken")
    assert isinstance(listener, Bars)
    assert not listener.progress.live.is_started


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min"), (-3, "0 s")]
)
def test_durations_are_said_in_two_units(seconds: float, words: str) -> None:
    assert spoken_duration(seconds) == words
