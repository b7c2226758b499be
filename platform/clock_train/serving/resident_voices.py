"""Which voices a server holds: loaded when first asked for, the one unused longest unloaded for a new one.

Of one event loop, as whoever asks for speech is. A load takes most of a second of a core, and runs beside it: voices
that are there already speak on meanwhile, and whoever asks for the one that is coming waits for that one load.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from contextlib import asynccontextmanager

from clock_train.errors import ServerBusy
from clock_train.serving.voice_server import VoiceServer

WAIT_S = 30.0
"""For a place, while every resident voice is speaking."""


class ResidentVoices:
    """The models of one server, at most ``most`` at once.

    Args:
        server: brings back what it held when it is started again.
        most: voices in memory.
        before_load: told of a model before each load of it, in a thread of its own; what it raises, ``use`` raises.
    """

    def __init__(
        self, server: VoiceServer, *, most: int, before_load: Callable[[str], None] = lambda model: None
    ) -> None:
        self._server, self._most, self._before_load = server, most, before_load
        self._speaking: OrderedDict[str, int] = OrderedDict()
        """Requests of each model that has a place, the one unused longest first."""
        self._coming: dict[str, asyncio.Task[None]] = {}
        self._going: dict[str, asyncio.Task[None]] = {}
        self._freed = asyncio.Event()

    def names(self) -> list[str]:
        """Models that are loaded, the one unused longest first."""
        return [name for name in self._speaking if self._server.holds(name)]

    def is_alive(self, model: str) -> bool:
        """Whether a model that is in use can still answer."""
        return self._server.holds(model)

    @asynccontextmanager
    async def use(self, model: str) -> AsyncIterator[None]:
        """Have a model loaded, and keep it so, for as long as the context lasts.

        Raises:
            ServerBusy: every resident voice was speaking for ``WAIT_S``.
            ClockTrainError: what its ``load`` raises.
        """
        leaving = await self._place(model)
        try:
            await self._come(model, leaving)
            yield
        finally:
            self._leave(model)

    async def _place(self, model: str) -> str | None:
        """Take a place for a model, and count a request of it; the model that must go for it, if one must."""
        leaving = None
        try:
            async with asyncio.timeout(WAIT_S):
                while model not in self._speaking and len(self._speaking) >= self._most:
                    leaving = next((name for name, requests in self._speaking.items() if not requests), None)
                    if leaving is not None:
                        del self._speaking[leaving]
                    else:
                        self._freed.clear()
                        await self._freed.wait()
        except TimeoutError:
            raise ServerBusy(
                f"all {self._most} voices in memory are speaking, so no other can be loaded; ask again, or start with "
                "a higher --resident"
            ) from None
        self._speaking[model] = self._speaking.get(model, 0) + 1
        self._speaking.move_to_end(model)
        return leaving

    async def _come(self, model: str, leaving: str | None) -> None:
        """Until a model is loaded; the load goes on for others where the one who waits for it has gone."""
        if leaving is not None:
            _start(self._going, leaving, asyncio.to_thread(self._server.unload, leaving))
        coming = self._coming.get(model)
        if coming is None:
            if model not in self._going and self._server.holds(model):
                return
            before = [self._going[name] for name in (model, leaving) if name in self._going]
            coming = _start(self._coming, model, self._load(model, before))
        await asyncio.shield(coming)

    async def _load(self, model: str, before: Collection[asyncio.Task[None]]) -> None:
        if before:
            await asyncio.wait(before)  # its memory first
        await asyncio.to_thread(self._before_load, model)
        await asyncio.to_thread(self._server.load, model)

    def _leave(self, model: str) -> None:
        self._speaking[model] -= 1
        if not self._speaking[model]:
            if model not in self._coming and not self._server.holds(model):
                del self._speaking[model]  # it could not be loaded: its place is free
            self._freed.set()


def _start(
    moves: dict[str, asyncio.Task[None]], model: str, work: Coroutine[object, object, None]
) -> asyncio.Task[None]:
    def end(move: asyncio.Task[None]) -> None:
        del moves[model]
        if not move.cancelled():
            move.exception()  # whoever waits for it hears it; nobody may be left to

    moves[model] = move = asyncio.get_running_loop().create_task(work)
    move.add_done_callback(end)
    return move
