"""What the tests of accounts agree on: a time, a clock that they set, and the shape of a fixture."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from clock_train.accounts.keys import ApiKey

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
MakeKey = Callable[..., tuple[str, ApiKey]]


class Clock:
    """A time that the test sets."""

    def __init__(self) -> None:
        self.now = NOW.timestamp()

    def __call__(self) -> float:
        return self.now
