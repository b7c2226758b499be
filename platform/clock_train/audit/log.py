"""The log in a folder: lines of JSON, each signed and chained to the one before, in files that are closed when full.

A line is on the disk before the sound that it tells of leaves. Taking one out, changing one or putting one in breaks
the chain; cutting off the end does not, and shows against the shipped copy (``shipping.py``). Folders in it hold the
chains of other writers, such as those of a gateway's replicas, and are only read.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from clock_train.audit import chain as chains
from clock_train.audit.chain import NO_LINE, LogSummary, Piece, digest_of, next_line, verify_chain
from clock_train.audit.signing import Signer
from clock_train.errors import AuditDamaged, AuditUnwritable

MAX_FILE_BYTES = 4 << 20
"""About 5,000 lines; the next begins another file."""
PATTERN = "[0-9]" * 8 + ".jsonl"
BLOCK_BYTES = 1 << 16


class AuditLog:
    """One folder of files, written by any number of processes in turn.

    Args:
        folder: made at the first line.
        signer: whose signature the lines carry.
        max_file_bytes: when the next file begins.
    """

    def __init__(self, folder: Path, signer: Signer, *, max_file_bytes: int = MAX_FILE_BYTES) -> None:
        self.folder = folder
        self._signer = signer
        self._max_file_bytes = max_file_bytes

    def append(self, kind: str, facts: Mapping[str, Any], *, now: datetime | None = None) -> dict[str, Any]:
        """Write one line and wait until it is on the disk.

        Args:
            kind: such as ``issued``.
            facts: plain values; the log's own fields may not be among them.
            now: by default the clock.
        Raises:
            AuditUnwritable: no permission, no room; nothing may be given out then.
        """
        try:
            with self._locked():
                path, seq, previous = self._end()
                values, line = next_line(self._signer, kind, facts, seq=seq, previous=previous, now=now)
                with open(path, "ab") as file:
                    file.write(line + b"\n")
                    file.flush()
                    os.fsync(file.fileno())
                return values
        except OSError as error:
            raise AuditUnwritable(
                f'the log "{self.folder}" cannot be written ({error.strerror or error}), so nothing was spoken. Free '
                "the disk or mend permissions, then repeat the request"
            ) from error

    def _end(self) -> tuple[Path, int, str]:
        """Where the next line goes, its number, and the digest of the line before."""
        files = log_files(self.folder)
        if not files:
            return self.folder / f"{1:08d}.jsonl", 1, NO_LINE
        path = files[-1]
        with open(path, "r+b") as file:
            last = _last_line(file)
        if last is None and len(files) > 1:
            with open(files[-2], "rb") as file:
                last = _last_line(file)
        if last is None:
            return path, 1, NO_LINE
        try:
            seq = int(json.loads(last)["seq"]) + 1
        except (ValueError, KeyError, TypeError) as error:
            raise AuditDamaged(
                f'the last line of "{path}" is no line of a log; see what it is with "clocktrain audit verify"'
            ) from error
        if path.stat().st_size >= self._max_file_bytes:
            path = self.folder / f"{int(path.stem) + 1:08d}.jsonl"
        return path, seq, digest_of(last)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)  # held for one line: milliseconds
            yield
        finally:
            os.close(descriptor)


class FolderChain:
    """The chain of one folder's own files.

    Args:
        folder: of the files.
        name: of its writer; empty for an installation's own.
    """

    def __init__(self, folder: Path, name: str = "") -> None:
        self.folder, self.name = folder, name

    @property
    def place(self) -> str:
        """The folder."""
        return f'"{self.folder}"'

    def pieces(self, first: str = "") -> Iterator[Piece]:
        """Its files, without a torn line at the very end: it told of a sound that was never given out."""
        files = [path for path in log_files(self.folder) if path.name >= first]
        for path in files:
            content = path.read_bytes()
            whole = content[: content.rfind(b"\n") + 1] if path == files[-1] else content
            if whole:
                yield Piece(name=path.name, place=f'"{path}"', content=whole)

    def lines_of(self, payload_hex: str) -> list[dict[str, Any]]:
        """The lines of sounds that were issued with a payload."""
        found = (values for _, _, _, values in chains.read_lines(self) if values.get("kind") == "issued")
        return [values for values in found if values.get("payload") == payload_hex]


def log_files(folder: Path) -> list[Path]:
    """The files of a log in their order."""
    return sorted(folder.glob(PATTERN))


def chains_in(folder: Path) -> list[FolderChain]:
    """The folder's own chain, then those of the folders in it, by name; empty where it holds no log."""
    named = [FolderChain(each, each.name) for each in sorted(folder.glob("*/")) if log_files(each)]
    return [FolderChain(folder), *named] if log_files(folder) else named


def read_lines(folder: Path) -> Iterator[tuple[Path, int, bytes, dict[str, Any]]]:
    """(file, line number in it, bytes, values) of every line of the folder's own chain.

    Raises:
        AuditDamaged: a line that is no JSON object.
    """
    for piece, number, line, values in chains.read_lines(FolderChain(folder)):
        yield folder / piece.name, number, line, values


def verify(folder: Path, *, public_key: str | None = None) -> LogSummary:
    """Check numbers, chain and signatures of every line of the folder's own chain.

    Args:
        folder: of the log.
        public_key: who must have signed; None takes the key that the first line names.
    Raises:
        AuditDamaged: with the first file and line that does not fit.
    """
    if not log_files(folder):
        raise AuditDamaged(f'"{folder}" holds no log; name the folder of one')
    return verify_chain(FolderChain(folder), public_key=public_key)


def lines_of(folder: Path, payload_hex: str) -> list[dict[str, Any]]:
    """The lines of sounds that were issued with a payload, of all chains in a folder."""
    return [line for chain in chains_in(folder) for line in chain.lines_of(payload_hex)]


def _last_line(file: Any) -> bytes | None:
    """The last whole line; a torn one behind it told of a sound that was never given out, and is cut off."""
    size = file.seek(0, os.SEEK_END)
    tail, start = b"", size
    while start > 0 and tail.count(b"\n") < 2:
        start = max(0, start - BLOCK_BYTES)
        file.seek(start)
        tail = file.read(size - start)
    if tail and not tail.endswith(b"\n"):
        whole = tail.rfind(b"\n") + 1
        if file.writable():
            file.truncate(start + whole)
        tail = tail[:whole]
    return tail[:-1].rpartition(b"\n")[2] or None
