"""``clocktrain corpus record``: the article's recording script, made whole.

Line by line instead of one long take: each is measured the moment it is read, and a bad one is read again at once. 16
kHz, 16 bits, one channel; ``clocktrain corpus build`` takes the folder as it is. Every good take is on the disk before
the next line is shown, so stopping at any time, by any means, loses at most the take in progress.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from clock_train.audio.take_check import TakeReport, check_take
from clock_train.audio.take_sources import SAMPLE_RATE_HZ, FileTakes, Take, TakeSource
from clock_train.cli.record_screen import ENTER, QUIT, AlwaysEnter, Keyboard, Keys, Screen
from clock_train.data.prompts import Prompt, prompts, prompts_from
from clock_train.data.recorded_lines import RecordedLines

BASIC_MINUTES = 10
"""The article's smallest tier."""
KEPT_SILENCE_S = 0.4
"""Enough to hear the room by."""


@dataclass
class Session:
    """One sitting: the lines, where their takes go, and where takes and decisions come from."""

    lines: list[Prompt]
    recorded: RecordedLines
    source: TakeSource
    keys: Keys
    screen: Screen
    num_recorded: int = 0
    speech_seconds: float = 0.0
    _last_take: np.ndarray | None = None

    def run(self) -> None:
        """Until the last line, ``q``, or the end of the source."""
        index, finished = 0, []
        # Lines of an earlier sitting are passed over, but "r" may come back to one of this sitting.
        again = -1
        while index < len(self.lines):
            prompt = self.lines[index]
            if prompt.name in self.recorded and index != again:
                index += 1
                continue
            self.screen.show_line(prompt, place=f"line {index + 1} of {len(self.lines)}")
            key = self._decide()
            if key == QUIT:
                return
            if key == "r" and finished:
                again = index = finished.pop()
                continue
            if key == "r":
                self.screen.say("No line was recorded in this sitting yet.")
                continue
            if key != "s":
                outcome = self._record(prompt)
                if outcome == QUIT:
                    return
                if outcome != "s":
                    finished.append(index)
            again = -1
            index += 1

    def _record(self, prompt: Prompt) -> str:
        """Read one line until it is good, kept, or skipped; what ended it: Enter, ``s`` or ``q``."""
        while True:
            with self.screen.metering() as on_block:
                take = self.source.record(self.keys.is_pressed, on_block)
            if take is None:
                return QUIT
            self._last_take = take.waveform
            report = self._check(take, prompt)
            self.screen.show_report(report)
            key = ENTER if report.is_good else self._decide("k")
            if report.is_good or key == "k":
                self.recorded.save(prompt.name, prompt.text, _trimmed(take.waveform, report), SAMPLE_RATE_HZ)
                self.num_recorded += 1
                self.speech_seconds += report.speech_seconds
                return ENTER
            if key in ("s", QUIT):
                return key

    def _decide(self, *more: str) -> str:
        """The next key that means something here; ``p`` is answered on the spot."""
        while True:
            key = self.keys.read()
            if key == "p":
                if self._last_take is None or not self.source.play(self._last_take):
                    self.screen.say("There is nothing to play, or nothing to play it on.")
            elif key in (ENTER, "s", QUIT, *more) or (key == "r" and not more):
                return key

    def _check(self, take: Take, prompt: Prompt) -> TakeReport:
        return check_take(
            take.waveform, SAMPLE_RATE_HZ, expected_seconds=prompt.expected_seconds, has_gaps=take.has_gaps
        )


def record(
    folder: Annotated[Path, typer.Argument(help="Where the recordings go; a started folder is gone on with.")],
    *,
    language: Annotated[str, typer.Option(help="Lines to read: zh or en.")] = "zh",
    prompts_path: Annotated[
        Path | None, typer.Option("--prompts", help="Your own lines instead, one sentence a line.")
    ] = None,
    from_wav: Annotated[
        Path | None, typer.Option(help="Take the readings from a sound file with a second of pause between lines.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="Microphone, by name or number.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result for scripts.")] = False,
) -> None:
    """Read lines into the microphone, each checked at once, ready for "clocktrain corpus build"."""
    lines = prompts_from(prompts_path, language) if prompts_path else prompts(language)
    recorded = RecordedLines(folder)
    screen = Screen()
    if from_wav is not None:
        session = Session(lines, recorded, FileTakes(from_wav), AlwaysEnter(), screen)
        session.run()
    else:
        from clock_train.audio.microphone import Microphone

        microphone = Microphone(device)
        keyboard = Keyboard()
        session = Session(lines, recorded, microphone, keyboard, screen)
        _welcome(session, microphone.name)
        with keyboard.single():
            session.run()
    _sum_up(session, as_json)


def _trimmed(waveform: np.ndarray, report: TakeReport) -> np.ndarray:
    """Without the time before and after the line in which somebody looked for the key."""
    start, end = report.speech_from_s - KEPT_SILENCE_S, report.speech_to_s + KEPT_SILENCE_S
    if report.speech_to_s == 0.0:
        return waveform
    return waveform[max(0, round(start * SAMPLE_RATE_HZ)) : round(end * SAMPLE_RATE_HZ)]


def _welcome(session: Session, microphone_name: str) -> None:
    left = [prompt for prompt in session.lines if prompt.name not in session.recorded]
    minutes = sum(prompt.expected_seconds for prompt in left) / 60
    session.screen.say(
        f"{microphone_name}: {len(left)} of {len(session.lines)} lines to read, about {minutes:.0f} minutes of speech. "
        f"A voice needs {BASIC_MINUTES} or more. Sit a hand's width from the microphone in a quiet room."
    )


def _sum_up(session: Session, as_json: bool) -> None:
    num_left = sum(prompt.name not in session.recorded for prompt in session.lines)
    folder = session.recorded.folder
    if as_json:
        result = {
            "folder": str(folder),
            "recorded": session.num_recorded,
            "recordedInAll": len(session.recorded),
            "left": num_left,
            "speechSeconds": round(session.speech_seconds, 1),
        }
        typer.echo(json.dumps(result, ensure_ascii=False))
        return
    session.screen.say(f"{session.num_recorded} recorded now, {len(session.recorded)} in all, {num_left} left to read.")
    if num_left:
        session.screen.say("Run the same command again to go on.")
    session.screen.say(f'Then: clocktrain corpus build "{folder}" --speaker NAME --out CORPUS')
