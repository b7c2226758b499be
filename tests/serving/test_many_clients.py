"""A thousand clients at once, clients that read slowly, and what a server keeps of many requests: nothing."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from front_process import Front, front  # pyright: ignore[reportMissingImports]
from served_voices import voices_in  # pyright: ignore[reportMissingImports]
from until import until  # pyright: ignore[reportMissingImports]

pytestmark = [pytest.mark.ring2, pytest.mark.timeout(600)]
TEXT = "Good morning."


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("many")
    voices_in(folder)
    with front(folder / "voices", folder / "issuing") as running:
        yield running


async def asked(address: str, count: int, at_once: int) -> Counter[str]:
    said: Counter[str] = Counter()
    limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once)
    async with httpx.AsyncClient(limits=limits, timeout=120) as client:

        async def ask(number: int) -> None:
            body = {"input": TEXT, "voice": "duo", "response_format": "pcm", "seed": number}
            response = await client.post(f"{address}/v1/audio/speech", json=body)
            if response.status_code == 200:
                said["spoken" if len(response.content) > 1_000 else "empty"] += 1
            else:
                said[response.json()["error"]["code"]] += 1

        async def one(first: int) -> None:
            # by turns and not all at once: httpx looks through everybody who waits at each answer, and ten thousand
            # who wait leave it no time to ask
            for number in range(first, count, at_once):
                await ask(number)

        await asyncio.gather(*(one(first) for first in range(at_once)))
    return said


def test_a_thousand_clients_at_once_are_spoken_to_or_told_to_come_back(served: Front) -> None:
    said = asyncio.run(asked(served.http, 1_000, 1_000))
    assert set(said) <= {"spoken", "server_busy"} and said.total() == 1_000 and said["spoken"] >= 60
    assert asyncio.run(asked(served.http, 20, 4)) == {"spoken": 20}, "afterwards everybody is heard"


@pytest.mark.parametrize("count", [400, pytest.param(10_000, marks=[pytest.mark.long, pytest.mark.timeout(1800)])])
def test_many_requests_leave_no_memory_file_or_process_behind(served: Front, count: int) -> None:
    process = psutil.Process(served.process.pid)

    def kept() -> tuple[int, int, int]:
        own = [process, *process.children(recursive=True)]
        return len(own), process.num_fds(), sum(each.memory_info().rss for each in own)

    asyncio.run(asked(served.http, 300, 8))
    until(lambda: process.num_fds() < 200, "connections are closed")
    processes, files, memory = kept()
    assert asyncio.run(asked(served.http, count, 8)) == {"spoken": count}
    until(lambda: kept()[1] <= files + 4, "connections are closed", within_s=60)
    after = kept()
    assert after[0] <= processes
    # what allocators keep back once more threads were busy at once; a request that left a sound behind would be 50 MB
    assert after[2] - memory < 60 << 20, (after[2] - memory) >> 20


def test_a_client_that_reads_slowly_holds_up_nobody(served: Front) -> None:
    host, _, port = served.http.removeprefix("http://").partition(":")
    body = f'{{"input": "{TEXT * 300}", "voice": "duo", "response_format": "wav", "speed": 0.25}}'.encode()
    head = b"POST /v1/audio/speech HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
    slow: list[socket.socket] = []
    try:
        for _ in range(4):
            connection = socket.create_connection((host, int(port)), timeout=30)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(head + f"content-length: {len(body)}\r\n\r\n".encode() + body)
            assert connection.recv(512).startswith(b"HTTP/1.1 200")  # and then no more
            slow.append(connection)
        began_s = time.monotonic()
        assert asyncio.run(asked(served.http, 20, 4)) == {"spoken": 20}
        assert time.monotonic() - began_s < 60
    finally:
        for connection in slow:
            connection.close()
    log = Path(served.log_path)
    until(lambda: log.read_text().count(" left: ") >= 4, "those that hung up are left", within_s=60)
