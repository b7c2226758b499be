"""What a server and everything that it started hold just now: memory, files, threads, processes, shared memory."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from clock_train.cli.measurements.process_tree import PROC, descendants

__all__ = ["Footprint", "descendants", "footprint", "is_alive", "regions_of"]


@dataclass(frozen=True)
class Footprint:
    parts_mb: dict[str, float]
    """Written by each program, in RAM: unwritten pages of libraries are theirs alone or not as others come."""
    files: int
    threads: int
    processes: int
    shared_regions: int
    """In /dev/shm, of any server of ours."""

    @property
    def memory_mb(self) -> float:
        return sum(self.parts_mb.values())


def footprint(pid: int) -> Footprint:
    pids = descendants(pid)
    parts_mb = defaultdict[str, float](float)
    for each in pids:
        name = (PROC / str(each) / "comm").read_text().strip()
        lines = (PROC / str(each) / "smaps_rollup").read_text().splitlines()
        parts_mb[name] += sum(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty")) / 1e3
    return Footprint(
        parts_mb={name: round(memory_mb, 1) for name, memory_mb in parts_mb.items()},
        files=sum(len(os.listdir(PROC / str(each) / "fd")) for each in pids),
        threads=sum(len(os.listdir(PROC / str(each) / "task")) for each in pids),
        processes=len(pids),
        shared_regions=len(list(Path("/dev/shm").glob("clocktrain-*"))),
    )


def regions_of(pid: int) -> list[str]:
    """Shared memory of the tritonserver below a process, by the prefix of its names."""
    words = [word for each in descendants(pid) for word in (PROC / str(each) / "cmdline").read_text().split("\0")]
    prefixes = {word.rpartition("=")[2] for word in words if "shm-region-prefix-name=" in word}
    return sorted(path.name for prefix in prefixes for path in Path("/dev/shm").glob(f"{prefix}*"))


def is_alive(pid: int) -> bool:
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
