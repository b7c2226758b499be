"""Whole folders as commits in storage, and back: bundles, stage results, and what other machines need of this one."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path

from clock_train.errors import StorageDamaged
from clock_train.storage.atomic_file import digest_of
from clock_train.storage.commits import MARKER, read_marker
from clock_train.storage.opening import Storage


def keep_folder(storage: Storage, prefix: str, folder: Path) -> str:
    """Commit every file of a folder; one that is there already with the same content is left. Returns the prefix."""
    return keep_files(storage, prefix, {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()})


def keep_files(storage: Storage, prefix: str, files: Mapping[str, Path]) -> str:
    """Commit files by name; a commit that is there already with the same content is left. Returns the prefix."""
    if storage.exists(f"{prefix}/{MARKER}"):
        known = read_marker(storage, prefix).files  # who brings a file verifies it
        if dict(known) == {name: digest_of(path) for name, path in files.items()}:
            return prefix
    storage.commit(prefix, files, committed_at=datetime.now(UTC))
    return prefix


def bring_folder(storage: Storage, prefix: str, folder: Path, *, only: Collection[str] = ()) -> Path:
    """Copy a committed folder to this machine, verified; one that is there already with the same content is left.

    Args:
        storage: where it was committed.
        prefix: as what.
        folder: where it goes.
        only: names of the files that are wanted; none means all.

    Raises:
        StorageNotFound: nothing was committed there.
        StorageDamaged: a file does not match its sha256.
    """
    record = read_marker(storage, prefix)  # each file is verified below, as it is copied
    files = {name: file for name, file in record.files.items() if not only or name in only}
    stamp = hashlib.sha256(json.dumps({n: f.sha256 for n, f in sorted(files.items())}).encode()).hexdigest()
    note = folder.parent / f".{folder.name}.brought"
    if folder.exists() and note.exists() and note.read_text(encoding="utf-8") == stamp:
        return folder
    work = folder.parent / f".{folder.name}.bringing"
    shutil.rmtree(work, ignore_errors=True)  # what a killed process left
    work.mkdir(parents=True)
    for name, file in files.items():
        target = work / name
        target.parent.mkdir(parents=True, exist_ok=True)
        storage.get_to_file(record.key(name), target)
        if digest_of(target).sha256 != file.sha256:
            raise StorageDamaged(f"{record.key(name)} changed while it was copied; run again")
    shutil.rmtree(folder, ignore_errors=True)
    work.rename(folder)
    note.write_text(stamp, encoding="utf-8")
    return folder
