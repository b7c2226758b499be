"""What a cluster leaves outside its folder and its processes, and how it is undone.

A control plane leaves nothing. A real cluster's networks and mounts end with the processes in them; its control
groups, and the programs of its pods in them, do not. They are found by the run's id, without a list that a crash could
cut short.
"""

from __future__ import annotations

from harness import cgroups
from harness.run_folder import RunFolder


def undo(folder: RunFolder) -> None:
    """Undo what the run made; its processes are gone already. Harmless when there is nothing."""
    cgroups.remove(folder.id)
