"""Waiting with a bound, for what must come, and watching for a while, for what must not."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
POLL_S = 0.1


def eventually(look: Callable[[], T], *, timeout_s: float, what: str | Callable[[], str] = "") -> T:
    """Poll until `look` returns something true, and return that.

    Args:
        look: may raise AssertionError, which means: not yet.
        what: what is waited for, as words of the error; a function is called only then, to say how things stand.
    Raises:
        AssertionError: it did not come within `timeout_s`; names what was waited for and what was last seen.
    """
    ends_at = time.monotonic() + timeout_s
    while True:
        try:
            seen: object = look()
            if seen:
                return seen  # type: ignore[return-value]
        except AssertionError as error:
            seen = error
        if time.monotonic() > ends_at:
            words = what() if callable(what) else what or getattr(look, "__name__", "it")
            raise AssertionError(f"waited {timeout_s:g} s for: {words}; last seen: {seen!r}")
        time.sleep(POLL_S)


def consistently(holds: Callable[[], object], *, duration_s: float, what: str = "") -> None:
    """Poll for `duration_s` and fail at the first moment at which it does not hold."""
    ends_at = time.monotonic() + duration_s
    while time.monotonic() < ends_at:
        seen = holds()
        assert seen, f"held no longer: {what or getattr(holds, '__name__', 'it')}; seen: {seen!r}"
        time.sleep(POLL_S)
