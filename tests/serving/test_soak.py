"""A long time at four fifths of the rate that was just measured: no error, nothing grows.

``pytest tests/serving/test_soak.py -m long -s`` takes half an hour and prints a line a minute.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from footprint import Footprint, footprint  # pyright: ignore[reportMissingImports]
from front_process import Front, front  # pyright: ignore[reportMissingImports]
from served_voices import voices_in  # pyright: ignore[reportMissingImports]

pytestmark = [pytest.mark.ring2, pytest.mark.timeout(600)]
TEXT = "The north wind and the sun were disputing which was the stronger, when a traveller came along."
CLIENTS, MEASURE_S, WARM_S = 4, 5.0, 5.0
MOST_WAITING = 100
"""Of one server 128 are spoken at once; a queue that grows so long is no rate that can be held."""
NUM_LOOKS = 30
GROWN_MB = 60
"""What allocators keep back; a request that left a sound behind would be gigabytes after half an hour."""


@dataclass
class Held:
    """What came of asking at a rate."""

    said: Counter[str] = field(default_factory=Counter)
    waits_s: list[float] = field(default_factory=list)
    looks: list[Footprint] = field(default_factory=list)

    @property
    def p99_s(self) -> float:
        return sorted(self.waits_s)[int(0.99 * len(self.waits_s))]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("soak")
    voices_in(folder)
    with front(folder / "voices", folder / "issuing") as running:
        yield running


async def ask(client: httpx.AsyncClient, address: str, number: int) -> str:
    body = {"input": TEXT, "voice": "duo", "response_format": "wav", "seed": number}
    try:
        answer = await client.post(f"{address}/v1/audio/speech", json=body)
    except httpx.HTTPError as error:
        return type(error).__name__
    if answer.status_code != 200:
        return str(answer.json()["error"]["code"])
    return "spoken" if len(answer.content) > 10_000 else "empty"


async def measured_rate(address: str, seconds: float) -> float:
    """Requests a second of a few clients that ask again as soon as they were answered."""
    numbers, end_s = itertools.count(), time.monotonic() + seconds
    spoken = 0
    async with httpx.AsyncClient(timeout=60) as client:

        async def one() -> None:
            nonlocal spoken
            while time.monotonic() < end_s:
                assert await ask(client, address, next(numbers)) == "spoken"
                spoken += 1

        await asyncio.gather(*(one() for _ in range(CLIENTS)))
    return spoken / seconds


async def hold(front: Front, rate: float, seconds: float) -> Held:
    """Ask at a rate, whatever the answers take; look at the server now and then."""
    held, waiting = Held(), set[asyncio.Task[None]]()
    began_s, next_look_s = time.monotonic(), 0.0
    limits = httpx.Limits(max_connections=MOST_WAITING)
    async with httpx.AsyncClient(timeout=60, limits=limits) as client:

        async def one(number: int) -> None:
            asked_s = time.monotonic()
            held.said[await ask(client, front.http, number)] += 1
            held.waits_s.append(time.monotonic() - asked_s)

        for number in range(round(rate * seconds)):
            await asyncio.sleep(max(0.0, began_s + number / rate - time.monotonic()))
            assert len(waiting) < MOST_WAITING, f"{len(waiting)} wait: {rate:.1f} a second is more than it holds"
            task = asyncio.create_task(one(number))
            waiting.add(task)
            task.add_done_callback(waiting.discard)
            if (passed_s := time.monotonic() - began_s) >= next_look_s:
                held.looks.append(await asyncio.to_thread(footprint, front.process.pid))
                next_look_s += seconds / NUM_LOOKS
                print(f"{passed_s:6.0f} s {sum(held.said.values()):8d} {held.looks[-1]}", flush=True)
        await asyncio.gather(*waiting)
    return held


@pytest.mark.parametrize(
    ("seconds", "share"),
    # a machine that others use as well keeps less of what was measured a moment ago
    [(20, 0.5), pytest.param(1800, 0.8, marks=[pytest.mark.long, pytest.mark.timeout(2400)])],
)
def test_a_share_of_the_measured_rate_is_held_without_an_error_and_nothing_grows(
    served: Front, seconds: int, share: float
) -> None:
    asyncio.run(measured_rate(served.http, WARM_S))
    rate = share * asyncio.run(measured_rate(served.http, MEASURE_S))
    held = asyncio.run(hold(served, rate, seconds))
    print(f"{rate:.1f} a second for {seconds} s: {dict(held.said)}, p99 {1000 * held.p99_s:.0f} ms")
    assert held.said == {"spoken": round(rate * seconds)}
    before, after = held.looks[NUM_LOOKS // 5], held.looks[-1]
    assert after.memory_mb - before.memory_mb < GROWN_MB, (before, after)
    assert after.processes <= before.processes and after.shared_regions <= before.shared_regions
    assert after.files <= before.files + MOST_WAITING
    assert "a bug" not in Path(served.log_path).read_text()
