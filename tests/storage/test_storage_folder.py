"""One object at a time: what is put is got, and every refusal says what, where and how to fix it."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clock_train.errors import (
    StorageDenied,
    StorageFull,
    StorageKeyInvalid,
    StorageNotFound,
    StorageRootInvalid,
)
from clock_train.storage.folder import FolderStorage
from clock_train.storage.keys import TEMPORARY_FOLDER, check_key


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path / "store")


@contextlib.contextmanager
def no_disk_room(monkeypatch: pytest.MonkeyPatch, name: str, after_calls: int = 0) -> Iterator[None]:
    """The named call of ``os`` fails as on a full disk, from the given call on."""
    real = getattr(os, name)
    calls = iter(range(1_000_000))

    def refuse(*arguments, **keywords):
        if next(calls) >= after_calls:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(*arguments, **keywords)

    with monkeypatch.context() as patch:
        patch.setattr(os, name, refuse)
        yield


@contextlib.contextmanager
def as_ordinary_user() -> Iterator[Path]:
    """A folder that everybody may reach, and no root powers inside the block (root ignores permissions)."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        is_root = os.geteuid() == 0
        if is_root:
            os.chown(folder, 65534, -1)
            os.seteuid(65534)
        try:
            yield Path(folder)
        finally:
            if is_root:
                os.seteuid(0)
            for path in [Path(folder), *Path(folder).rglob("*")]:
                if path.is_dir():
                    os.chmod(path, 0o755)


def unfinished(storage: FolderStorage) -> list[Path]:
    folder = storage.root / TEMPORARY_FOLDER
    return list(folder.iterdir()) if folder.exists() else []


@given(content=st.binary(max_size=4096))
@settings(max_examples=30, deadline=None)
def test_what_is_put_is_got(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    storage = FolderStorage(tmp_path_factory.mktemp("store"))
    storage.put("local/runs/一/log.txt", content)
    assert storage.get("local/runs/一/log.txt") == content


def test_a_large_file_is_copied_in_blocks_and_back(storage: FolderStorage, tmp_path: Path) -> None:
    source, copy = tmp_path / "large", tmp_path / "deep" / "copy"
    source.write_bytes(os.urandom(3_000_001))
    digest = storage.put("local/large", source)
    storage.get_to_file("local/large", copy)
    assert copy.read_bytes() == source.read_bytes()
    assert digest.size_bytes == 3_000_001
    assert storage.digest("local/large") == digest
    assert stat.S_IMODE((storage.root / "local/large").stat().st_mode) == 0o644


def test_a_second_put_replaces_the_object(storage: FolderStorage) -> None:
    storage.put("local/a", b"old and longer")
    storage.put("local/a", b"new")
    assert storage.get("local/a") == b"new"
    assert unfinished(storage) == []


def test_a_listing_is_sorted_and_a_prefix_ends_at_a_slash(storage: FolderStorage) -> None:
    for key in ("local/run-10/b", "local/run-1/z", "local/run-1/a/b", "other/x"):
        storage.put(key, key.encode())
    assert [item.key for item in storage.list("local/run-1")] == ["local/run-1/a/b", "local/run-1/z"]
    assert [item.key for item in storage.list("local/run-1/")] == ["local/run-1/a/b", "local/run-1/z"]
    assert [(item.key, item.size_bytes) for item in storage.list("other")] == [("other/x", 7)]
    assert len(storage.list("")) == 4
    assert storage.list("nothing/here") == []


def test_a_listing_shows_no_unfinished_file_and_no_foreign_name(storage: FolderStorage) -> None:
    storage.put("local/a", b"1")
    (storage.root / TEMPORARY_FOLDER / "half").write_bytes(b"half")
    (storage.root / "local" / "line\nbreak").write_bytes(b"")
    (storage.root / "local" / "link").symlink_to("/etc/passwd")
    assert [item.key for item in storage.list("")] == ["local/a"]


def test_deleting_is_final_and_deleting_nothing_is_no_error(storage: FolderStorage) -> None:
    storage.put("local/a", b"1")
    storage.delete("local/a")
    storage.delete("local/a")
    storage.delete("local/a/below")
    assert not storage.exists("local/a")


def test_deleting_a_prefix_leaves_its_neighbours_and_no_empty_folder(storage: FolderStorage) -> None:
    for key in ("local/run-1/a", "local/run-1/deep/b", "local/run-10/a"):
        storage.put(key, b"1")
    assert storage.delete_prefix("local/run-1") == 2
    assert not (storage.root / "local/run-1").exists()
    assert storage.exists("local/run-10/a")


def test_deleting_everything_at_once_is_refused(storage: FolderStorage) -> None:
    with pytest.raises(StorageKeyInvalid, match="is empty"):
        storage.delete_prefix("")


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("", "is empty"),
        ("/etc/passwd", "is absolute"),
        ("local/../../etc/passwd", "segment '..'"),
        ("local/./a", "segment '.'"),
        ("local//a", "segment ''"),
        ("local/a/", "segment ''"),
        ("local/nul\0byte", "control character"),
        ("local/line\nbreak", "control character"),
        ("local/\udcff", "not valid Unicode"),
        ("local/" + "声" * 100, "segment of 300 bytes, at most 255"),
        ("local/" + "a/" * 600 + "a", "at most 1024"),
        (f"{TEMPORARY_FOLDER}/a", "reserved"),
    ],
)
def test_a_key_that_could_leave_the_store_is_refused(storage: FolderStorage, key: str, problem: str) -> None:
    for call in (storage.get, storage.exists, storage.delete, storage.digest, lambda key: storage.put(key, b"")):
        with pytest.raises(StorageKeyInvalid, match=problem) as caught:
            call(key)
        assert "such as 'local/runs/anna/step-100'" in str(caught.value)


