"""What the figures were measured on: processor, cores, memory, devices and versions."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from clock_train import __version__
from clock_train.cli.machine import available_cores, memory_gb, processor_name


def machine_facts() -> dict[str, str]:
    """Name → what it is here, in the order of the table's head."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": f"{processor_name()}, {available_cores()} cores",
        "load": f"{os.getloadavg()[0]:.1f} at the start",
        "memory": f"{memory_gb()[0]:.1f} GB",
        "device": gpu_name() or "no GPU",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "torch": _version("torch"),
        "numpy": _version("numpy"),
        "clocktrain": f"{__version__} (commit {commit()})",
    }


def gpu_name() -> str:
    """The first CUDA device; empty where torch sees none."""
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else ""


def commit() -> str:
    """The checkout's commit, with ``+`` where files differ from it; ``unknown`` outside a checkout."""
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        head, changed = (
            subprocess.run([*git, *words], capture_output=True, text=True, check=True, timeout=10).stdout.strip()
            for words in (("rev-parse", "--short", "HEAD"), ("status", "--porcelain", "-uno"))
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return head + ("+" if changed else "")


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"
