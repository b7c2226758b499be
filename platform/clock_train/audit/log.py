"""The log: lines of JSON, each signed, each with the sha256 of the line before, in files that are closed when full.

A line is on the disk before the sound that it tells of leaves. Taking one out, changing one or putting one in breaks
the chain; cutting off the end does not, and shows against the shipped copy (``shipping.py``).
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clock_train.audit.signing import Signer, is_signed
from clock_train.errors import AuditDamaged, AuditUnwritable

SCHEMA_VERSION = 1
NO_LINE = "0" * 64
"""What the first line says of the one before."""
MAX_FILE_BYTES = 4 << 20
"""About 5,000 lines; the next begins another file."""
PATTERN = "[0-9]" * 8 + ".jsonl"
OWN_FIELDS = ("schemaVersion", "seq", "time", "kind", "prev", "publicKey", "signature")
BLOCK_BYTES = 1 << 16


@dataclass(frozen=True, kw_only=True)
class LogSummary:
    """A log that was verified."""

    num_files: int
    num_lines: int
    first_time: str | None
    last_time: str | None
    head: str
    """sha256 of the last line: whoever keeps it can show later that the log was cut."""
    public_keys: tuple[str, ...]

    def as_plain(self) -> dict[str, object]:
        """For scripts."""
        return {
            "files": self.num_files,
            "lines": self.num_lines,
            "firstTime": self.first_time,
            "lastTime": self.last_time,
            "head": self.head,
            "publicKeys": list(self.public_keys),
        }


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
        assert not set(facts) & set(OWN_FIELDS)
        try:
            with self._locked():
                path, seq, previous = self._end()
                values: dict[str, Any] = {
                    "schemaVersion": SCHEMA_VERSION,
                    "seq": seq,
                    "time": (now or datetime.now(UTC)).isoformat(timespec="milliseconds"),
                    "kind": kind,
                    **facts,
                    "prev": previous,
                    "publicKey": self._signer.public_key,
                }
                values["signature"] = self._signer.sign(_canonical(values))
                with open(path, "ab") as file:
                    file.write(_canonical(values) + b"\n")
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


def log_files(folder: Path) -> list[Path]:
    """The files of a log in their order."""
    return sorted(folder.glob(PATTERN))


def read_lines(folder: Path) -> Iterator[tuple[Path, int, bytes, dict[str, Any]]]:
    """(file, line number in it, bytes, values) of every line.

    Raises:
        AuditDamaged: a line that is no JSON object.
    """
    for path in log_files(folder):
        with open(path, "rb") as file:
            for number, raw in enumerate(file, start=1):
                line = raw.removesuffix(b"\n")
                try:
                    values = json.loads(line)
                    if not isinstance(values, dict):
                        raise ValueError("no object")
                except ValueError as error:
                    raise _damaged(path, number, "is no line of a log") from error
                yield path, number, line, values


def verify(folder: Path, *, public_key: str | None = None) -> LogSummary:
    """Check numbers, chain and signatures of every line.

    Args:
        folder: of the log.
        public_key: who must have signed; None takes the key that the first line names.
    Raises:
        AuditDamaged: with the first file and line that does not fit.
    """
    if not log_files(folder):
        raise AuditDamaged(f'"{folder}" holds no log; name the folder of one')
    previous, expected, keys = NO_LINE, 1, [public_key] if public_key else list[str]()
    times: list[str] = []
    for path, number, line, values in read_lines(folder):
        signature = values.pop("signature", "")
        if values.get("seq") != expected:
            raise _damaged(path, number, f"has number {values.get('seq')} where {expected} belongs: lines are missing")
        if values.get("prev") != previous:
            raise _damaged(path, number, "does not follow the line before: one of them was changed")
        signed_by = str(values.get("publicKey"))
        if not keys:
            keys.append(signed_by)
        if signed_by not in keys or not is_signed(_canonical(values), str(signature), signed_by):
            raise _damaged(path, number, "was changed, or signed by another key")
        previous, expected = digest_of(line), expected + 1
        times = [times[0] if times else str(values["time"]), str(values["time"])]
    return LogSummary(
        num_files=len(log_files(folder)),
        num_lines=expected - 1,
        first_time=times[0] if times else None,
        last_time=times[-1] if times else None,
        head=previous,
        public_keys=tuple(keys),
    )


def lines_of(folder: Path, payload_hex: str) -> list[dict[str, Any]]:
    """The lines of sounds that were issued with a payload: what a detection is joined with."""
    found = (values for _, _, _, values in read_lines(folder) if values.get("kind") == "issued")
    return [values for values in found if values.get("payload") == payload_hex]


def digest_of(line: bytes) -> str:
    """sha256 of a line without its end, in hexadecimal."""
    return hashlib.sha256(line).hexdigest()


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


def _canonical(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _damaged(path: Path, number: int, what: str) -> AuditDamaged:
    return AuditDamaged(f'line {number} of "{path}" {what}. Compare with the shipped copy')
