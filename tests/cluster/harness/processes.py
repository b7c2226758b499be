"""One program of a cluster: started, stopped, killed, frozen and started again by its process id."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from harness.waiting import eventually

STOP_LIMIT_S = 15
LOG_TAIL_CHARACTERS = 2000


class Process:
    """A program with its command, log and readiness check; the log is appended to over restarts."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log_path: Path,
        environment: Mapping[str, str],
        is_ready: Callable[[], object] | None = None,
    ) -> None:
        self.name = name
        self.command = [str(word) for word in command]
        self.log_path = log_path
        self._environment = dict(environment)
        self._is_ready = is_ready
        self._popen: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id of the running program."""
        assert self._popen, f"{self.name} was not started"
        return self._popen.pid

    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._popen is not None and self._popen.poll() is None

    def start(self) -> None:
        """Start it, and do not wait. In a session of its own: Ctrl-C is for the test, which stops it in order."""
        assert not self.is_running(), f"{self.name} already runs"
        with open(self.log_path, "ab") as log:
            self._popen = subprocess.Popen(
                self.command,
                env=self._environment,
                cwd=self.log_path.parent,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_ready(self, timeout_s: float) -> None:
        """Wait until its readiness check passes.

        Raises:
            AssertionError: it ended, or is not ready in time; with the end of its log.
        """
        if self._is_ready is None:
            return
        check = self._is_ready

        def ready_or_ended() -> bool:
            if not self.is_running():
                raise RuntimeError(f"{self.name} ended by itself; its log ends:\n{self.log_tail()}")
            return bool(check())

        eventually(
            ready_or_ended, timeout_s=timeout_s, what=lambda: f"{self.name} ready; its log ends:\n{self.log_tail()}"
        )

    def stop(self) -> None:
        """Ask it to end, wait, and kill it when it does not; harmless when it has ended. Works on a frozen one."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a crash would (SIGKILL)."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Freeze it (SIGSTOP): its connections stay open and nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen one go on."""
        os.kill(self.pid, signal.SIGCONT)

    def log_tail(self) -> str:
        """The end of what it said."""
        try:
            return self.log_path.read_text(encoding="utf-8", errors="replace")[-LOG_TAIL_CHARACTERS:]
        except FileNotFoundError:
            return "(no log)"

    def _end(self, how: signal.Signals) -> None:
        if self._popen is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._popen.send_signal(how)
            self._popen.send_signal(signal.SIGCONT)
        try:
            self._popen.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait(STOP_LIMIT_S)
