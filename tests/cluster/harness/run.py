"""What one cluster holds while it lives: its folder, its reaper, its ports."""

from __future__ import annotations

import os
import tempfile

from harness.leftovers import undo
from harness.ports import Ports
from harness.reaper import end_orphans, watch
from harness.run_folder import RunFolder


class Run:
    """Begun by its construction; `end` gives everything back."""

    def __init__(self) -> None:
        end_orphans()
        self.folder = RunFolder.create()
        self.ports = Ports()
        self.reaper = watch(self.folder)
        self.logs = self.folder.path / "logs"
        self.logs.mkdir()

    def environment(self) -> dict[str, str]:
        """The environment of every program of the run: no more of this process' own than it needs."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "TMPDIR": tempfile.gettempdir(),
            "HOME": str(self.folder.path),  # where kubectl and helm keep their caches
            **self.folder.environment(),
        }

    def end(self) -> None:
        """End what still runs and remove everything; harmless when repeated."""
        self.folder.end(undo)
        self.ports.release()
        self.reaper.kill()
        self.reaper.wait()
