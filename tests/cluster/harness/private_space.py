"""A network and a view of the mounts of its own, kept alive by one sleeping process.

No name is given to either: they exist as long as a process is in them, so that ending the processes removes every
interface, route, firewall rule and mount that was made there, also after a crash.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.processes import Process
from harness.run import Run

COMMAND_LIMIT_S = 60


class Space:
    """One such place; root only."""

    def __init__(self, name: str, run: Run) -> None:
        self.name = name
        self._run = run
        self._holder = Process(
            f"{name}-space",
            ["unshare", "--net", "--mount", "--propagation", "private", "sh", "-c", "echo ready; exec sleep infinity"],
            log_path=run.logs / f"{name}-space.log",
            environment=run.environment(),
            is_ready=lambda: "ready" in (run.logs / f"{name}-space.log").read_text(encoding="utf-8"),
        )
        self._holder.start()
        self._holder.wait_ready(30)
        self.do("ip", "link", "set", "lo", "up")

    @property
    def pid(self) -> int:
        """The sleeper's process id."""
        return self._holder.pid

    @property
    def network(self) -> Path:
        """The network namespace, as a file."""
        return Path(f"/proc/{self.pid}/ns/net")

    @property
    def enter(self) -> list[str]:
        """The words that, before a program's own, start it here; they become the program, with the same id."""
        return ["nsenter", f"--target={self.pid}", "--net", "--mount"]

    def do(self, *words: str | Path) -> str:
        """Run one short command here and return what it prints.

        Raises:
            RuntimeError: it failed; with what it said.
        """
        return run_command([*self.enter, *(str(word) for word in words)], self._run.environment())

    def set_kernel(self, values: Mapping[str, int]) -> None:
        """Write settings of this network, such as ``net/ipv4/ip_forward``."""
        for name, value in values.items():
            self.do("sh", "-c", f"echo {value} > /proc/sys/{name}")

    def hide(self, path: Path, behind: Path) -> None:
        """Show `behind` wherever something in this place looks at `path`."""
        self.do("mount", "--bind", behind, path)

    def stop(self) -> None:
        """Let the place go; it ends with the last process in it."""
        self._holder.stop()


def run_command(words: Sequence[str], environment: dict[str, str]) -> str:
    """Run one short command and return what it prints.

    Raises:
        RuntimeError: it failed; with what it said.
    """
    run = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=COMMAND_LIMIT_S, check=False)
    if run.returncode:
        raise RuntimeError(f"{' '.join(words)} failed ({run.returncode}): {(run.stderr or run.stdout).strip()[-1000:]}")
    return run.stdout
