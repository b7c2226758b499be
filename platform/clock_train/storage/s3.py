"""An S3 bucket as object store: the same keys, methods and errors as a folder.

Every object carries its sha256 as metadata, compared when it is read. Commits (see ``commits.py``) count only when
whole, because the marker is written last. One thing is weaker than in a folder: S3 has no rename, so a commit that
*replaces* another of the same prefix leaves it uncommitted, should it fail half-way. Parts of an upload that broke off
are invisible, and go when the bucket's rule for unfinished uploads says so (MinIO: after a day). No key, secret or
token is ever part of a message or a ``repr``.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from minio import Minio
from minio.deleteobjects import DeleteObject
from minio.error import InvalidResponseError, MinioException, S3Error, ServerError
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError

from clock_train.errors import (
    StorageDamaged,
    StorageDenied,
    StorageError,
    StorageFull,
    StorageKeyInvalid,
    StorageNotFound,
    StorageRootInvalid,
    StorageUnreachable,
)
from clock_train.storage import commits
from clock_train.storage.atomic_file import BLOCK_BYTES, digest_of, stage
from clock_train.storage.commits import MARKER, CommitRecord, DamageReport, FileDigest, StepCommit, StoredObject
from clock_train.storage.keys import check_key, check_prefix
from clock_train.storage.s3_requests import OperationOverdue, S3Limits, TimedRequests

DEFAULT_ENDPOINT = "https://s3.amazonaws.com"
DEFAULT_REGION = "us-east-1"
"""What MinIO and most other servers call their only one; naming it spares a request, and a permission, a bucket."""
PART_BYTES = 16 << 20
"""Larger objects go up in parts of this size: S3 takes 10 000 of them, so 160 GB an object."""
SHA256_METADATA = "x-amz-meta-sha256"

FULL_CODES = {"XMinioStorageFull", "QuotaExceeded", "XMinioAdminBucketQuotaExceeded", "InsufficientStorage"}
FOLDER_CODES = {"XMinioParentIsObject", "XMinioObjectExistsAsDirectory", "XMinioInvalidObjectName"}
ABSENT_CODES = {"NoSuchKey", "NoSuchVersion", "ResourceNotFound"}


class S3Storage:
    """Objects by key in one bucket, which must exist.

    Args:
        bucket: its name.
        endpoint: such as ``https://s3.example.com``; else ``AWS_ENDPOINT_URL_S3``, ``AWS_ENDPOINT_URL``, else Amazon's.
        access_key: else ``AWS_ACCESS_KEY_ID``; ``secret_key`` else ``AWS_SECRET_ACCESS_KEY``.
        region: else ``AWS_REGION``, ``AWS_DEFAULT_REGION``, else ``us-east-1``.
    Raises:
        StorageRootInvalid: no bucket or server can have this name.
        StorageDenied: no credentials were given.
    """

    def __init__(
        self,
        bucket: str,
        *,
        endpoint: str | None = None,
        access_key: str | None = None,
        secret_key: str | None = None,
        region: str | None = None,
        limits: S3Limits | None = None,
    ) -> None:
        self.bucket = bucket
        self.endpoint = endpoint or _environment("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL") or DEFAULT_ENDPOINT
        access_key = access_key or _environment("AWS_ACCESS_KEY_ID")
        secret_key = secret_key or _environment("AWS_SECRET_ACCESS_KEY")
        address = _address(self.endpoint)
        if not access_key or not secret_key:
            raise StorageDenied(
                f"no credentials for s3://{bucket}. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment."
            )
        self._requests = TimedRequests(limits or S3Limits())
        try:
            self._client = Minio(
                address.netloc,
                access_key=access_key,
                secret_key=secret_key,
                session_token=_environment("AWS_SESSION_TOKEN"),
                secure=address.scheme == "https",
                region=region or _environment("AWS_REGION", "AWS_DEFAULT_REGION") or DEFAULT_REGION,
                http_client=self._requests,
            )
            # the SDK checks a bucket's name when it first uses it; an error at opening is easier to place
            self._client.get_presigned_url("GET", bucket, "name-check")
        except ValueError as cause:
            raise StorageRootInvalid(
                f"s3://{bucket} at {self.endpoint} cannot be opened: {cause}. Give a bucket's name (3 to 63 small "
                "letters, digits, dots and hyphens) and an endpoint such as https://s3.example.com."
            ) from cause

    def __repr__(self) -> str:
        return f"S3Storage({self.bucket!r}, endpoint={self.endpoint!r})"

    def put(self, key: str, source: bytes | Path) -> FileDigest:
        """Write an object; readers see the old bytes or the new ones, also while a large one goes up in parts."""
        key = check_key(key)
        digest = _source_digest(key, source)
        with self._asking(key, "write", digest.size_bytes), _opened(source) as file:
            try:
                self._client.put_object(
                    self.bucket,
                    key,
                    file,
                    digest.size_bytes,
                    metadata={SHA256_METADATA: digest.sha256},
                    part_size=PART_BYTES if digest.size_bytes > PART_BYTES else 0,
                    num_parallel_uploads=1,  # one thread, so that the deadline of this one holds
                )
            except S3Error as cause:
                # the answer to "complete" was lost and the second try found the upload already gone
                if cause.code != "NoSuchUpload" or self._stored_sha256(key) != digest.sha256:
                    raise
        return digest

    def get(self, key: str) -> bytes:
        """The bytes of an object.

        Raises:
            StorageDamaged: they are not those that were put.
        """
        whole = io.BytesIO()
        self._read(key, whole)
        return whole.getvalue()

    def get_to_file(self, key: str, path: Path) -> None:
        """Copy an object to a file outside the store, atomically; nothing is there before all of it is verified."""
        path = path.absolute()
        with contextlib.ExitStack() as cleanup:
            try:
                staged = stage(b"", path.parent)
            except OSError as cause:
                raise _local_error(cause, path) from cause
            cleanup.callback(staged.discard)
            with open(staged.path, "r+b") as file:
                self._read(key, file)
                try:
                    file.flush()
                    os.fsync(file.fileno())
                    staged.place(path)
                except OSError as cause:
                    raise _local_error(cause, path) from cause

    def digest(self, key: str) -> FileDigest:
        """Size and sha256 of an object, from its bytes: what the metadata says is compared, not believed."""
        return self._read(key, None)

    def exists(self, key: str) -> bool:
        """Whether an object has this key."""
        try:
            self._stored_sha256(check_key(key))
        except StorageNotFound:
            return False
        return True

    def list(self, prefix: str) -> list[StoredObject]:
        """All objects below a prefix (``""``: all there are), sorted by key."""
        prefix = check_prefix(prefix)
        with self._asking(prefix, "list"):
            below = f"{prefix}/" if prefix else None
            items = list(self._client.list_objects(self.bucket, prefix=below, recursive=True))
        found = [StoredObject(key=item.object_name or "", size_bytes=item.size or 0) for item in items]
        return sorted((item for item in found if _is_ours(item.key)), key=lambda item: item.key)

    def delete(self, key: str) -> None:
        """Delete an object; one that is not there is no error."""
        key = check_key(key)
        with self._asking(key, "delete"):
            try:
                self._client.remove_object(self.bucket, key)
            except S3Error as cause:
                if cause.code not in ABSENT_CODES | FOLDER_CODES:
                    raise

    def delete_prefix(self, prefix: str) -> int:
        """Delete everything below a prefix, markers first; how many objects."""
        prefix = check_key(prefix.removesuffix("/"))
        keys = [item.key for item in self.list(prefix)]
        markers = [key for key in keys if key.endswith(f"/{MARKER}")]
        for key in markers:
            self.delete(key)
        rest = [DeleteObject(key) for key in keys if key not in set(markers)]
        with self._asking(prefix, "delete"):
            failures = list(self._client.remove_objects(self.bucket, rest)) if rest else []
        if failures:
            raise StorageDenied(
                f"{len(failures)} of {len(rest)} objects below {self._place(prefix)} were not deleted "
                f"({failures[0].name}: {failures[0].code}). Give these credentials the permission, then delete again."
            )
        return len(keys)

    def history(self, prefix: str) -> list[StoredObject]:
        """All keys below a prefix that anything is left of, sorted; bytes of all versions of a key together.

        Also those that were deleted in a bucket with versions, which keeps what they were.
        """
        prefix = check_prefix(prefix)
        sizes: dict[str, int] = {}
        for item in self._versions(f"{prefix}/" if prefix else None, prefix):
            key = item.object_name or ""
            sizes[key] = sizes.get(key, 0) + (item.size or 0)
        return [StoredObject(key=key, size_bytes=size) for key, size in sorted(sizes.items()) if _is_ours(key)]

    def erase(self, key: str) -> None:
        """Delete an object for good: every version and every delete marker of its key; none is no error.

        Raises:
            StorageDenied: a version is under a lock, or these credentials may not delete versions.
        """
        key = check_key(key)
        found = [item for item in self._versions(key, key) if item.object_name == key]
        with self._asking(key, "erase"):
            failures = [
                failure
                for failure in self._client.remove_objects(
                    self.bucket, [DeleteObject(key, item.version_id) for item in found]
                )
                if failure.code not in ABSENT_CODES
            ]
        if failures:
            raise StorageDenied(
                f"{len(failures)} of {len(found)} versions of {self._place(key)} were not deleted "
                f"({failures[0].code}). Give these credentials s3:DeleteObjectVersion, or wait until the object's lock "
                "ends, then erase again."
            )

    def _versions(self, below: str | None, key: str):
        with self._asking(key, "list the versions of"):
            return list(self._client.list_objects(self.bucket, prefix=below, recursive=True, include_version=True))

    def commit(self, prefix: str, files: Mapping[str, Path | bytes], *, committed_at: datetime) -> CommitRecord:
        """Write files and then, last, the marker that makes them count.

        An error or a crash before the marker leaves a prefix that does not count; committing again mends it.
        """
        prefix = check_key(prefix.removesuffix("/"))
        if MARKER in files:
            raise StorageKeyInvalid(f"a committed file may not be named {MARKER}. Give it another name.")
        digests = {name: _source_digest(check_key(f"{prefix}/{name}"), source) for name, source in files.items()}
        record = CommitRecord(prefix=prefix, committed_at=committed_at, files=digests)
        marker_key = f"{prefix}/{MARKER}"
        # a marker is never seen beside files of another commit: the old one goes first
        outdated = self._committed_names(prefix) - set(files)
        self.delete(marker_key)
        for name in sorted(outdated):
            self.delete(f"{prefix}/{name}")
        for name, source in files.items():
            if self.put(f"{prefix}/{name}", source) != digests[name]:
                raise StorageDamaged(f"{source} changed while it was committed as {prefix}/{name}. Commit again.")
        self.put(marker_key, record.to_json())
        return record

    def read_commit(self, prefix: str) -> CommitRecord:
        """The commit under a prefix, every file compared with its sha256; see ``commits.read_commit``."""
        return commits.read_commit(self, prefix)

    def newest_commit(self, prefix: str, on_damaged: DamageReport | None = None) -> StepCommit | None:
        """The newest sound ``step-<n>`` under a prefix, or none; see ``commits.newest_commit``."""
        return commits.newest_commit(self, prefix, on_damaged)

    def _committed_names(self, prefix: str) -> set[str]:
        try:
            return set(CommitRecord.from_json(prefix, self.get(f"{prefix}/{MARKER}")).files)
        except (StorageNotFound, StorageDamaged):
            return set()

    def _stored_sha256(self, key: str) -> str | None:
        with self._asking(key, "look for"):
            return (self._client.stat_object(self.bucket, key).metadata or {}).get(SHA256_METADATA)

    def _read(self, key: str, into: BinaryIO | None) -> FileDigest:
        """Stream an object, hashing it; a connection that breaks off is begun again."""
        key = check_key(key)
        with self._asking(key, "read"):
            for attempt in range(self._requests.limits.attempts):
                response = self._client.get_object(self.bucket, key)  # this request has retries of its own
                try:
                    return self._received(key, response, into)
                except OperationOverdue:
                    raise
                except HTTPError:
                    if attempt + 1 == self._requests.limits.attempts:
                        raise
                finally:
                    response.close()
                    response.release_conn()
                self._requests.pause(attempt)
                if into:
                    into.seek(0)
                    into.truncate()
        raise AssertionError("the loop returns or raises")

    def _received(self, key: str, response: BaseHTTPResponse, into: BinaryIO | None) -> FileDigest:
        self._requests.expect_bytes(int(response.headers.get("content-length", 0)))
        sha256, size_bytes = hashlib.sha256(), 0
        for block in response.stream(BLOCK_BYTES):
            self._requests.left_s()
            sha256.update(block)
            size_bytes += len(block)
            if into:
                into.write(block)
        promised = response.headers.get(SHA256_METADATA)
        if into and promised and promised != sha256.hexdigest():
            raise StorageDamaged(
                f"{self._place(key)} has sha256 {sha256.hexdigest()[:12]}…, {promised[:12]}… was stored. "
                "Restore it, or write it again."
            )
        return FileDigest(sha256=sha256.hexdigest(), size_bytes=size_bytes)

    def _place(self, key: str) -> str:
        return f"s3://{self.bucket}/{key} at {self.endpoint}"

    @contextlib.contextmanager
    def _asking(self, key: str, action: str, size_bytes: int = 0) -> Iterator[None]:
        with self._requests.operation(size_bytes):
            try:
                yield
            except (MinioException, HTTPError) as cause:
                raise _storage_error(cause, self._place(key), action) from cause


def _environment(*names: str) -> str | None:
    return next((value for name in names if (value := os.environ.get(name))), None)


def _address(endpoint: str):
    address = urlsplit(endpoint)
    if "@" in endpoint:  # said without the endpoint, which holds a password
        raise StorageRootInvalid("the endpoint has a user name in it. Give credentials in AWS_ACCESS_KEY_ID instead.")
    if address.scheme not in ("http", "https") or not address.netloc or address.path.strip("/") or address.query:
        raise StorageRootInvalid(f"{endpoint!r} is no S3 endpoint. Give one such as https://s3.example.com:9000.")
    return address


def _is_ours(key: str) -> bool:
    try:
        check_key(key)
    except StorageKeyInvalid:
        return False
    return True


def _source_digest(key: str, source: bytes | Path) -> FileDigest:
    if isinstance(source, bytes):
        return FileDigest(sha256=hashlib.sha256(source).hexdigest(), size_bytes=len(source))
    try:
        return digest_of(source)
    except (FileNotFoundError, IsADirectoryError) as cause:
        raise StorageNotFound(f"{source}, to be stored as {key}, is no file. Check the path.") from cause
    except PermissionError as cause:
        raise StorageDenied(f"may not read {source}, to be stored as {key}. Give this user the permission.") from cause


@contextlib.contextmanager
def _opened(source: bytes | Path) -> Iterator[BinaryIO]:
    with io.BytesIO(source) if isinstance(source, bytes) else open(source, "rb") as file:
        yield file


def _local_error(cause: OSError, path: Path) -> StorageError:
    if isinstance(cause, PermissionError):
        return StorageDenied(f"may not write {path}: {cause.strerror}. Choose another folder.")
    return StorageFull(f"cannot write {path}: {cause.strerror}. Free some room, or choose another folder.")


def _storage_error(cause: MinioException | HTTPError, place: str, action: str) -> StorageError:
    code, status, said = _said(cause)
    if code in ABSENT_CODES:
        return StorageNotFound(f"no object {place}. List the keys beside it to see what there is.")
    if code == "NoSuchBucket":
        return StorageRootInvalid(f"cannot {action} {place}: there is no such bucket. Create it, or name another.")
    if code in FULL_CODES or status == 507:
        return StorageFull(f"cannot {action} {place}: {said}. Free some room on the server, or raise the quota.")
    if code in FOLDER_CODES:
        return StorageKeyInvalid(
            f"cannot {action} {place}: {said}. A key cannot be an object and a folder at once, nor longer than the "
            "server's file system allows."
        )
    if status is None or status >= 500 or status == 429:
        return StorageUnreachable(
            f"cannot {action} {place}: {said}. Check that the server runs and can be reached, then run again."
        )
    return StorageDenied(
        f"may not {action} {place}: {said}. Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, the clock of this machine "
        "and what these credentials may do."
    )


def _said(cause: MinioException | HTTPError) -> tuple[str, int | None, str]:
    """S3's code, the HTTP status and words for both; never the answer's other fields, which can repeat a key."""
    if isinstance(cause, S3Error):
        status = getattr(cause.response, "status", None)
        return cause.code or "", status, f"{cause.code} (HTTP {status})"
    if isinstance(cause, ServerError):
        return "", cause.status_code, f"HTTP {cause.status_code}"
    if isinstance(cause, InvalidResponseError):
        status = getattr(cause, "_code", None)
        return "", status, f"no answer of an S3 server (HTTP {status})"
    return "", None, f"{type(cause).__name__}: {cause}"
