"""Free loopback ports that stay ours: two clusters that start at once never choose the same one.

A port found by binding to 0 belongs to nobody until the program that gets it binds it, and a client's own connection
may take it meanwhile. So these come from below the kernel's range for clients, each held by a file lock as long as the
cluster lives.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import socket
from pathlib import Path
from typing import IO

from harness.run_folder import runs_folder

FIRST, LAST = 20_000, 29_999
"""Below 32768, where the kernel's choices for outgoing connections begin, and clear of NodePorts from 30000."""
TRIES = 1000


class Ports:
    """Ports held until `release`."""

    def __init__(self) -> None:
        self._locks: list[IO[str]] = []

    def take(self) -> int:
        """A port that nobody listens on and that no other cluster of this user has taken."""
        folder = runs_folder() / "ports"
        folder.mkdir(parents=True, exist_ok=True)
        for _ in range(TRIES):
            port = random.SystemRandom().randint(FIRST, LAST)
            lock = open(folder / str(port), "w", encoding="utf-8")  # noqa: SIM115 - held until release
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
                continue
            if _is_ours(lock) and _is_free(port):
                self._locks.append(lock)
                return port
            lock.close()
        raise RuntimeError(f"no free port between {FIRST} and {LAST} after {TRIES} tries")

    def release(self) -> None:
        """Give all of them back."""
        for lock in self._locks:
            Path(lock.name).unlink(missing_ok=True)
            lock.close()
        self._locks.clear()


def sweep() -> None:
    """Remove the lock files that crashed clusters left."""
    for path in (runs_folder() / "ports").glob("*"):
        with contextlib.suppress(OSError), open(path, "r+", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def _is_ours(lock: IO[str]) -> bool:
    """Whether the file that is locked is still the one that others find: its last holder may have just removed it."""
    try:
        return os.fstat(lock.fileno()).st_ino == os.stat(lock.name).st_ino
    except FileNotFoundError:
        return False


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return False
        return True
