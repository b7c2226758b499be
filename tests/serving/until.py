"""Waiting with a bound for what a server is going to do."""

from __future__ import annotations

import time
from collections.abc import Callable

WITHIN_S = 30.0


def until(is_so: Callable[[], object], what: str, within_s: float = WITHIN_S) -> None:
    end = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < end, what
        time.sleep(0.02)
