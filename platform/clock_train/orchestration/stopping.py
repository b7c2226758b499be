"""SIGTERM and Ctrl-C as a wish that the loop sees between two steps, so that it can save first."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn


class Stop:
    """Whether a signal has come, and how to leave once the work is saved."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def is_wanted(self) -> bool:
        """Whether SIGTERM or SIGINT has come."""
        return self.signal is not None

    def leave(self) -> NoReturn:
        """End as the signal would have ended the process.

        Raises:
            KeyboardInterrupt: after SIGINT.
            SystemExit: 128 + 15 after SIGTERM.
        """
        if self.signal == signal.SIGTERM:
            raise SystemExit(128 + signal.SIGTERM)
        raise KeyboardInterrupt


@contextlib.contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """Yields the wish to stop; a second signal ends the process at once.

    Outside the main thread signals cannot be caught; the wish then never comes.
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def note(number: int, _frame: FrameType | None) -> None:
        stop.signal = number
        signal.signal(number, signal.SIG_DFL)

    for number in before:
        signal.signal(number, note)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
