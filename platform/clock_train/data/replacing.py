"""A folder that is replaced whole or not at all.

The new one grows in a hidden folder beside the old one and takes its place by a rename; whatever fails before that
leaves the old one as it was.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from clock_train.data.manifest import MANIFEST_NAME
from clock_train.errors import AudioError, CorpusDiskFull, CorpusError, CorpusUnwritable


@contextlib.contextmanager
def workplace(out: Path) -> Iterator[Path]:
    """A hidden folder beside the target, for one build at a time; gone afterwards whatever happened."""
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / MANIFEST_NAME).is_file())):
        raise CorpusUnwritable(f'"{out}" holds something that is no corpus. Name a new folder with --out')
    temporary = out.absolute().parent / f".{out.absolute().name}.building"
    try:
        out.absolute().parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir(exist_ok=True)
        with held(temporary):
            _empty(temporary)  # what a killed build left
            inner = temporary / "corpus"
            inner.mkdir()
            try:
                yield inner
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise _write_error(error, out) from error
    except AudioError as error:
        cause = error.__cause__
        if isinstance(cause, OSError):
            raise _write_error(cause, out) from error
        raise


def _write_error(error: OSError, out: Path) -> CorpusError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return CorpusDiskFull(
            f'no room left while "{out}" was written; nothing there was changed. Free some room (an hour of speech '
            "needs about 70 MB), then build again"
        )
    return CorpusUnwritable(
        f'"{error.filename or out}" cannot be written ({error.strerror}). Choose a folder that this account may write'
    )


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep a folder for this process; another one that wants it is refused at once."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise CorpusUnwritable(f'another build is writing "{folder}". Wait for it, or end it') from error
    try:
        yield
    finally:
        os.close(handle)


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def put_in_place(temporary: Path, out: Path) -> None:
    """Exchange the old folder for the new one; if the second rename fails, the old one comes back."""
    old = temporary.parent / "old"
    if out.exists():
        out.rename(old)
    try:
        temporary.rename(out)
    except OSError:
        if old.exists():
            old.rename(out)
        raise
