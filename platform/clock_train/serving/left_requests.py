"""Requests whose client has gone: said by a message, for tritonserver does not survive every cancelled stream."""

from __future__ import annotations

MOST = 4_096
"""That are remembered: one may be said to be left before it comes, or after it has ended."""


class LeftRequests:
    """The ids of requests that nobody waits for; written by Triton's thread, asked by those that speak."""

    def __init__(self) -> None:
        self._ids: dict[str, None] = {}

    def add(self, request_id: str) -> None:
        """One that is left; of too many, the oldest is forgotten. Requests without an id are nobody's to leave."""
        if request_id:
            self._ids[request_id] = None
        while len(self._ids) > MOST:
            self._ids.pop(next(iter(self._ids)), None)

    def __contains__(self, request_id: str) -> bool:
        return request_id in self._ids

    def discard(self, request_id: str) -> None:
        """One that has ended."""
        self._ids.pop(request_id, None)
