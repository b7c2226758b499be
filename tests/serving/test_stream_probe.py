"""Streams that a server lets wait for ever: not made by us, seen where somebody else made them, and ended."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from asking import ask  # pyright: ignore[reportMissingImports]
from footprint import footprint  # pyright: ignore[reportMissingImports]
from served_voices import serving  # pyright: ignore[reportMissingImports]
from tritonclient.grpc import service_pb2, service_pb2_grpc
from until import until  # pyright: ignore[reportMissingImports]

from clock_train.serving import triton_server, voice_client
from clock_train.serving.speech_request import SpeechRequest
from clock_train.serving.stream_probe import StreamProbe
from clock_train.serving.voice_client import VoiceClient
from clock_train.serving.voice_model import LEAVE

pytestmark = pytest.mark.ring2


class Slow(service_pb2_grpc.GRPCInferenceServiceServicer):
    """Speaks until it is told to end, and notes what became of its streams."""

    def __init__(self, taken_after_s: float) -> None:
        self.taken_after_s, self.asked, self.left = taken_after_s, [], []
        self.seen, self.is_left, self.is_over = [], threading.Event(), threading.Event()

    def ModelStreamInfer(self, request_iterator: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        request = next(request_iterator)
        messages: Any = service_pb2
        if [each.name for each in request.inputs] == [LEAVE]:
            self.left.append(request.raw_input_contents[0].decode())
            self.is_left.set()
            return
        self.asked.append(request.id)
        time.sleep(self.taken_after_s)
        while not self.is_left.wait(0.05) and context.is_active():
            yield messages.ModelStreamInferResponse()
        self.seen.append("ended itself" if context.is_active() else "cancelled")
        self.is_over.set()


@contextmanager
def slow_server(taken_after_s: float) -> Iterator[tuple[Slow, str]]:
    slow, server = Slow(taken_after_s), grpc.server(ThreadPoolExecutor(4))
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(slow, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield slow, f"127.0.0.1:{port}"
    finally:
        slow.is_left.set()
        server.stop(None)


@pytest.mark.parametrize("after_s", [0.01, 0.1, 0.8])
def test_who_hangs_up_has_the_voice_end_and_cancels_no_stream(after_s: float) -> None:
    async def hang_up(address: str) -> float:
        client = VoiceClient(address)
        chunks = client.speak("anna", SpeechRequest(text="Hello."))
        first = asyncio.ensure_future(anext(chunks))
        await asyncio.sleep(after_s)
        first.cancel()
        began = time.monotonic()
        with pytest.raises(asyncio.CancelledError):
            await first
        await chunks.aclose()
        took_s = time.monotonic() - began
        await client.close()
        return took_s

    with slow_server(0.5) as (slow, address):
        took_s = asyncio.run(hang_up(address))
        until(slow.is_over.is_set, "its stream ends")
        assert slow.seen == ["ended itself"]
        assert slow.left == slow.asked
        assert took_s < 0.4, "whoever hangs up does not wait for that"


def test_a_server_that_does_not_answer_is_cancelled_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voice_client, "LEAVING_S", 0.3)

    async def hang_up(address: str) -> None:
        client = VoiceClient(address)
        chunks = client.speak("anna", SpeechRequest(text="Hello."))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(chunks), 0.2)
        await chunks.aclose()
        await client.close()

    with slow_server(0.0) as (slow, address):
        monkeypatch.setattr(slow.is_left, "set", lambda: None)
        asyncio.run(hang_up(address))
        until(slow.is_over.is_set, "its stream ends")
        assert slow.seen == ["cancelled"]
        monkeypatch.undo()


def test_a_live_server_answers_streams_and_keeps_nothing_of_them(served: Any) -> None:
    probe = StreamProbe(served.server.address)
    assert probe.is_answered(timeout_s=20)
    before = footprint(served.server.pid).files
    assert all(probe.is_answered(timeout_s=20) for _ in range(50))
    assert footprint(served.server.pid).files == before
    probe.close()


def test_one_that_never_answers_is_seen() -> None:
    with slow_server(5) as (_, address):
        assert not StreamProbe(address).is_answered(timeout_s=0.3)
    assert not StreamProbe("127.0.0.1:9").is_answered(timeout_s=0.3)


def test_a_server_that_takes_no_streams_is_started_again_with_its_voices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([True, False])
    monkeypatch.setattr(triton_server, "PROBE_EVERY_S", 0.2)
    monkeypatch.setattr(StreamProbe, "is_answered", lambda self, timeout_s: next(answers, True))
    with serving(tmp_path) as running:
        until(lambda: running.server.num_restarts == 1, "it is ended and started again")
        until(lambda: running.server.holds("duo-v1"), "its voice is back")
        assert len(ask(running.server.address, "duo-v1", text="Hello.")) > 1_000
        assert next(answers, None) is None
