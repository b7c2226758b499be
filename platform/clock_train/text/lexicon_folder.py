"""Lexicons of a folder, by tenant: ``<folder>/<tenant>/<name>.json`` or ``.pls``, read again when a file changed."""

from __future__ import annotations

import re
from pathlib import Path
from threading import Lock

from clock_train.errors import LexiconInvalid, LexiconNotFound
from clock_train.text.lexicon import MAX_BYTES, Lexicon, read_lexicon

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_Version = tuple[int, int, int]
"""Inode, time of change and size."""


class LexiconFolder:
    """The lexicons of one installation.

    Args:
        path: of the folder; None has no lexicon at all.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._read: dict[Path, tuple[_Version, Lexicon]] = {}
        self._lock = Lock()

    def find(self, tenant: str, name: str) -> Lexicon:
        """A lexicon of a tenant, as it is on the disk now.

        Raises:
            LexiconNotFound: none of this name, or a name that is no plain word.
            LexiconInvalid: a file that cannot be read.
        """
        if self._path is None:
            raise LexiconNotFound("this server has no lexicons; start it with --lexicons DIR")
        if not (_NAME.fullmatch(tenant) and _NAME.fullmatch(name)):
            raise LexiconNotFound(
                f'there is no lexicon "{name[:64]}"; names are plain words of letters, digits, "-", "_"'
            )
        for ending in ("json", "pls"):
            path = self._path / tenant / f"{name}.{ending}"
            try:
                return self._current(path)
            except FileNotFoundError:
                continue
            except OSError as error:
                # where it stands is not the asker's business
                raise LexiconInvalid(f'the lexicon "{name}" cannot be read ({error.strerror}); mend it') from error
        raise LexiconNotFound(
            f'there is no lexicon "{name}"; put {name}.json or {name}.pls into the folder of lexicons'
        )

    def _current(self, path: Path) -> Lexicon:
        told = path.stat()
        version = (told.st_ino, told.st_mtime_ns, told.st_size)
        with self._lock:
            known = self._read.get(path)
            if known is not None and known[0] == version:
                return known[1]
            with path.open("rb") as file:
                lexicon = read_lexicon(file.read(MAX_BYTES + 1), path.name)
            self._read[path] = (version, lexicon)
            return lexicon
