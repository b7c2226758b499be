"""Who hears how a run is going: a progress bar, a notebook, a log, a test."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol


class Listener(Protocol):
    """Told about stages as they happen, in the thread that does the work."""

    def stage(self, name: str) -> None:
        """A stage begins; the one before it is done."""

    def advance(self, fraction: float, detail: str = "", eta_seconds: float | None = None) -> None:
        """How far the stage is, 0 to 1, with what is left of it."""

    def note(self, message: str) -> None:
        """Something worth a line: what is reused, what was left out, where a file lies."""

    def warn(self, message: str) -> None:
        """Something that a person should act on."""


class Silence:
    """Hears nothing."""

    def stage(self, name: str) -> None:
        """Nothing."""

    def advance(self, fraction: float, detail: str = "", eta_seconds: float | None = None) -> None:
        """Nothing."""

    def note(self, message: str) -> None:
        """Nothing."""

    def warn(self, message: str) -> None:
        """Nothing."""


class Eta:
    """Time left, from the pace since this process began; smoothed, since neighbours on a machine come and go."""

    def __init__(self) -> None:
        self._began: float | None = None
        self._first = 0.0

    def left(self, fraction: float) -> float | None:
        """Seconds left at ``fraction``; None until there is something to go by."""
        now = time.monotonic()
        if self._began is None:
            self._began, self._first = now, fraction
            return None
        done = fraction - self._first
        return (now - self._began) * (1.0 - fraction) / done if done > 0 else None


def counted(listener: Listener, what: str) -> Callable[[int, int], None]:
    """A function of (done, total) that advances the listener's stage, with what is counted and the time left."""
    eta = Eta()

    def advance(done: int, total: int) -> None:
        share = done / max(1, total)
        listener.advance(share, f"{what} {done}/{total}", eta.left(share))

    return advance
