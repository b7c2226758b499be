"""Whether ClockTrain can run on a real cluster here; says what is missing, and exits with 3 then.

python -m installed.can_run
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from assets.build import assets_folder
from harness.real_cluster import CannotRunHere, check_machine

TOOLS = ("buildah", "debootstrap")
"""What builds the images."""
DISK_GB = {"assets": 18, "temporary files": 18}
"""Layers and archive of the trainer; the same unpacked for the nodes."""
MEMORY_GB = 14
"""Three nodes, MLflow, a head of 4 GB and two workers of 2.5 GB."""


def main() -> int:
    """0 where it can, 3 where it cannot."""
    try:
        check_machine()
    except CannotRunHere as error:
        print(error, file=sys.stderr)
        return 3
    short = _too_little()
    if short:
        print(short, file=sys.stderr)
        return 3
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        print(f"the images need {', '.join(missing)}; on Debian: apt install {' '.join(missing)}", file=sys.stderr)
        return 3
    return 0


def _too_little() -> str:
    """What this machine has too little of; empty where it has enough."""
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    if memory_gb < MEMORY_GB:
        return f"a real cluster with ClockTrain needs {MEMORY_GB} GB of memory; this machine has {memory_gb:.0f}"
    needed: dict[int, int] = {}
    for (what, size_gb), folder in zip(
        DISK_GB.items(), (_existing(assets_folder()), tempfile.gettempdir()), strict=True
    ):
        device = os.stat(folder).st_dev
        needed[device] = needed.get(device, 0) + size_gb
        free_gb = shutil.disk_usage(folder).free / 1e9
        if free_gb < needed[device]:
            return f"{what} in {folder}: {needed[device]} GB are needed and {free_gb:.0f} GB are free"
    return ""


def _existing(folder: Path) -> Path:
    return folder if folder.exists() else _existing(folder.parent)


if __name__ == "__main__":
    sys.exit(main())
