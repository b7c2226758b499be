"""Which voices a server holds: loaded when first asked for, the one unused longest unloaded for a new one."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from clock_train.errors import ServerBusy
from clock_train.serving.triton_server import TritonServer

WAIT_S = 30.0
"""For a place, while every resident voice is speaking."""


class ResidentVoices:
    """The models of one server, at most ``most`` at once.

    Args:
        server: a ``TritonServer``; a restart of it loads what is resident here.
        most: voices in memory.
    """

    def __init__(self, server: TritonServer, *, most: int) -> None:
        self._server, self._most = server, most
        self._speaking: OrderedDict[str, int] = OrderedDict()  # the one unused longest first
        self._changed = threading.Condition()
        server.resident = self.names

    def names(self) -> list[str]:
        """Models that are loaded, the one unused longest first."""
        with self._changed:
            return list(self._speaking)

    @contextmanager
    def use(self, model: str) -> Iterator[None]:
        """Have a model loaded, and keep it so, for as long as the context lasts.

        Raises:
            ServerBusy: every resident voice was speaking for ``WAIT_S``.
            ClockTrainError: what ``TritonServer.load`` raises.
        """
        self._take(model)
        try:
            yield
        finally:
            with self._changed:
                self._speaking[model] -= 1
                self._changed.notify_all()

    def _take(self, model: str) -> None:
        until = time.monotonic() + WAIT_S
        with self._changed:  # loads one at a time: a load takes a whole core
            while model not in self._speaking and len(self._speaking) >= self._most:
                idle = next((name for name, count in self._speaking.items() if not count), None)
                if idle is not None:
                    self._server.unload(idle)
                    del self._speaking[idle]
                elif not self._changed.wait(until - time.monotonic()):
                    raise ServerBusy(
                        f"all {self._most} voices in memory are speaking, so no other can be loaded; ask again, or "
                        "start with a higher --resident"
                    )
            if model not in self._speaking:
                self._server.load(model)
            self._speaking[model] = self._speaking.get(model, 0) + 1
            self._speaking.move_to_end(model)
