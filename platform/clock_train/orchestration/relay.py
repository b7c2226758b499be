"""What stands between the workers of a run and its driver: holds messages until they are collected.

It runs in a process of its own that must start soon, so nothing here imports torch, and messages are bytes to it.
"""

from __future__ import annotations


class Relay:
    """Messages as bytes in the order they came, and two facts: the driver's wish to stop, and that all is said."""

    def __init__(self) -> None:
        self._messages: list[bytes] = []
        self._is_stopping = False
        self._is_over = False

    def tell(self, messages: bytes, is_over: bool) -> bool:
        """Take messages of the first worker; whether it should stop.

        Args:
            messages: as ``relay_messages`` writes them.
            is_over: the run has ended, or ended with a mistake of the user's: nothing must be tried again.
        """
        self._messages.append(messages)
        self._is_over = self._is_over or is_over
        return self._is_stopping

    def collect(self) -> list[bytes]:
        """What came since the last time."""
        messages, self._messages = self._messages, []
        return messages

    def stop(self) -> None:
        """The driver wishes the run to save and end."""
        self._is_stopping = True

    def is_over(self) -> bool:
        """Whether a worker said the last word."""
        return self._is_over
