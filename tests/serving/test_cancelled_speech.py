"""Clients that hang up or cancel in the middle, at the doors themselves: nothing of them stays in any process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from pathlib import Path

import grpc.aio
import httpx
import pytest
from footprint import Footprint, descendants, footprint, regions_of  # pyright: ignore[reportMissingImports]
from front_process import Front, front  # pyright: ignore[reportMissingImports]
from served_voices import bundles_of, installation_trusting  # pyright: ignore[reportMissingImports]

from clock_train.api.speech_v1 import speech_pb2, speech_pb2_grpc

pytestmark = pytest.mark.ring2
TEXT = "The north wind and the sun were disputing which was the stronger, when a traveller came along in a cloak. " * 40
AT_ONCE = 8
POOL_THREADS = 16
"""Of a voice's pool at most."""
SETTLED_S = 60.0
LONG = pytest.param(2_000, marks=[pytest.mark.long, pytest.mark.timeout(1_500)])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("cancelled")
    bundles, key = bundles_of(folder)
    installation_trusting(folder / "issuing", key)
    with front(bundles["duo-v1"], folder / "issuing") as running:
        yield running


async def hang_up(client: httpx.AsyncClient, served: Front, request_id: str, after: int) -> None:
    """Close the connection after some pieces; 0 does before the first one comes."""
    body = {"input": TEXT, "voice": "duo", "response_format": "pcm"}
    url, headers = f"{served.http}/v1/audio/speech", {"x-request-id": request_id}
    if not after:
        asking = asyncio.ensure_future(client.post(url, json=body, headers=headers))
        await asyncio.wait({asking}, timeout=0.02)
        asking.cancel()
        await asyncio.wait({asking})
        return
    async with client.stream("POST", url, json=body, headers=headers) as response:
        response.raise_for_status()
        pieces = response.aiter_raw()
        for _ in range(after):
            await anext(pieces)


async def cancel(stub: speech_pb2_grpc.SpeechServiceStub, request_id: str, after: int) -> None:
    order = speech_pb2.SynthesizeStreamRequest(utterance=speech_pb2.Utterance(text=TEXT, voice="duo"))
    call = stub.SynthesizeStream(order, timeout=60, metadata=[("x-request-id", request_id)])
    if not after:
        await asyncio.sleep(0.02)
    for _ in range(after):
        assert isinstance(await call.read(), speech_pb2.SynthesizeStreamResponse)
    call.cancel()


async def by_http(served: Front, count: int, name: str) -> None:
    limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE)
    async with httpx.AsyncClient(timeout=60, limits=limits) as client:
        await spread(served, count, lambda number: hang_up(client, served, f"{name}-{number}", number // AT_ONCE % 4))


async def by_grpc(served: Front, count: int, name: str) -> None:
    async with grpc.aio.insecure_channel(served.grpc) as channel:
        stub = speech_pb2_grpc.SpeechServiceStub(channel)
        await spread(served, count, lambda number: cancel(stub, f"{name}-{number}", number // AT_ONCE % 4))


async def spread(served: Front, count: int, leave: Callable[[int], Awaitable[None]]) -> None:
    async def some(worker: int) -> None:
        for number in range(worker, count, AT_ONCE):
            try:
                await leave(number)
            except (httpx.HTTPError, grpc.aio.AioRpcError):
                await until_back(served)

    await asyncio.gather(*map(some, range(AT_ONCE)))


def num_crashes(served: Front) -> int:
    """Of the bundled Triton, which a cancelled stream brings down now and then; docs/serving.md says so."""
    return served.log_path.read_text(encoding="utf-8").count("tritonserver ended with 139; starting it again")


async def until_back(served: Front) -> None:
    """Time runs out where it was not Triton's end that a request failed of."""
    async with asyncio.timeout(SETTLED_S), httpx.AsyncClient() as client:
        while not num_crashes(served) or (await client.get(f"{served.http}/readyz")).status_code != 200:
            await asyncio.sleep(0.1)


def settled(served: Front, *, files: int | None = None) -> tuple[Footprint, list[str]]:
    """What is held once nobody speaks any more, and the connections have gone."""
    end = time.monotonic() + SETTLED_S
    while is_speaking(served) or (files is not None and footprint(served.process.pid).files > files):
        if time.monotonic() > end:
            break  # the claims say what is left
        time.sleep(0.1)
    return footprint(served.process.pid), regions_of(served.process.pid)


def is_speaking(served: Front) -> bool:
    """Whether any process of the server computes."""

    def ticks() -> int:
        stats = [
            Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in descendants(served.process.pid)
        ]
        return sum(int(stat[11]) + int(stat[12]) for stat in stats)

    before = ticks()
    time.sleep(0.5)
    return ticks() - before > 10  # a fifth of a core; the watch takes less


@pytest.mark.parametrize("leave_many", [by_http, by_grpc])
@pytest.mark.parametrize("count", [60, LONG])
def test_speech_that_is_left_leaves_nothing(
    served: Front, leave_many: Callable[[Front, int, str], Coroutine[None, None, None]], count: int
) -> None:
    name = f"{leave_many.__name__}-{count}"
    asyncio.run(leave_many(served, 40, f"{name}-before"))  # everything that is kept for the next one is there then
    before, regions_before = settled(served)
    began = time.monotonic()
    asyncio.run(leave_many(served, count, name))
    took_s = time.monotonic() - began
    after, regions_after = settled(served, files=before.files)
    print(f"{name}: {took_s:.0f} s, {num_crashes(served)} crashes of Triton, {before} -> {after}")
    crashes = num_crashes(served)
    assert crashes <= count // 1_000
    assert crashes or regions_after == regions_before  # each life has names of its own
    assert len(regions_after) == len(regions_before)
    assert (after.processes, after.files) == (before.processes, before.files)
    # pools grow up to their most where many wait at once; a thread a stream would be more
    assert after.threads <= before.threads + POOL_THREADS
    # the heap of a busy front grows and shrinks by tens of megabytes; all samples kept would be 0.2 MB a stream
    assert after.memory_mb < before.memory_mb + 40 + 0.05 * count
    log = served.log_path.read_text(encoding="utf-8")
    assert log.count(f"request {name}-") > count // 2 and f"{name}-1 spoken" not in log
    body = {"input": "Good morning.", "voice": "duo"}
    assert httpx.post(f"{served.http}/v1/audio/speech", json=body, timeout=30).status_code == 200
