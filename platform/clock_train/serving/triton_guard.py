"""Holds a tritonserver and never outlives its parent; a program of its own, of the standard library alone.

    python -I -S triton_guard.py PID_FILE SHARED_MEMORY_PREFIX PROGRAM ARGUMENTS...

It ends the server when its standard input closes, which the system does for a parent that was killed, and dies with it
otherwise. The server and the stubs of its models are one process group, so all of them go; so does the shared memory
that a killed server leaves behind. If the guard itself is killed, the system kills the server.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
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
    pid_file, prefix, *command = sys.argv[1:]
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
        Path(pid_file).write_text(str(server.pid), encoding="utf-8")
        code = _wait(server)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()
        for region in SHARED_MEMORY.glob(f"{prefix}*"):
            region.unlink(missing_ok=True)
    return code if code >= 0 else 128 - code


def _wait(server: subprocess.Popen[bytes]) -> int:
    while server.poll() is None:
        readable, _, _ = select.select([0], [], [], POLL_S)
        if readable and not os.read(0, 1):
            server.send_signal(signal.SIGTERM)
            until = time.monotonic() + GRACE_S
            while server.poll() is None and time.monotonic() < until:
                time.sleep(0.05)
            break
    return server.poll() or 0


if __name__ == "__main__":
    sys.exit(main())
