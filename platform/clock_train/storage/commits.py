"""Commits: a set of files that counts only once its ``COMMITTED`` marker is there.

The marker is written last and holds the size and sha256 of every file, so a reader can tell a whole checkpoint from
one that was cut off, and a sound one from a damaged one. What is said here holds for every storage adapter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from clock_train.errors import StorageDamaged, StorageKeyInvalid, StorageNotFound
from clock_train.storage.keys import check_key, check_prefix

MARKER = "COMMITTED"
SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class StoredObject:
    """One object as a listing shows it."""

    key: str
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class FileDigest:
    """What the marker says of one file."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class CommitRecord:
    """The content of a ``COMMITTED`` marker."""

    prefix: str
    committed_at: datetime
    files: Mapping[str, FileDigest]
    """By name below the prefix."""

    def key(self, name: str) -> str:
        """The key of one committed file."""
        return f"{self.prefix}/{name}"

    def to_json(self) -> bytes:
        """The marker's bytes; keys sorted, so equal commits are equal bytes."""
        files = {name: {"sha256": file.sha256, "size_bytes": file.size_bytes} for name, file in self.files.items()}
        content = {
            "schema_version": SCHEMA_VERSION,
            "committed_at": self.committed_at.astimezone(UTC).isoformat(),
            "files": files,
        }
        return (json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()

    @classmethod
    def from_json(cls, prefix: str, content: bytes) -> CommitRecord:
        """Read a marker.

        Raises:
            StorageDamaged: the bytes are no marker of this schema version.
        """
        try:
            parsed: dict[str, Any] = json.loads(content)
            if parsed["schema_version"] != SCHEMA_VERSION:
                raise ValueError(f"schema version {parsed['schema_version']!r} is not {SCHEMA_VERSION}")
            files = {
                check_key(name): FileDigest(sha256=str(file["sha256"]), size_bytes=int(file["size_bytes"]))
                for name, file in parsed["files"].items()
            }
            committed_at = datetime.fromisoformat(parsed["committed_at"])
        except (ValueError, KeyError, TypeError, AttributeError, StorageKeyInvalid) as cause:
            raise StorageDamaged(
                f"{prefix}/{MARKER} is not a commit marker ({cause}). Use an earlier commit, or restore this one."
            ) from cause
        return cls(prefix=prefix, committed_at=committed_at, files=files)


@dataclass(frozen=True, kw_only=True)
class StepCommit:
    """A committed ``step-<n>``."""

    step: int
    record: CommitRecord

    @property
    def prefix(self) -> str:
        """Where its files are."""
        return self.record.prefix


class CommitReader(Protocol):
    """What reading commits asks of a storage adapter."""

    def get(self, key: str) -> bytes:
        """The bytes of one object."""
        ...

    def list(self, prefix: str) -> list[StoredObject]:
        """The objects below a prefix."""
        ...

    def digest(self, key: str) -> FileDigest:
        """Size and sha256 of one object."""
        ...


DamageReport = Callable[[str, StorageDamaged], None]
"""Called with the prefix that was passed over and the reason."""


def step_prefix(prefix: str, step: int) -> str:
    """Where the commit of one step lives."""
    return f"{check_prefix(prefix)}/step-{step}"


def read_marker(storage: CommitReader, prefix: str) -> CommitRecord:
    """What was committed under a prefix; no file is read.

    Raises:
        StorageNotFound: no marker, so nothing was committed there.
        StorageDamaged: the marker is none.
    """
    prefix = check_prefix(prefix)
    try:
        content = storage.get(f"{prefix}/{MARKER}")
    except StorageNotFound as cause:
        raise StorageNotFound(
            f"{prefix} has no {MARKER} marker, so nothing was committed there. Choose a committed one."
        ) from cause
    return CommitRecord.from_json(prefix, content)


def read_commit(storage: CommitReader, prefix: str) -> CommitRecord:
    """The commit under a prefix, after every file in it was read and its sha256 compared.

    Raises:
        StorageNotFound: no marker, so nothing was committed there.
        StorageDamaged: a file is missing or its bytes changed; the message names it.
    """
    record = read_marker(storage, prefix)
    for name, expected in record.files.items():
        _verify(storage, record.key(name), expected)
    return record


def newest_commit(storage: CommitReader, prefix: str, on_damaged: DamageReport | None = None) -> StepCommit | None:
    """The committed ``step-<n>`` with the largest n whose files are all sound, or none.

    A damaged one is passed over and reported to ``on_damaged``; one without marker was cut off and is silent.
    """
    prefix = check_prefix(prefix)
    pattern = re.compile(re.escape(prefix) + rf"/(step-(\d+))/{MARKER}")
    matches = [match for item in storage.list(prefix) if (match := pattern.fullmatch(item.key))]
    for match in sorted(matches, key=lambda match: int(match[2]), reverse=True):
        step_folder = f"{prefix}/{match[1]}"
        try:
            return StepCommit(step=int(match[2]), record=read_commit(storage, step_folder))
        except StorageDamaged as damage:
            if on_damaged:
                on_damaged(step_folder, damage)
        except StorageNotFound:
            continue  # deleted between the listing and the reading
    return None


def _verify(storage: CommitReader, key: str, expected: FileDigest) -> None:
    try:
        found = storage.digest(key)
    except StorageNotFound as cause:
        raise StorageDamaged(f"{key} was committed but is missing. Use an earlier commit, or restore it.") from cause
    if found.size_bytes != expected.size_bytes:
        raise StorageDamaged(
            f"{key} has {found.size_bytes} bytes, {expected.size_bytes} were committed. "
            "Use an earlier commit, or restore it."
        )
    if found.sha256 != expected.sha256:
        raise StorageDamaged(
            f"{key} has sha256 {found.sha256[:12]}…, {expected.sha256[:12]}… was committed. "
            "Use an earlier commit, or restore it."
        )
