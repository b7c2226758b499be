"""Which voices have a place, with a server that is played: the real one's side is in test_serving_faults.py."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, cast

import pytest

from clock_train.errors import ServerBusy, VoiceNotFound
from clock_train.serving import resident_voices
from clock_train.serving.resident_voices import ResidentVoices
from clock_train.serving.triton_server import TritonServer

BOUND_S = 10.0


class PlayedServer:
    """Loads when it is let, or fails; writes down what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.held: set[str] = set()
        self.broken: set[str] = set()
        self.may_load = threading.Event()
        self.may_load.set()

    def holds(self, model: str) -> bool:
        return model in self.held

    def load(self, model: str) -> None:
        self.asked.append(f"load {model}")
        assert self.may_load.wait(BOUND_S)
        if model in self.broken:
            raise VoiceNotFound(f"{model} is broken")
        self.held.add(model)

    def unload(self, model: str) -> None:
        self.asked.append(f"unload {model}")
        self.held.discard(model)


def resident(most: int = 2) -> tuple[ResidentVoices, PlayedServer]:
    server = PlayedServer()
    return ResidentVoices(cast(TritonServer, server), most=most), server


async def speak(voices: ResidentVoices, model: str) -> None:
    async with voices.use(model):
        await asyncio.sleep(0)


async def eventually(holds: Any) -> None:
    async with asyncio.timeout(BOUND_S):
        while not holds():
            await asyncio.sleep(0.005)


def test_the_voice_unused_longest_goes_for_a_new_one() -> None:
    async def run() -> None:
        voices, server = resident()
        for model in ("anna", "bert", "anna", "carlo"):
            await speak(voices, model)
        assert server.asked == ["load anna", "load bert", "unload bert", "load carlo"]
        assert voices.names() == ["anna", "carlo"]

    asyncio.run(run())


def test_all_who_ask_for_one_that_comes_wait_for_one_load() -> None:
    async def run() -> None:
        voices, server = resident()
        server.may_load.clear()
        asking = [asyncio.create_task(speak(voices, "anna")) for _ in range(20)]
        await eventually(lambda: server.asked)
        server.may_load.set()
        await asyncio.gather(*asking)
        assert server.asked == ["load anna"]

    asyncio.run(run())


def test_a_load_does_not_keep_one_that_is_there_from_speaking() -> None:
    async def run() -> None:
        voices, server = resident()
        await speak(voices, "anna")
        server.may_load.clear()
        coming = asyncio.create_task(speak(voices, "bert"))
        await eventually(lambda: "load bert" in server.asked)
        async with asyncio.timeout(BOUND_S):
            await speak(voices, "anna")
        assert not coming.done()
        server.may_load.set()
        await coming

    asyncio.run(run())


def test_who_leaves_while_a_voice_comes_takes_it_from_nobody() -> None:
    async def run() -> None:
        voices, server = resident()
        server.may_load.clear()
        first, second = (asyncio.create_task(speak(voices, "anna")) for _ in range(2))
        await eventually(lambda: server.asked)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        server.may_load.set()
        await second
        assert server.asked == ["load anna"] and voices.names() == ["anna"]

    asyncio.run(run())


def test_one_that_cannot_be_loaded_takes_no_place_and_is_tried_again() -> None:
    async def run() -> None:
        voices, server = resident(most=1)
        server.broken.add("anna")
        for _ in range(2):
            with pytest.raises(VoiceNotFound, match="anna is broken"):
                await speak(voices, "anna")
        assert voices.names() == []
        await speak(voices, "bert")
        assert server.asked == ["load anna", "load anna", "load bert"], "nothing was unloaded for it"
        server.broken.clear()
        await speak(voices, "anna")
        assert voices.names() == ["anna"]

    asyncio.run(run())


def test_one_that_the_server_lost_is_loaded_again() -> None:
    async def run() -> None:
        voices, server = resident()
        await speak(voices, "anna")
        server.held.clear()
        await speak(voices, "anna")
        assert server.asked == ["load anna", "load anna"]

    asyncio.run(run())


def test_while_all_speak_another_waits_for_a_place_and_then_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        voices, server = resident(most=1)
        async with voices.use("anna"):
            monkeypatch.setattr(resident_voices, "WAIT_S", 0.05)
            with pytest.raises(ServerBusy, match=r"all 1 voices in memory are speaking.*--resident"):
                await speak(voices, "bert")
            monkeypatch.setattr(resident_voices, "WAIT_S", BOUND_S)
            waiting = asyncio.create_task(speak(voices, "bert"))
            await asyncio.sleep(0.05)
            assert not waiting.done()
        await waiting
        assert server.asked == ["load anna", "unload anna", "load bert"]

    asyncio.run(run())


def test_what_goes_has_gone_before_what_comes_in_its_place() -> None:
    """The memory of one more voice than may be there is not to be had."""

    async def run() -> None:
        voices, server = resident(most=1)
        most = 0
        load = server.load

        def counting(model: str) -> None:
            nonlocal most
            load(model)
            most = max(most, len(server.held))

        server.load = counting
        for model in ("anna", "bert", "carlo", "anna") * 5:
            await speak(voices, model)
        assert most == 1

    asyncio.run(run())
