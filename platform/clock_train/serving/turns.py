"""Who speaks next where more want to than cores are there: whose listener runs out of sound first.

A request is due when it comes, and a stream when what it has sent is played. So a first chunk waits for one chunk of
somebody else and not for his sentence. A stream whose listener has enough goes on as long as nobody who waits runs out
soon: each change of streams costs the caches of a core. What has waited longest is due first: nobody starves.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

SOON_S = 0.5
"""Who is due within this is let in at the next chunk; a round of 64 streams on two cores takes less."""


class Turns:
    """Of the threads of one voice. Times are those of ``time.monotonic``.

    Args:
        most: at once.
    """

    def __init__(self, most: int) -> None:
        self._free = most
        self._lock = threading.Lock()
        self._waiting: list[tuple[float, int, threading.Event]] = []
        """A heap: what is due first, and of the same time who came first."""
        self._numbers = itertools.count()

    @contextmanager
    def turn(self, due_s: float) -> Iterator[None]:
        """One's turn, as long as the context lasts; ask ``let_others`` in it after each chunk.

        Args:
            due_s: when its first chunk is needed.
        """
        with self._lock:
            called = None if self._free else self._wait(due_s)
            self._free -= called is None
        if called is not None:
            called.wait()  # for at most a chunk of each who is due before
        try:
            yield
        finally:
            with self._lock:
                if self._waiting:
                    self._call()
                else:
                    self._free += 1

    def let_others(self, due_s: float) -> None:
        """Let those speak first who run out soon, and before this one does.

        Args:
            due_s: when the next chunk of whose turn it is is needed.
        """
        with self._lock:
            if not self._waiting or self._waiting[0][0] >= min(due_s, time.monotonic() + SOON_S):
                return
            called = self._wait(due_s)
            self._call()
        called.wait()

    def _wait(self, due_s: float) -> threading.Event:
        called = threading.Event()
        heapq.heappush(self._waiting, (due_s, next(self._numbers), called))
        return called

    def _call(self) -> None:
        heapq.heappop(self._waiting)[2].set()