@given(key=st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_an_accepted_key_stays_below_the_root(key: str) -> None:
    try:
        check_key(key)
    except StorageKeyInvalid:
        return
    assert Path(os.path.normpath(f"/stores/voices/{key}")).is_relative_to("/stores/voices")
    assert os.path.normpath(f"/stores/voices/{key}") == f"/stores/voices/{key}"


def test_an_object_cannot_be_a_folder_at_once(storage: FolderStorage) -> None:
    storage.put("local/a", b"1")
    with pytest.raises(StorageKeyInvalid, match=r"cannot be an object and a folder at once"):
        storage.put("local/a/b", b"2")
    storage.put("local/folder/x", b"1")
    with pytest.raises(StorageKeyInvalid, match=r"cannot be an object and a folder at once"):
        storage.put("local/folder", b"2")
    assert storage.get("local/a") == b"1"
    assert unfinished(storage) == []


def test_a_missing_object_is_named(storage: FolderStorage, tmp_path: Path) -> None:
    with pytest.raises(StorageNotFound, match=r"^StorageNotFound: no object .*local/none\. List the keys"):
        storage.get("local/none")
    with pytest.raises(StorageNotFound, match=r"no object .*local/none"):
        storage.get_to_file("local/none", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_missing_source_is_named(storage: FolderStorage, tmp_path: Path) -> None:
    with pytest.raises(StorageNotFound, match="to be stored as local/a, is no file"):
        storage.put("local/a", tmp_path / "nothing")


def test_a_root_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageRootInvalid, match=r"is a file. Give a folder"):
        FolderStorage(tmp_path / "file")


@pytest.mark.parametrize(("name", "after_calls"), [("write", 0), ("write", 1), ("replace", 0), ("fsync", 0)])
def test_a_full_disk_leaves_the_old_object_and_no_litter(
    storage: FolderStorage, monkeypatch: pytest.MonkeyPatch, name: str, after_calls: int
) -> None:
    storage.put("local/a", b"old")
    with no_disk_room(monkeypatch, name, after_calls), pytest.raises(StorageFull, match="Free some room") as caught:
        storage.put("local/a", b"n" * 3_000_000)
    assert "No space left on device" in str(caught.value)
    assert caught.value.exit_code == 3
    assert storage.get("local/a") == b"old"
    assert unfinished(storage) == []


def test_a_folder_without_write_permission_is_named() -> None:
    with as_ordinary_user() as folder:
        storage = FolderStorage(folder)
        storage.put("local/a", b"1")
        os.chmod(folder / "local", 0o555)
        with pytest.raises(StorageDenied, match=r"may not write .*local/b: Permission denied. Give this user"):
            storage.put("local/b", b"2")
        with pytest.raises(StorageDenied, match=r"may not delete .*local/a"):
            storage.delete("local/a")
        assert storage.get("local/a") == b"1"
        assert unfinished(storage) == []


def test_an_object_without_read_permission_is_named() -> None:
    with as_ordinary_user() as folder:
        storage = FolderStorage(folder)
        storage.put("local/a", b"1")
        os.chmod(folder / "local/a", 0)
        with pytest.raises(StorageDenied, match=r"may not read .*local/a"):
            storage.get("local/a")
        os.chmod(folder / "local", 0)
        with pytest.raises(StorageDenied, match=r"may not list .*local"):
            storage.list("local")
        with pytest.raises(StorageDenied, match=r"may not .*local/a"):
            storage.exists("local/a")


def test_a_store_that_may_only_be_read_opens_and_reads() -> None:
    with as_ordinary_user() as folder:
        FolderStorage(folder).put("local/a", b"1")
        os.chmod(folder, 0o555)
        assert FolderStorage(folder).get("local/a") == b"1"


def test_a_root_that_may_not_be_made_is_named() -> None:
    with as_ordinary_user() as folder:
        os.chmod(folder, 0o555)
        with pytest.raises(StorageDenied, match=r"may not open .*store"):
            FolderStorage(folder / "store")


def test_the_next_start_removes_abandoned_files_and_spares_those_being_written(storage: FolderStorage) -> None:
    storage.put("local/a", b"1")
    abandoned = storage.root / TEMPORARY_FOLDER / "abandoned"
    abandoned.write_bytes(b"half")
    staged = storage._stage("local/b", b"being written")
    FolderStorage(storage.root)
    assert unfinished(storage) == [staged.path]
    staged.place(storage.root / "local/b")
    assert storage.get("local/b") == b"being written"
