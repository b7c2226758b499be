"""Loopback ports of this machine that lead into a network namespace.

A socket stays in the network in which it was made. So this process listens first, moves into the namespace, and
connects from there: the machine gets no interface, no route and no firewall rule.

    python -m harness.relay NETWORK_NAMESPACE LISTEN_PORT:ADDRESS:PORT…
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from harness.processes import Process
from harness.run import Run

CLONE_NEWNET = 0x40000000
CHUNK_BYTES = 1 << 16


class Way(NamedTuple):
    """A port on this machine's loopback, and where connections to it go."""

    port: int
    address: str
    target_port: int


def relay(name: str, run: Run, namespace: Path, ways: Sequence[Way]) -> Process:
    """A running relay process of the run; ready when it is returned."""
    words = [f"{way.port}:{way.address}:{way.target_port}" for way in ways]
    process = Process(
        name,
        [sys.executable, "-m", "harness.relay", namespace, *words],
        log_path=run.logs / f"{name}.log",
        environment={**run.environment(), "PYTHONPATH": str(Path(__file__).parents[1])},
        is_ready=lambda: "ready" in (run.logs / f"{name}.log").read_text(encoding="utf-8"),
    )
    process.start()
    process.wait_ready(30)
    return process


def main(namespace: str, words: Sequence[str]) -> None:
    """Serve until ended."""
    ways = [Way(int(port), address, int(target)) for port, address, target in (word.split(":") for word in words)]
    listening = [(socket.create_server(("127.0.0.1", way.port)), way) for way in ways]
    _enter(namespace)
    asyncio.run(_serve(listening))


def _enter(namespace: str) -> None:
    descriptor = os.open(namespace, os.O_RDONLY)
    libc = ctypes.CDLL(None, use_errno=True)  # os.setns came with Python 3.12
    if libc.setns(descriptor, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), f"cannot enter {namespace}: root is needed")
    os.close(descriptor)


async def _serve(listening: Sequence[tuple[socket.socket, Way]]) -> None:
    servers = []
    for listener, way in listening:

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way = way) -> None:
            await _join(reader, writer, way)

        servers.append(await asyncio.start_server(handle, sock=listener))
    print("ready", flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


async def _join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way) -> None:
    try:
        there_reader, there_writer = await asyncio.open_connection(way.address, way.target_port)
    except OSError:
        writer.close()
        return
    await asyncio.gather(_pump(reader, there_writer), _pump(there_reader, writer))
    for end in (writer, there_writer):
        end.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):  # either side may cut the connection
        while data := await reader.read(CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
        writer.write_eof()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
