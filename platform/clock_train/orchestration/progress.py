"""Listeners that show a run to a person or a script, all on standard error.

Bars in a terminal or a notebook; plain lines in a log, at most one in ten seconds; one JSON object a line for scripts.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TextIO

from clock_train.orchestration.listener import Listener, Silence

if TYPE_CHECKING:
    # loaded when something is shown: rich costs a help page 0.2 s
    from rich.console import Console
    from rich.progress import TaskID

LINE_EVERY_S = 10.0
"""A log of an hour stays readable, and a person still sees that it moves."""
REDRAWS_PER_SECOND = 4
"""The drawing thread shares the cores with training."""


class ProgressStyle(StrEnum):
    """How progress is shown; ``auto`` looks at where standard error goes."""

    AUTO = "auto"
    BARS = "bars"
    LINES = "lines"
    JSON = "json"
    NONE = "none"


@contextlib.contextmanager
def listening(style: ProgressStyle = ProgressStyle.AUTO, stream: TextIO | None = None) -> Iterator[Listener]:
    """A listener for the length of a command.

    Args:
        style: what to show.
        stream: standard error by default.
    """
    from rich.console import Console

    out = sys.stderr if stream is None else stream
    console = Console(file=out)
    if style is ProgressStyle.AUTO:
        style = ProgressStyle.BARS if console.is_terminal or console.is_jupyter else ProgressStyle.LINES
    if style is ProgressStyle.BARS:
        bars = Bars(console)
        with bars.progress:
            yield bars
            bars.finish()
    elif style is ProgressStyle.LINES:
        yield Lines(out)
    elif style is ProgressStyle.JSON:
        yield JsonLines(out)
    else:
        yield Silence()


class Bars:
    """One bar a stage; finished ones stay, with how long they took."""

    def __init__(self, console: Console) -> None:
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
        from rich.table import Column

        self.progress = Progress(
            TextColumn("{task.description}", table_column=Column(no_wrap=True)),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TextColumn("{task.fields[left]}", table_column=Column(no_wrap=True)),
            TextColumn("[dim]{task.fields[detail]}", table_column=Column(no_wrap=True, overflow="ellipsis")),
            console=console,
            refresh_per_second=REDRAWS_PER_SECOND,
        )
        self._task: TaskID | None = None
        self._began = 0.0

    def stage(self, name: str) -> None:
        """A new bar; the one before it is full."""
        self.finish()
        self._began = time.monotonic()
        self._task = self.progress.add_task(name, total=1.0, left="", detail="")

    def advance(self, fraction: float, detail: str = "", eta_seconds: float | None = None) -> None:
        """Move the bar."""
        if self._task is not None:
            left = "" if eta_seconds is None else f"{spoken_duration(eta_seconds)} left"
            self.progress.update(self._task, completed=fraction, left=left, detail=detail)

    def note(self, message: str) -> None:
        """A line above the bars."""
        self.progress.console.print(message, markup=False, highlight=False)

    def warn(self, message: str) -> None:
        """A line above the bars that is seen."""
        self.progress.console.print(f"Warning: {message}", style="yellow", markup=False, highlight=False)

    def finish(self) -> None:
        """Fill the last bar and say how long it took."""
        if self._task is not None:
            took = f"took {spoken_duration(time.monotonic() - self._began)}"
            self.progress.update(self._task, completed=1.0, left=took, detail="")
            self._task = None


class Lines:
    """Plain lines for logs."""

    def __init__(self, stream: TextIO, *, now: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._now = stream, now
        self._stage = ""
        self._spoke_at = float("-inf")

    def stage(self, name: str) -> None:
        """A line at once."""
        self._stage = name
        self._print(f"{name} ...")

    def advance(self, fraction: float, detail: str = "", eta_seconds: float | None = None) -> None:
        """A line, unless there was one a moment ago."""
        if self._now() - self._spoke_at < LINE_EVERY_S:
            return
        left = "" if eta_seconds is None else f"{spoken_duration(eta_seconds)} left"
        parts = [part for part in (f"{100 * fraction:.0f} %", detail, left) if part]
        self._print(f"{self._stage}: {', '.join(parts)}")

    def note(self, message: str) -> None:
        """A line at once."""
        self._print(message)

    def warn(self, message: str) -> None:
        """A line at once."""
        self._print(f"Warning: {message}")

    def _print(self, line: str) -> None:
        self._spoke_at = self._now()
        print(line, file=self._stream, flush=True)


class JsonLines:
    """Every call as one JSON object with its ``event``."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def stage(self, name: str) -> None:
        """Event ``stage``."""
        self._print(event="stage", name=name)

    def advance(self, fraction: float, detail: str = "", eta_seconds: float | None = None) -> None:
        """Event ``progress``."""
        self._print(event="progress", fraction=fraction, detail=detail, etaSeconds=eta_seconds)

    def note(self, message: str) -> None:
        """Event ``note``."""
        self._print(event="note", message=message)

    def warn(self, message: str) -> None:
        """Event ``warning``."""
        self._print(event="warning", message=message)

    def _print(self, **fields: Any) -> None:
        print(json.dumps(fields, ensure_ascii=False), file=self._stream, flush=True)


def spoken_duration(seconds: float) -> str:
    """``45 s``, ``3 min 20 s`` or ``2 h 5 min``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
