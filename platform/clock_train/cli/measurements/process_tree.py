"""What a process and all that it started use: CPU time and memory, from Linux's ``/proc``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

PROC = Path("/proc")


def descendants(pid: int) -> list[int]:
    """A process and all below it."""
    parents = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int(_fields(int(entry.name))[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
    found = [pid]
    for known in found:
        found += [child for child, parent in parents.items() if parent == known]
    return found


def parent_of(pid: int) -> int:
    """The process that started it."""
    return int(_fields(pid)[1])


def cpu_seconds(pids: Sequence[int]) -> float:
    """User and system time so far, all threads, in steps of 10 ms."""
    ticks = sum(int(each) for pid in pids for each in _fields(pid)[11:13])
    return ticks / os.sysconf("SC_CLK_TCK")


def memory_mb(pids: Sequence[int]) -> float:
    """Resident memory; a page that several processes share counts once (PSS)."""
    found_kb = 0
    for pid in pids:
        lines = (PROC / str(pid) / "smaps_rollup").read_text(encoding="ascii").splitlines()
        found_kb += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return found_kb * 1024 / 1e6


def _fields(pid: int) -> list[str]:
    """Of ``stat``, from the state on; a name before it may hold anything."""
    return (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
