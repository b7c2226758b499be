"""Ends a run when the process that owns it has ended, however it ended.

One small process beside each cluster, in a session of its own, so that neither Ctrl-C nor the end of a terminal reaches
it. It waits on a file descriptor of the owner's process (pidfd), which the kernel makes readable at its end. The usual
alternative, PR_SET_PDEATHSIG, fires when the *thread* that started a child ends, and does not reach grandchildren.

A reaper can be killed as well. So each new cluster first ends the runs whose owners are gone.

    python -m harness.reaper RUN_FOLDER
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

from harness import ports
from harness.leftovers import undo
from harness.run_folder import MARK, RunFolder, runs_folder


def watch(folder: RunFolder) -> subprocess.Popen[bytes]:
    """Start the reaper of a run that this process owns. It must not carry the run's mark, or it would end itself."""
    environment = {name: value for name, value in os.environ.items() if name != MARK}
    environment["PYTHONPATH"] = str(Path(__file__).parents[1])
    return subprocess.Popen(
        [sys.executable, "-m", "harness.reaper", str(folder.path)],
        env=environment,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def end_orphans() -> list[str]:
    """End the runs whose owner and reaper both died; returns their ids."""
    ended = []
    for path in sorted(runs_folder().glob("*")) if runs_folder().is_dir() else []:
        folder = RunFolder(path)
        if (path / "owner.json").exists() and folder.owner_pid() is None:
            folder.end(undo)
            ended.append(folder.id)
    ports.sweep()
    return ended


def main(path: Path) -> None:
    """Wait for the owner's end, however long; then end the run."""
    folder = RunFolder(path)
    if (owner := folder.owner_pid()) is not None:
        try:
            ended = os.pidfd_open(owner)
        except ProcessLookupError:
            pass
        else:
            select.select([ended], [], [])
    folder.end(undo)
    ports.sweep()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
