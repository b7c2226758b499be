"""HTTP to an S3 server with a bound on everything: connecting, each read, each retry and the whole operation.

Peculiar here: urllib3 takes its connect limit for sending a body too, and applies it to one ``sendall``, so a body of
many megabytes in one piece would have to pass within it. Bodies are handed over in blocks, each with the limit of its
own, and the operation's deadline is looked at between blocks.
"""

from __future__ import annotations

import contextlib
import io
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError

RETRIED_STATUSES = frozenset({429, 500, 502, 503, 504})
"""Not 507: a full disk is no better a second later."""


@dataclass(frozen=True, kw_only=True)
class S3Limits:
    """How long anything may take; the defaults suit a server in another building."""

    connect_s: float = 10.0
    """For a connection, and for each block of a body that is sent."""
    read_s: float = 30.0
    """For each block of an answer."""
    attempts: int = 6
    """Of one request; with the waits below, about 15 s of trouble are ridden out."""
    first_wait_s: float = 0.5
    longest_wait_s: float = 8.0
    operation_s: float = 120.0
    """For one whole operation, retries and waits included ..."""
    slowest_bytes_per_s: float = 1_000_000.0
    """... plus the time that its bytes take at this rate."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value <= 0:
                raise ValueError(f"{name} is {value}; give a positive number")

    def wait_s(self, attempt: int) -> float:
        """Before the next attempt: exponential, in its second half at random, so that workers do not march in step."""
        longest = min(self.longest_wait_s, self.first_wait_s * 2**attempt)
        return random.uniform(longest / 2, longest)


class OperationOverdue(HTTPError):
    """The deadline of the whole operation passed."""


class TimedRequests(urllib3.PoolManager):
    """The HTTP client under the SDK; it retries what a second try can mend."""

    def __init__(self, limits: S3Limits, **attributes: Any) -> None:
        super().__init__(retries=False, **attributes)
        self.limits = limits
        self._current = threading.local()

    @contextlib.contextmanager
    def operation(self, size_bytes: int = 0) -> Iterator[None]:
        """Everything asked for inside shares one deadline; an operation within another keeps the outer one's."""
        outer = getattr(self._current, "ends_at", None)
        if outer is None:
            self._current.ends_at = time.monotonic() + self.limits.operation_s
            self.expect_bytes(size_bytes)
        try:
            yield
        finally:
            self._current.ends_at = outer

    def expect_bytes(self, size_bytes: int) -> None:
        """Lengthen the deadline by the time that so many bytes may take."""
        self._current.ends_at += size_bytes / self.limits.slowest_bytes_per_s

    def left_s(self) -> float:
        """Seconds until the deadline.

        Raises:
            OperationOverdue: none are left.
        """
        left = self._current.ends_at - time.monotonic()
        if left <= 0:
            raise OperationOverdue("the time for the whole operation ran out")
        return left

    def pause(self, attempt: int) -> None:
        """Wait before the next attempt, never past the deadline."""
        time.sleep(min(self.limits.wait_s(attempt), self.left_s()))

    def urlopen(self, method: str, url: str, redirect: bool = True, **request: Any) -> urllib3.BaseHTTPResponse:  # type: ignore[override]
        """One request, tried again while the server fails or cannot be reached."""
        body = request.pop("body", None)
        for attempt in range(self.limits.attempts):
            left = self.left_s()
            request["timeout"] = urllib3.Timeout(
                connect=min(self.limits.connect_s, left), read=min(self.limits.read_s, left)
            )
            is_last = attempt + 1 == self.limits.attempts
            try:
                sent = _Blocks(body, self) if isinstance(body, bytes) and body else body
                response = super().urlopen(method, url, redirect=False, body=sent, **request)
                if response.status not in RETRIED_STATUSES or is_last:
                    return response
                response.drain_conn()
            except OperationOverdue:
                raise
            except HTTPError:
                if is_last:
                    raise
            self.pause(attempt)
        raise AssertionError("the loop returns or raises")


class _Blocks(io.BytesIO):
    """A body that urllib3 sends block by block."""

    def __init__(self, content: bytes, requests: TimedRequests) -> None:
        super().__init__(content)
        self._requests = requests

    def read(self, size: int | None = -1, /) -> bytes:
        self._requests.left_s()
        return super().read(size)
