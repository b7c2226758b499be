"""From what a person writes (a path, ``file://...`` or ``s3://bucket``) to the store that it means."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from clock_train.errors import StorageRootInvalid
from clock_train.storage.commits import CommitRecord, DamageReport, FileDigest, StepCommit, StoredObject
from clock_train.storage.folder import FolderStorage


class Storage(Protocol):
    """What a folder and a bucket share; ``FolderStorage`` says what each method promises."""

    def put(self, key: str, source: bytes | Path) -> FileDigest:
        """Write an object."""
        ...

    def get(self, key: str) -> bytes:
        """The bytes of an object."""
        ...

    def get_to_file(self, key: str, path: Path) -> None:
        """Copy an object to a file outside the store."""
        ...

    def digest(self, key: str) -> FileDigest:
        """Size and sha256 of an object, from its bytes."""
        ...

    def exists(self, key: str) -> bool:
        """Whether an object has this key."""
        ...

    def list(self, prefix: str) -> list[StoredObject]:
        """All objects below a prefix, sorted by key."""
        ...

    def delete(self, key: str) -> None:
        """Delete an object."""
        ...

    def delete_prefix(self, prefix: str) -> int:
        """Delete everything below a prefix; how many objects."""
        ...

    def history(self, prefix: str) -> list[StoredObject]:
        """All keys below a prefix that anything is left of, also an older version of what was deleted."""
        ...

    def erase(self, key: str) -> None:
        """Delete an object for good, with every version of it."""
        ...

    def commit(self, prefix: str, files: Mapping[str, Path | bytes], *, committed_at: datetime) -> CommitRecord:
        """Write files and then, last, the marker that makes them count."""
        ...

    def read_commit(self, prefix: str) -> CommitRecord:
        """The commit under a prefix, verified."""
        ...

    def newest_commit(self, prefix: str, on_damaged: DamageReport | None = None) -> StepCommit | None:
        """The newest sound ``step-<n>`` under a prefix, or none."""
        ...


def open_storage(place: str | Path) -> Storage:
    """The store that a path or a URI names.

    Raises:
        StorageRootInvalid: another scheme, a bucket with a path behind it, or a file where a folder should be.
    """
    text = str(place)
    scheme, separator, _ = text.partition("://")
    if isinstance(place, Path) or not separator:
        return FolderStorage(place)
    parts = urlsplit(text)
    if scheme == "file" and parts.netloc in ("", "localhost") and parts.path:
        return FolderStorage(unquote(parts.path))
    if scheme == "s3" and parts.netloc and "@" not in parts.netloc:
        if parts.path.strip("/") or parts.query or parts.fragment:
            # a prefix would move the namespace away from the first segment, where prefix policies look for it
            raise StorageRootInvalid(f"{text} has something behind the bucket. Give s3://{parts.netloc} alone.")
        from clock_train.storage.s3 import S3Storage  # only those who use a bucket need the part "store"

        return S3Storage(parts.netloc)
    raise StorageRootInvalid(
        f"{scheme}://... is no place that can be opened. Give a folder, file:///folder or s3://bucket."
    )


def open_object(uri: str) -> tuple[Storage, str]:
    """The store and the key that ``s3://bucket/key`` names.

    Raises:
        StorageRootInvalid: no bucket.
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return open_storage(f"s3://{bucket}"), key
