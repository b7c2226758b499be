"""Removing one item of a receipt, and looking whether it is left: both may be done again at any time."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from clock_train.audio.writing import write_atomically
from clock_train.erasure.belonging import is_line_of
from clock_train.erasure.receipt import ENTRY, FILE, LINES, MODEL, OBJECT, RUN, Item
from clock_train.errors import StorageDenied
from clock_train.serving.serving_table import ServingTable, locked_table, read_table, write_table
from clock_train.storage.commits import StoredObject
from clock_train.storage.opening import Storage, open_storage


class Remover:
    """Opens each place once.

    Args:
        stores: by place, those that are open already.
    """

    def __init__(self, stores: Mapping[str, Storage] | None = None) -> None:
        self._stores: dict[str, Storage] = dict(stores or {})
        self._listed: dict[tuple[str, str], set[str]] = {}

    def remove(self, item: Item) -> None:
        """Take one item away; what is gone is no error.

        Raises:
            StorageError, TrackingError, ServingTableInvalid: its place is away, or refuses.
        """
        if item.kind == OBJECT:
            storage = self._store(item.place)
            if storage is not None:
                storage.erase(item.key)
        elif item.kind == ENTRY:
            _unserve(Path(item.place), item.key)
        elif item.kind == RUN:
            from clock_train.tracking.mlflow_erasing import erase_run

            erase_run(item.place, item.key)
        elif item.kind == MODEL:
            from clock_train.tracking.mlflow_erasing import erase_model

            erase_model(item.place, item.key)
        else:
            with _denials(item):
                _remove_file(item) if item.kind == FILE else _remove_lines(item)

    def is_left(self, item: Item) -> bool:
        """Whether anything of an item is there, older versions in a bucket as well.

        Raises:
            StorageError, TrackingError, ServingTableInvalid: its place is away, so nobody knows.
        """
        path = Path(item.place) / item.key
        if item.kind == OBJECT:
            return item.key in self._keys_beside(item)
        if item.kind == FILE:
            return os.path.lexists(path)
        if item.kind == LINES:
            return path.is_file() and any(
                is_line_of(path.name, line, item.words) for line in path.read_bytes().splitlines()
            )
        if item.kind == ENTRY:
            return item.key in read_table(Path(item.place)).voices
        from clock_train.tracking.mlflow_erasing import is_model_left, is_run_left

        return (is_run_left if item.kind == RUN else is_model_left)(item.place, item.key)

    def forget_listings(self) -> None:
        """Look anew at the next question."""
        self._listed.clear()

    def _store(self, place: str) -> Storage | None:
        if place not in self._stores:
            if "://" not in place and not Path(place).is_dir():
                return None  # opening it would make it again
            self._stores[place] = open_storage(place)
        return self._stores[place]

    def _keys_beside(self, item: Item) -> set[str]:
        folder = item.key.rpartition("/")[0]
        if (item.place, folder) not in self._listed:
            storage = self._store(item.place)
            listed: list[StoredObject] = [] if storage is None else storage.history(folder)
            self._listed[item.place, folder] = {each.key for each in listed}
        return self._listed[item.place, folder]


def _remove_file(item: Item) -> None:
    place = Path(item.place)
    path = place / item.key
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    folder = path.parent
    while folder != place and place in folder.parents:
        try:
            os.rmdir(folder)
        except FileNotFoundError:
            pass
        except OSError:
            return  # not empty
        folder = folder.parent


def _remove_lines(item: Item) -> None:
    path = Path(item.place) / item.key
    if not path.is_file():
        return
    lines = path.read_bytes().splitlines(keepends=True)
    kept = b"".join(line for line in lines if not is_line_of(path.name, line, item.words))
    write_atomically(path, lambda stream: stream.write(kept))


def _unserve(table: Path, voice: str) -> None:
    if not table.exists():
        return
    with locked_table(table) as read:
        if voice in read.voices:
            write_table(table, ServingTable({name: value for name, value in read.voices.items() if name != voice}))


@contextlib.contextmanager
def _denials(item: Item):
    try:
        yield
    except OSError as error:
        raise StorageDenied(
            f'"{item.place}/{item.key}" cannot be erased ({error.strerror}); give this user the permission, then run '
            "again"
        ) from error
