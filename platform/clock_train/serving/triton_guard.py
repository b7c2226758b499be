"""Holds a tritonserver and never outlives its parent; a program of its own, of the standard library alone.

    python -I -S triton_guard.py FOLDER SHARED_MEMORY_PREFIX PROGRAM ARGUMENTS...

It ends the server when its standard input closes or says so. The system closes it for a parent that was killed; then
the parent's FOLDER is removed as well. Otherwise the guard ends with the server. The server and the stubs of its models
are one process group, so all of them go; so does the shared memory that a killed server leaves behind. If the guard
itself is killed, the system kills the server.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1
GRACE_S = 8.0
"""For what is being spoken; then the whole group is killed."""
POLL_S = 0.2
SHARED_MEMORY = Path("/dev/shm")


def main() -> int:
    """Run the server until it or the parent ends; its exit code."""
    folder, prefix, *command = sys.argv[1:]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # a Ctrl-C of the terminal reaches the parent, which closes the pipe
    libc = ctypes.CDLL(None, use_errno=True)
    guard = os.getpid()

    def die_with_guard() -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != guard:
            os._exit(1)

    server = subprocess.Popen(  # one thread here, so that a preexec_fn is safe
        command,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=die_with_guard,  # noqa: PLW1509
    )
    try:
        (Path(folder) / "pid").write_text(str(server.pid), encoding="utf-8")
        is_parent_gone = _wait(server)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()
        for region in SHARED_MEMORY.glob(f"{prefix}*"):
            region.unlink(missing_ok=True)
    if is_parent_gone:
        shutil.rmtree(folder, ignore_errors=True)
    return server.returncode if server.returncode >= 0 else 128 - server.returncode


def _wait(server: subprocess.Popen[bytes]) -> bool:
    """Until the server ends, or is to: whether the parent has gone, which closes its end of the pipe without a word."""
    while server.poll() is None:
        readable, _, _ = select.select([0], [], [], POLL_S)
        if readable:
            is_parent_gone = not os.read(0, 1)
            server.send_signal(signal.SIGTERM)
            until = time.monotonic() + GRACE_S
            while server.poll() is None and time.monotonic() < until:
                time.sleep(0.05)
            return is_parent_gone
    readable, _, _ = select.select([0], [], [], 0)
    return bool(readable) and not os.read(0, 1)


if __name__ == "__main__":
    sys.exit(main())
