"""What the doors need of a server of voices, wherever it runs."""

from __future__ import annotations

from typing import Protocol

from clock_train.errors import ClockTrainError


class VoiceServer(Protocol):
    """A Triton: this process's own, or another's."""

    @property
    def address(self) -> str:
        """Host and port of its gRPC."""
        ...

    @property
    def is_ready(self) -> bool:
        """Whether it answers now."""
        ...

    @property
    def failure(self) -> ClockTrainError | None:
        """Why it will not answer any more; None while it may."""
        ...

    def holds(self, model: str) -> bool:
        """Whether a model can be asked now; without waiting for anybody."""
        ...

    def load(self, model: str) -> None:
        """Return when a model can be asked.

        Raises:
            ClockTrainError: it cannot be.
        """
        ...

    def unload(self, model: str) -> None:
        """Have the memory of a model back."""
        ...
