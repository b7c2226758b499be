"""Writing one file so that a crash leaves the old file or the new one, never a part.

A file is staged: written and synced under a temporary name in the same file system. Placing it is one rename, and the
folder's own entry is synced after it. The writer holds a lock on a staged file, which the kernel drops when the writer
dies: that is how the next start tells abandoned files from those another process is writing now.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import uuid
from dataclasses import dataclass
from pathlib import Path

from clock_train.storage.commits import FileDigest

BLOCK_BYTES = 1 << 20


@dataclass(kw_only=True)
class StagedFile:
    """A complete, synced file under a temporary name; ``place`` or ``discard`` ends it."""

    path: Path
    descriptor: int
    digest: FileDigest
    is_finished: bool = False

    def place(self, target: Path) -> None:
        """Rename to ``target``, atomically replacing what was there, and make the rename durable."""
        _make_folders(target.parent)
        try:
            os.replace(self.path, target)
        except FileNotFoundError:
            # another process emptied and removed the folder between the two calls
            _make_folders(target.parent)
            os.replace(self.path, target)
        self._finish()
        sync_folder(target.parent)

    def discard(self) -> None:
        """Remove the temporary file, unless it was placed."""
        if self.is_finished:
            return
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        self._finish()

    def _finish(self) -> None:
        self.is_finished = True  # the number may belong to another file from here on: never close it twice
        os.close(self.descriptor)


def stage(source: bytes | Path, temporary_folder: Path) -> StagedFile:
    """Copy ``source`` into a synced temporary file, hashing it on the way."""
    _make_folders(temporary_folder)
    path, descriptor = _open_locked(temporary_folder)
    try:
        sha256 = hashlib.sha256()
        size_bytes = 0
        for block in _blocks(source):
            sha256.update(block)
            size_bytes += len(block)
            _write_all(descriptor, block)
        os.fsync(descriptor)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(path)
        os.close(descriptor)
        raise
    digest = FileDigest(sha256=sha256.hexdigest(), size_bytes=size_bytes)
    return StagedFile(path=path, descriptor=descriptor, digest=digest)


def remove_abandoned(temporary_folder: Path) -> int:
    """Remove staged files whose writer is gone; how many."""
    removed = 0
    with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
        for path in temporary_folder.iterdir():
            # a lock that is held, or a folder that may only be read: the file stays
            with contextlib.suppress(OSError):
                descriptor = os.open(path, os.O_RDWR)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    os.unlink(path)
                    removed += 1
                finally:
                    os.close(descriptor)
    return removed


def sync_folder(folder: Path) -> None:
    """Make the folder's entries durable: a rename or a deletion is not, until then."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def digest_of(path: Path) -> FileDigest:
    """Size and sha256 of a file, read in blocks."""
    sha256 = hashlib.sha256()
    size_bytes = 0
    for block in _blocks(path):
        sha256.update(block)
        size_bytes += len(block)
    return FileDigest(sha256=sha256.hexdigest(), size_bytes=size_bytes)


def _open_locked(temporary_folder: Path) -> tuple[Path, int]:
    while True:
        path = temporary_folder / uuid.uuid4().hex
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        with contextlib.suppress(OSError):  # a file system without locks: such files are never taken for abandoned
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink == 1:
            return path, descriptor
        os.close(descriptor)  # a starting process took it for abandoned before the lock was there


def _blocks(source: bytes | Path):
    if isinstance(source, bytes):
        view = memoryview(source)
        for start in range(0, len(view), BLOCK_BYTES):
            yield view[start : start + BLOCK_BYTES]
        return
    with open(source, "rb") as file:
        while block := file.read(BLOCK_BYTES):
            yield memoryview(block)


def _write_all(descriptor: int, block: memoryview) -> None:
    written = 0
    while written < len(block):
        written += os.write(descriptor, block[written:])


def _make_folders(folder: Path) -> None:
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        with contextlib.suppress(FileExistsError):
            os.mkdir(path)
        sync_folder(path.parent)
