"""The control groups that a run's nodes use, below one folder a run in each hierarchy, and their removal.

Both layouts: version 2 (one hierarchy) and version 1 (one each for cpu, memory and so on; what the tests ran on).
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
REMOVAL_LIMIT_S = 20
POLL_S = 0.05


def group_name(run_id: str) -> str:
    """The folder of a run."""
    return f"clocktrain-test-{run_id}"


def make(run_id: str, node: str) -> str:
    """Make the groups of one node; returns the path that kubelet calls its cgroup root."""
    name = group_name(run_id)
    for hierarchy in _hierarchies():
        inner = hierarchy / name / node
        inner.mkdir(parents=True, exist_ok=True)
        if (
            hierarchy.name == "cpuset"
        ):  # version 1 gives a new group neither cores nor memory; then nothing may enter it
            for folder in (hierarchy / name, inner):
                for file in ("cpuset.cpus", "cpuset.mems"):
                    (folder / file).write_text((hierarchy / file).read_text())
    return f"/{name}/{node}"


def remove(run_id: str) -> None:
    """End what still runs in the run's groups and remove them; harmless when there are none.

    Raises:
        RuntimeError: a process does not end.
    """
    ends_at = time.monotonic() + REMOVAL_LIMIT_S
    for top in folders(run_id):
        while top.exists():
            for folder, _, _ in os.walk(top, topdown=False):  # a group goes when it has no process and no group in it
                _kill_in(Path(folder))
                with contextlib.suppress(OSError):
                    os.rmdir(folder)
            if top.exists():
                if time.monotonic() > ends_at:
                    raise RuntimeError(f"{top} cannot be removed: processes in it do not end")
                time.sleep(POLL_S)


def folders(run_id: str) -> list[Path]:
    """What a run has below the hierarchies."""
    return [top for hierarchy in _hierarchies() if (top := hierarchy / group_name(run_id)).exists()]


def _kill_in(folder: Path) -> None:
    with contextlib.suppress(OSError):
        for pid in (folder / "cgroup.procs").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)


def _hierarchies() -> list[Path]:
    if (ROOT / "cgroup.controllers").exists():
        return [ROOT]
    # Version 1: names such as cpu may be links to cpu,cpuacct; runc makes groups in "unified" as well.
    found = [path.resolve() for path in sorted(ROOT.iterdir()) if path.is_dir()]
    return list(dict.fromkeys(found))
