"""Freed memory goes back to the system: glibc keeps it for whoever wants as much again, and sounds always differ."""

from __future__ import annotations

import contextlib
import ctypes
import threading

M_ARENA_MAX, ARENAS = -8, 2
"""Of glibc's mallopt: by default every thread keeps freed memory of its own, 240 MB after 1,600 cancelled streams; with
two arenas 120 MB after 1,000."""
GIVEN_BACK_EVERY_S = 60.0
"""What is kept grows by a kilobyte a request, 33 MB in half an hour; giving it back takes milliseconds."""


def keep_few_arenas() -> None:
    """Before threads are started; see ``ARENAS``."""
    with contextlib.suppress(AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, ARENAS)


def give_back() -> None:
    """All that is freed and kept."""
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


class GivenBack:
    """Gives it back now and then, until ``stop``."""

    def __init__(self, every_s: float = GIVEN_BACK_EVERY_S) -> None:
        self._every_s, self._ended = every_s, threading.Event()
        self._thread = threading.Thread(target=self._run, name="freed-memory", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Returns once its thread has ended."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(self._every_s):
            give_back()
