"""One folder below the system's temporary folder for everything that one cluster writes, and a mark on all it starts.

Every process of a cluster carries the variable ``CLOCKTRAIN_TEST_RUN`` with the run's random id in its environment,
and so do its children, however they detach themselves. Ending a run therefore needs no list that a crash could cut
short and no process id that another program may have got since: whatever carries the id is ours.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

MARK = "CLOCKTRAIN_TEST_RUN"
KILL_LIMIT_S = 20
POLL_S = 0.05


def runs_folder() -> Path:
    """Where the runs of this user are; short, since unix sockets below it may have paths of 107 bytes at most."""
    return Path(tempfile.gettempdir()) / f"clocktrain-test-{os.getuid()}"


class RunFolder:
    """A run's folder, id and owner: the process whose end is the run's end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.id = path.name

    @classmethod
    def create(cls) -> RunFolder:
        """A new run, owned by this process."""
        folder = cls(runs_folder() / secrets.token_hex(4))
        folder.path.mkdir(parents=True, mode=0o700)
        owner = {"pid": os.getpid(), "start_time": start_time(os.getpid())}
        written = folder.path / "owner.json.new"
        written.write_text(json.dumps(owner), encoding="utf-8")
        written.rename(folder.path / "owner.json")  # a reader never meets half a file
        return folder

    def environment(self) -> dict[str, str]:
        """What marks a process as this run's."""
        return {MARK: self.id}

    def owner_pid(self) -> int | None:
        """The owner's process id, or None where it has ended, also when its id now belongs to another process."""
        try:
            owner = json.loads((self.path / "owner.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return owner["pid"] if start_time(owner["pid"]) == owner["start_time"] else None

    def processes(self) -> list[int]:
        """The process ids of everything that this run started and that still runs."""
        wanted = f"{MARK}={self.id}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                with contextlib.suppress(OSError):
                    if wanted in (entry / "environ").read_bytes().split(b"\0"):
                        found.append(int(entry.name))
        return found

    def end(self, before_removal: Callable[[RunFolder], None] | None = None) -> None:
        """End what still runs, undo what reaches outside the folder, remove the folder; harmless when repeated.

        Args:
            before_removal: called once the processes are gone, for mounts, namespaces and the like.
        Raises:
            RuntimeError: a process did not end by SIGKILL in time (it hangs in the kernel); the folder is kept.
        """
        ends_at = time.monotonic() + KILL_LIMIT_S
        while running := self.processes():
            for pid in running:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            _reap_children(running)
            if time.monotonic() > ends_at:
                raise RuntimeError(f"processes {running} of the test run {self.id} do not end; end them by hand")
            time.sleep(POLL_S)
        if before_removal and self.path.exists():
            before_removal(self)
        shutil.rmtree(self.path, ignore_errors=True)


def start_time(pid: int) -> str | None:
    """When a process began, in clock ticks since boot (field 22 of proc(5) stat); None where there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]


def _reap_children(pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
