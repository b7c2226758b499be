"""Floods of one text: the same words to many people, with names and numbers exchanged.

A text is remembered as sixty-four hashes of its runs of five characters, with digits taken for one another, and for the
length of a window: never as itself. Sound and exact repeats of a menu are what a limit has to leave room for.
"""

from __future__ import annotations

import re
import threading
import time
import zlib
from collections import OrderedDict, deque
from collections.abc import Callable

import numpy as np

from clock_train.compliance.text_policy.judging import Refusal, TextRequest

NUM_HASHES, RUN = 64, 5
ALIKE = 0.6
"""Share of equal hashes: two texts that differ by a name and a number of some forty characters share more."""
MOST_TENANTS, MOST_REMEMBERED = 1_000, 2_000
_PRIME = (1 << 61) - 1
_RNG = np.random.default_rng(20_260_601)
_FACTORS = _RNG.integers(1, 1 << 31, NUM_HASHES, dtype=np.uint64)
_TERMS = _RNG.integers(0, 1 << 31, NUM_HASHES, dtype=np.uint64)


class LookAlikes:
    """Counts texts that are alike.

    Args:
        most: of one tenant's within the window; one more is refused.
        window_s: seconds.
        clock: monotonic.
    """

    def __init__(self, most: int, window_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._window_s, self._clock = most, window_s, clock
        self._seen: OrderedDict[str, deque[tuple[float, np.ndarray]]] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, request: TextRequest) -> Refusal | None:
        """Whether the tenant asked for too many texts like this one; counts it, but once."""
        if request.is_more:
            return None
        now, hashes = self._clock(), _hashes(request.run)
        with self._lock:
            seen = self._seen.setdefault(request.tenant, deque(maxlen=MOST_REMEMBERED))
            self._seen.move_to_end(request.tenant)
            while len(self._seen) > MOST_TENANTS:
                self._seen.popitem(last=False)
            while seen and now - seen[0][0] > self._window_s:
                seen.popleft()
            num_alike = 0
            if seen:
                num_alike = int((np.mean(np.stack([each for _, each in seen]) == hashes, axis=1) >= ALIKE).sum())
            seen.append((now, hashes))
        if num_alike < self._most:
            return None
        return Refusal(
            rule="look-alikes",
            why=f"it is like {num_alike} others of the last {self._window_s:g} s, and {self._most} are the most",
        )


def _hashes(run: str) -> np.ndarray:
    """(NUM_HASHES,) uint64: the least of each hash over the runs of a text (MinHash)."""
    plain = re.sub(r"\d", "0", run)
    pieces = {zlib.crc32(plain[i : i + RUN].encode()) for i in range(max(1, len(plain) - RUN + 1))}
    values = np.fromiter(pieces, dtype=np.uint64)[:, None]
    return ((values * _FACTORS + _TERMS) % np.uint64(_PRIME)).min(axis=0)
