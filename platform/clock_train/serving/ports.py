"""Ports of this machine: a free one, and a clear word where one is taken."""

from __future__ import annotations

import socket

from clock_train.errors import ServerPortTaken

BACKLOG = 2048
LOOPBACK = "127.0.0.1"
RECONNECTING = [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 500)]
"""Of a client: a server that is back on the same port is found at once, and not in two minutes."""
LOOPBACKS = (LOOPBACK, "localhost", "::1")


def free_port() -> int:
    """A port of loopback that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def refuse_taken(port: int, host: str = LOOPBACK) -> None:
    """Raise where somebody listens on a port.

    Raises:
        ServerPortTaken: as it says.
    """
    listening(port, host).close()


def listening(port: int, host: str = LOOPBACK) -> socket.socket:
    """A socket that listens; nobody else has its port from now on. 0 takes a free port.

    Raises:
        ServerPortTaken: somebody else has it, or it may not be had.
    """
    taken = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((host, port))
        taken.listen(BACKLOG)  # two that are only bound may share a port
    except OSError as error:
        taken.close()
        raise ServerPortTaken(
            f"port {port} of {host} cannot be had ({error.strerror}); name another port, or 0 to get a free one"
        ) from error
    return taken
