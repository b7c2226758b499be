"""One process at a time into one output folder."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from clock_train.errors import CorpusUnwritable, RunBusy


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; the kernel lets go of it when the process ends, however it ends.

    Raises:
        RunBusy: another process holds it.
        CorpusUnwritable: the folder cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / ".lock").open("w")
    except OSError as error:
        raise CorpusUnwritable(
            f'"{folder}" cannot be written ({error.strerror}); choose another output folder or mend its permissions'
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RunBusy(
                f'another process is training into "{folder}"; wait for it, or choose another folder'
            ) from error
        yield
