"""Programs that the tests run for real, built once from the Go module proxy into a cache.

Each comes from a small wrapper module beside this file (``minio/go.mod``, ``go.sum`` and a Go file), so that its
version is pinned by checksums; ``catalogue.py`` lists them. The built file is named by a hash of its inputs: a change
builds anew, and nothing else does. Two processes that want the same program at once meet at a lock; the second finds
the work done.

    python -m assets.build control-plane node    # sets of programs; paths go to standard output
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from assets.catalogue import ASSETS, SETS, Folder, Program
from assets.go import AssetUnavailable, go, run_go

WRAPPERS = Path(__file__).parent
BUILD_LIMIT_S = 1800
"""The longest, MinIO, took five minutes cold on two shared cores; the rest is for a slow network or a busy machine."""


def assets_folder() -> Path:
    """Where built programs are kept."""
    chosen = os.environ.get("CLOCKTRAIN_TEST_ASSETS")
    return Path(chosen) if chosen else Path.home() / ".cache" / "clock-train" / "test-assets"


def say_on_stderr(message: str) -> None:
    """The default report."""
    print(message, file=sys.stderr, flush=True)


def program(name: str, report: Callable[[str], None] = say_on_stderr) -> Path:
    """The executable of one program of the catalogue, built if it is not in the cache yet.

    Raises:
        AssetUnavailable: no Go, no network, or a build that failed.
    """
    asset = ASSETS[name]
    assert isinstance(asset, Program), f"{name} is a folder: use folder()"
    return cached(asset, report)


def folder(name: str, report: Callable[[str], None] = say_on_stderr) -> Path:
    """A read-only copy of files that a module ships; below it the paths are those of the module.

    Raises:
        AssetUnavailable: as `program`.
    """
    asset = ASSETS[name]
    assert isinstance(asset, Folder), f"{name} is a program: use program()"
    return cached(asset, report)


def cached(asset: Program | Folder, report: Callable[[str], None] = say_on_stderr, wrappers: Path = WRAPPERS) -> Path:
    """The file or folder of `asset` in the cache, made under a lock when it is missing."""
    kept = assets_folder() / ("bin" if isinstance(asset, Program) else "files")
    target = kept / f"{asset.name}-{_inputs_hash(wrappers / asset.wrapper, asset.inputs)}"
    if target.exists():
        return target
    kept.mkdir(parents=True, exist_ok=True)
    with open(kept / f"{asset.name}.lock", "w", encoding="utf-8") as lock:
        _wait_for(lock.fileno(), asset.name, report)
        if not target.exists():
            _make(asset, wrappers / asset.wrapper, target, report)
    return target


def _inputs_hash(wrapper: Path, inputs: str) -> str:
    sha256 = hashlib.sha256()
    for path in [wrapper / "go.mod", wrapper / "go.sum", *sorted(wrapper.glob("*.go"))]:
        if path.exists():  # a module that needs no other has no go.sum
            sha256.update(path.read_bytes())
    sha256.update(inputs.encode())
    return sha256.hexdigest()[:16]


def _wait_for(lock: int, name: str, report: Callable[[str], None]) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        report(f"another process is building {name}; waiting for it")
        fcntl.flock(lock, fcntl.LOCK_EX)  # the kernel drops a dead builder's lock, and a build has a limit of its own


def _make(asset: Program | Folder, wrapper: Path, target: Path, report: Callable[[str], None]) -> None:
    compiler = go(assets_folder() / "go", report)
    report(f"building {asset.name} from the Go module proxy into {target.parent}, once")
    started = time.monotonic()
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        if isinstance(asset, Program):
            _compile(compiler, asset, wrapper, temporary)
        else:
            _copy(compiler, asset, wrapper, temporary)
        temporary.replace(target)
    except subprocess.TimeoutExpired as error:
        raise AssetUnavailable(
            f"{asset.name} was not built within {BUILD_LIMIT_S} s. Run it again: what was compiled so far is kept."
        ) from error
    finally:
        _remove(temporary)
    size = f", {target.stat().st_size / 1e6:.0f} MB" if target.is_file() else ""
    report(f"built {asset.name} in {time.monotonic() - started:.0f} s{size}")


def _compile(compiler: str, asset: Program, wrapper: Path, target: Path) -> None:
    # Two compilers at least, half the cores at most: the linker of a large program alone takes a gigabyte.
    command = [compiler, "build", f"-p={max(2, (os.cpu_count() or 2) // 2)}", "-trimpath", "-buildvcs=false"]
    command += ["-mod=readonly", f"-ldflags=-s -w {asset.linker_flags}".rstrip(), f"-tags={asset.tags}"]
    _checked([*command, "-o", str(target), asset.package], asset.name, wrapper)


def _copy(compiler: str, asset: Folder, wrapper: Path, target: Path) -> None:
    said = _checked([compiler, "mod", "download", "-json", asset.module], asset.name, wrapper)
    root = Path(json.loads(said)["Dir"])
    for path in asset.paths:
        shutil.copytree(root / path, target / path, copy_function=shutil.copyfile)
    for path in target.rglob("*"):  # the module cache is read-only, and so would be the copy's folders
        path.chmod(0o755 if path.is_dir() else 0o644)


def _checked(command: list[str], name: str, wrapper: Path) -> str:
    run = run_go(command, wrapper=wrapper, limit_s=BUILD_LIMIT_S)
    if run.returncode:
        raise AssetUnavailable(
            f"{name} could not be built (go {command[1]} ended with {run.returncode}): {run.stderr.strip()[-2000:]}\n"
            "Check that the Go module proxy can be reached (go env GOPROXY) and that the disk has room; run it again."
        )
    return run.stdout


def _remove(path: Path) -> None:
    if path.is_dir():
        for folder_path in [path, *(inner for inner in path.rglob("*") if inner.is_dir())]:
            folder_path.chmod(0o755)
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def main(sets: list[str]) -> int:
    """Build whole sets; paths go to standard output."""
    if unknown := [name for name in sets if name not in SETS]:
        say_on_stderr(f"no set of programs is called {', '.join(unknown)}; there are {', '.join(SETS)}")
        return 2
    started = time.monotonic()
    try:
        for asset in (asset for name in sets for asset in SETS[name]):
            print(cached(asset), flush=True)
    except AssetUnavailable as error:
        say_on_stderr(str(error))
        return 2
    say_on_stderr(f"{', '.join(sets)}: ready after {time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or list(SETS)))
