"""A folder as object store: the same keys and the same guarantees as a bucket.

An object is one file under the root. Every write is atomic and durable, commits (see ``commits.py``) count only when
whole, and what was there before a failed write is untouched. The S3 adapter has the same methods.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from clock_train.errors import (
    StorageDamaged,
    StorageDenied,
    StorageError,
    StorageFull,
    StorageKeyInvalid,
    StorageNotFound,
    StorageRootInvalid,
)
from clock_train.storage import commits
from clock_train.storage.atomic_file import StagedFile, digest_of, remove_abandoned, stage, sync_folder
from clock_train.storage.commits import MARKER, CommitRecord, DamageReport, FileDigest, StepCommit, StoredObject
from clock_train.storage.keys import TEMPORARY_FOLDER, check_key, check_prefix


class FolderStorage:
    """Objects by key under one folder.

    Raises:
        StorageRootInvalid: the root is a file.
        StorageDenied: the root may not be made or read.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root).absolute()
        self._temporary = self.root / TEMPORARY_FOLDER
        if self.root.exists() and not self.root.is_dir():
            raise StorageRootInvalid(f"{self.root} is a file. Give a folder, or a name that does not exist yet.")
        with self._errors("", "open"):
            self.root.mkdir(parents=True, exist_ok=True)
        remove_abandoned(self._temporary)

    def put(self, key: str, source: bytes | Path) -> FileDigest:
        """Write an object; readers see the old bytes or the new ones."""
        target = self._path(key)
        staged = self._stage(key, source)
        with contextlib.ExitStack() as cleanup, self._errors(key, "write"):
            cleanup.callback(staged.discard)
            staged.place(target)
        return staged.digest

    def get(self, key: str) -> bytes:
        """The bytes of an object."""
        path = self._path(key)
        with self._errors(key, "read"):
            return path.read_bytes()

    def get_to_file(self, key: str, path: Path) -> None:
        """Copy an object to a file outside the store, atomically."""
        source = self._path(key)
        with self._errors(key, "read"), open(source, "rb"):
            pass  # so that what is said about a missing object names the object, not the copy
        with self._errors(key, f"copy to {path}"):
            staged = stage(source, path.absolute().parent)
            with contextlib.ExitStack() as cleanup:
                cleanup.callback(staged.discard)
                staged.place(path.absolute())

    def digest(self, key: str) -> FileDigest:
        """Size and sha256 of an object."""
        path = self._path(key)
        with self._errors(key, "read"):
            return digest_of(path)

    def exists(self, key: str) -> bool:
        """Whether an object has this key."""
        path = self._path(key)
        with self._errors(key, "look for"):
            try:
                return stat.S_ISREG(os.stat(path).st_mode)
            except (FileNotFoundError, NotADirectoryError):
                return False

    def list(self, prefix: str) -> list[StoredObject]:
        """All objects below a prefix (``""``: all there are), sorted by key."""
        return sorted(self._walk(check_prefix(prefix)), key=lambda item: item.key)

    def delete(self, key: str) -> None:
        """Delete an object; one that is not there is no error, as in S3."""
        path = self._path(key)
        with self._errors(key, "delete"), contextlib.suppress(FileNotFoundError, NotADirectoryError):
            os.unlink(path)
            sync_folder(path.parent)

    def delete_prefix(self, prefix: str) -> int:
        """Delete everything below a prefix; how many objects.

        Markers go first: a crash half-way leaves files that were never committed rather than a damaged commit.
        """
        prefix = check_key(prefix.removesuffix("/"))
        keys = [item.key for item in self.list(prefix)]
        for key in sorted(keys, key=lambda key: not key.endswith(f"/{MARKER}")):
            self.delete(key)
        folder = self._path(prefix)
        for path, _, _ in os.walk(folder, topdown=False):
            with contextlib.suppress(OSError):  # not empty: somebody wrote meanwhile
                os.rmdir(path)
        return len(keys)

    def history(self, prefix: str) -> list[StoredObject]:
        """All keys below a prefix that anything is left of, sorted: in a bucket with versions deleted ones as well."""
        return self.list(prefix)

    def erase(self, key: str) -> None:
        """Delete an object for good, with every version that a bucket keeps of it, and folders that are empty then."""
        self.delete(key)
        folder = self._path(key).parent
        while folder != self.root:
            try:
                os.rmdir(folder)
            except FileNotFoundError:
                pass
            except OSError:
                return  # not empty
            folder = folder.parent

    def commit(self, prefix: str, files: Mapping[str, Path | bytes], *, committed_at: datetime) -> CommitRecord:
        """Write files and then, last, the marker that makes them count.

        Everything, the marker too, is on disk under temporary names before anything is placed, so a full disk leaves
        even a commit of the same prefix as it was. A crash while such a commit is replaced leaves it uncommitted.

        Raises:
            StorageFull: no room; nothing changed.
        """
        prefix = check_key(prefix.removesuffix("/"))
        if MARKER in files:
            raise StorageKeyInvalid(f"a committed file may not be named {MARKER}. Give it another name.")
        targets = {name: self._path(f"{prefix}/{name}") for name in files}
        marker_key = f"{prefix}/{MARKER}"
        staged: dict[str, StagedFile] = {}
        with contextlib.ExitStack() as cleanup:
            for name, source in files.items():
                staged[name] = self._stage(f"{prefix}/{name}", source)
                cleanup.callback(staged[name].discard)
            digests = {name: file.digest for name, file in staged.items()}
            record = CommitRecord(prefix=prefix, committed_at=committed_at, files=digests)
            marker = self._stage(marker_key, record.to_json())
            cleanup.callback(marker.discard)
            # a marker is never seen beside files of another commit: the old one goes first
            outdated = self._committed_names(prefix) - set(files)
            self.delete(marker_key)
            for name in sorted(outdated):
                self.delete(f"{prefix}/{name}")
            for name, file in staged.items():
                with self._errors(f"{prefix}/{name}", "write"):
                    file.place(targets[name])
            with self._errors(marker_key, "write"):
                marker.place(self._path(marker_key))
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

    def _path(self, key: str) -> Path:
        return self.root / check_key(key)

    def _stage(self, key: str, source: bytes | Path) -> StagedFile:
        if isinstance(source, Path):
            try:
                with open(source, "rb"):
                    pass
            except (FileNotFoundError, IsADirectoryError) as cause:
                raise StorageNotFound(f"{source}, to be stored as {key}, is no file. Check the path.") from cause
        with self._errors(key, "write"):
            return stage(source, self._temporary)

    def _walk(self, prefix: str) -> Iterator[StoredObject]:
        def refuse(error: OSError) -> None:
            if not isinstance(error, FileNotFoundError | NotADirectoryError):
                raise error

        with self._errors(prefix, "list"):
            for folder, folders, names in os.walk(self.root / prefix if prefix else self.root, onerror=refuse):
                if Path(folder) == self.root and TEMPORARY_FOLDER in folders:
                    folders.remove(TEMPORARY_FOLDER)
                for name in names:
                    item = self._listed(Path(folder) / name)
                    if item:
                        yield item

    def _listed(self, path: Path) -> StoredObject | None:
        key = path.relative_to(self.root).as_posix()
        try:
            check_key(key)
            status = path.stat(follow_symlinks=False)
        except (StorageKeyInvalid, FileNotFoundError):
            return None  # a file that we did not write, or one deleted a moment ago
        return StoredObject(key=key, size_bytes=status.st_size) if stat.S_ISREG(status.st_mode) else None

    @contextlib.contextmanager
    def _errors(self, key: str, action: str) -> Iterator[None]:
        try:
            yield
        except OSError as cause:
            raise _storage_error(cause, f"{self.root}/{key}".rstrip("/"), action) from cause


def _storage_error(cause: OSError, place: str, action: str) -> StorageError | OSError:
    if cause.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull(
            f"cannot {action} {place}: {cause.strerror}. Free some room and run again; what was stored is untouched."
        )
    if cause.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return StorageDenied(
            f"may not {action} {place}: {cause.strerror}. Give this user the permission, or choose another folder."
        )
    if cause.errno == errno.ENOENT:
        return StorageNotFound(f"no object {place}. List the keys beside it to see what there is.")
    if cause.errno in (errno.ENOTDIR, errno.EISDIR, errno.ENOTEMPTY, errno.EEXIST, errno.ENAMETOOLONG):
        return StorageKeyInvalid(
            f"cannot {action} {place}: {cause.strerror}. A key cannot be an object and a folder at once, "
            "nor longer than the file system allows."
        )
    return cause
