"""What the reader of a recording session sees and presses; everything goes to standard error."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import numpy as np
from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.text import Text

from clock_train.audio.take_check import TakeReport
from clock_train.audio.take_sources import LevelMeter
from clock_train.data.prompts import Pace, Prompt

ENTER = "\n"
QUIT = "q"
METER_CELLS = 48
METER_FROM_DBFS = -60.0
HOT_DBFS, WARM_DBFS = -3.0, -9.0
"""The meter turns red and yellow here; a good reading peaks between -12 and -6."""
PACE_HINTS = {Pace.SLOW: "slowly, as if telling a story", Pace.NORMAL: "at your own pace", Pace.FAST: "quickly"}
STYLE_HINTS = {"statement": "calmly", "question": "as a real question", "exclamation": "with feeling"}


class Keys(Protocol):
    """Where decisions come from."""

    def read(self) -> str:
        """The next key; Enter is a newline, the end of input is ``q``."""
        ...

    def is_pressed(self) -> bool:
        """Whether any key was pressed since; takes it."""
        ...


class Keyboard:
    """Single keys of a terminal, or characters of a pipe."""

    def __init__(self, descriptor: int | None = None) -> None:
        self._descriptor = sys.stdin.fileno() if descriptor is None else descriptor

    def read(self) -> str:
        """See ``Keys``."""
        byte = os.read(self._descriptor, 1)
        if not byte:
            return QUIT
        return byte.decode("utf-8", errors="replace").replace("\r", ENTER).lower()

    def is_pressed(self) -> bool:
        """See ``Keys``."""
        if not select.select([self._descriptor], [], [], 0)[0]:
            return False
        self.read()
        return True

    @contextmanager
    def single(self) -> Iterator[None]:
        """Keys without Enter and without echo while this lasts; Ctrl-C still works."""
        if not os.isatty(self._descriptor):
            yield
            return
        import termios
        import tty

        before = termios.tcgetattr(self._descriptor)
        tty.setcbreak(self._descriptor)
        try:
            yield
        finally:
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, before)


class AlwaysEnter:
    """Nobody is there: start each take, keep the good ones, take the bad ones again."""

    def read(self) -> str:
        """See ``Keys``."""
        return ENTER

    def is_pressed(self) -> bool:
        """See ``Keys``."""
        return False


class Screen:
    """Panels, the meter and verdicts."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False)

    def show_line(self, prompt: Prompt, *, place: str) -> None:
        """The line to read and the keys."""
        hint = f"{STYLE_HINTS[prompt.style]}, {PACE_HINTS[prompt.pace]}"
        body = Text(prompt.text, style="bold")
        self.console.print(Panel(body, title=f"{place} · {prompt.name}", subtitle=f"read it {hint}", padding=(1, 2)))
        self.console.print("[dim]Enter record · r previous line again · p play · s skip · q save and quit[/dim]")

    @contextmanager
    def metering(self, *, is_over_hint: str = "Enter stops") -> Iterator[Callable[[np.ndarray], None]]:
        """Yields what takes in the sound of a running take and draws its level."""
        meter = LevelMeter()
        if not self.console.is_terminal:
            yield meter.update
            return
        with Live(console=self.console, transient=True, refresh_per_second=20) as live:

            def update(block: np.ndarray) -> None:
                meter.update(block)
                live.update(meter_line(meter, is_over_hint))

            yield update

    def show_report(self, report: TakeReport) -> None:
        """What was measured, and what to do about it."""
        numbers = (
            f"{report.speech_seconds:.1f} s of speech · peak {report.peak_dbfs:.0f} dBFS · "
            f"voice {report.snr_db:.0f} dB above the room"
        )
        if report.is_good:
            self.console.print(f"[green]Good.[/green] {numbers}")
            return
        self.console.print(f"[yellow]Better again.[/yellow] {numbers}")
        for problem in report.problems:
            self.console.print(f"  [yellow]{problem.code}[/yellow]: {problem.advice}")
        self.console.print("[dim]Enter again · k keep it anyway · p play · s skip · q save and quit[/dim]")

    def say(self, sentence: str) -> None:
        """One line."""
        self.console.print(sentence, markup=False)


def meter_line(meter: LevelMeter, is_over_hint: str) -> Text:
    """``● 3.2 s ▮▮▮▮▮▮▮▯▯▯ -18 dBFS · room -62 dBFS``, coloured by the level."""

    def cells(dbfs: float) -> int:
        return round(METER_CELLS * min(1.0, max(0.0, 1 - dbfs / METER_FROM_DBFS)))

    filled, hot, warm = cells(meter.level_dbfs), cells(HOT_DBFS), cells(WARM_DBFS)
    line = Text(f"● {meter.seconds:5.1f} s  ", style="red")
    for cell in range(METER_CELLS):
        colour = "red" if cell >= hot else "yellow" if cell >= warm else "green"
        line.append("▮" if cell < filled else "▯", style=colour if cell < filled else "dim")
    line.append(f" {meter.level_dbfs:4.0f} dBFS · room {meter.noise_dbfs:.0f} dBFS · {is_over_hint}", style="dim")
    if meter.has_clipped:
        line.append("  TOO LOUD", style="bold red")
    return line
