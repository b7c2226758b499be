"""One measurement in one fresh process: its figures, its CPU time and its peak memory.

The peak is ``VmHWM`` of the process itself. ``getrusage`` is not asked: a child starts with the maximum of the process
that made it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ANSWER = "MEASURED "
"""Begins the line of standard output that holds the figures."""


@dataclass(frozen=True)
class Measurement:
    """What one process found."""

    values: dict[str, float] = field(default_factory=dict)
    peak_gb: float | None = None
    failure: str = ""
    """Why there are no values; empty where there are."""


def measure(name: str, options: Mapping[str, Any], *, timeout_s: float, threads: int | None = None) -> Measurement:
    """Run ``clock_train.cli.measurements.<name>`` and return what it found; a failure is told, not raised.

    Args:
        name: of a module here.
        options: keyword arguments of its measuring function.
        timeout_s: it is ended after this, and its row says so.
        threads: of numerical libraries; None leaves them to use all cores.
    """
    environment = dict(os.environ)
    if threads is not None:
        environment |= {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    command = [sys.executable, "-m", f"clock_train.cli.measurements.{name}", json.dumps(dict(options))]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment, timeout=timeout_s, check=False, errors="replace"
        )
    except subprocess.TimeoutExpired:
        return Measurement(failure=f"took more than {timeout_s:.0f} s")
    for line in done.stdout.splitlines():
        if line.startswith(ANSWER):
            answer = json.loads(line.removeprefix(ANSWER))
            return Measurement(values=answer["values"], peak_gb=answer["peakGB"])
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    return Measurement(failure=lines[-1] if lines else f"ended with code {done.returncode}")


def answer(measuring: Callable[..., Mapping[str, float]]) -> None:
    """In the measuring process: run, and print what was found."""
    values = measuring(**json.loads(sys.argv[1]))
    print(ANSWER + json.dumps({"values": dict(values), "peakGB": peak_memory_gb()}), flush=True)


def peak_memory_gb() -> float | None:
    """The most memory this process ever held, in GB; None where the kernel does not say."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    kilobytes = [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")]
    return kilobytes[0] * 1024 / 1e9 if kilobytes else None


def cpu_seconds_of(command: list[str], *, timeout_s: float = 60.0) -> float:
    """User and system CPU time of one command and all its threads."""
    before = os.times()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, timeout=timeout_s)
    after = os.times()
    return after.children_user - before.children_user + after.children_system - before.children_system


def median(values: list[float]) -> float:
    """The middle value; the lower one of two."""
    return sorted(values)[(len(values) - 1) // 2]


class CpuClock:
    """CPU time of this process since it was made, threads included: neighbours on the machine do not count."""

    def __init__(self) -> None:
        self._began = time.process_time()

    def seconds(self) -> float:
        """So far."""
        return time.process_time() - self._began
