"""What folders of this machine have of a voice or speaker: outputs of trainings, voices, served copies, corpora,
recordings, stores, DVC caches, trackers, serving tables, and lines of logs.

Only what says whose it is, by a file beside it, is found; a folder is never taken for its name. Links are not followed.
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clock_train.bundle.card import CARD, file_digest
from clock_train.consent.record import record_paths
from clock_train.data.manifest import MANIFEST_NAME, REPORT_NAME
from clock_train.data.packed_file import packed_speakers
from clock_train.data.small_corpus import PARCEL
from clock_train.erasure.belonging import Found, Subject, is_named, parsed, speakers_of
from clock_train.erasure.in_store import base_of, digest_of_card, find_in_store, find_revisions
from clock_train.erasure.receipt import FILE, LINES, RECORDINGS, VOICE, Item, Kept
from clock_train.serving.serving_table import TABLE
from clock_train.storage.folder import FolderStorage

MADE = (
    "packed-*", "lessons-*", "history-*.jsonl", "run-*.json", "params.yaml", "place.json", "metrics.json",
    "report.json", "evaluation.json", "report.html", "comparison.*", "compliance-*.html", "compliance-*.json", "*.log",
)  # fmt: skip
"""Files that a training leaves in its output folder, beside voices and the tracker, which are looked at themselves."""
MADE_FOLDERS = ("teaching", "tracking", "logs", "evaluation", "speech", "held-out", "mailbox", PARCEL)
LOGS = ("*.log", "*.log.*")
LONGEST_LOG_BYTES = 256 << 20
STORE_PARTS = ("runs", "bundles", "corpora")


@dataclass
class Places:
    """What a walk came upon and others look into."""

    trackers: set[str] = field(default_factory=set)
    tables: set[Path] = field(default_factory=set)
    locks: set[Path] = field(default_factory=set)
    """Output folders of the subject: nobody may be training into them."""


def find_in_folders(
    folders: Iterable[Path], recordings: Iterable[Path], namespace: str, subject: Subject
) -> tuple[Found, Places]:
    """Look through folders.

    Args:
        folders: looked through to the bottom.
        recordings: folders that are the speaker's own, whatever is in them.
        namespace: of stores among them.
        subject: who or what.
    Raises:
        OSError, StorageError: something cannot be read; what it is is not known then.
    """
    found, places = Found(), Places()
    for root in folders:
        _Walk(root.absolute(), namespace, subject, found, places).walk()
    for root in recordings:
        found.items += _file_items(root.absolute(), _below(root.absolute()), f"recordings of {subject.name}")
    found.items = list({item.address: item for item in found.items}.values())
    return found, places


class _Walk:
    def __init__(self, root: Path, namespace: str, subject: Subject, found: Found, places: Places) -> None:
        self._root, self._namespace, self._subject = root, namespace, subject
        self._found, self._places = found, places
        self._going: set[Path] = set()
        self._logs: list[Path] = []

    def walk(self) -> None:
        for name, folders, files in os.walk(self._root, onerror=_refuse):
            folder = Path(name)
            folders[:] = sorted(each for each in folders if not (folder / each).is_symlink() and each != ".git")
            if self._is_store(folder):
                self._store(folder)
                folders.clear()
                continue
            if (folder / "files" / "md5").is_dir():
                self._cache(folder)
                folders.remove("files")
            self._look(folder, files)
            if self._subject.scope == RECORDINGS:
                continue  # who spoke is told of voices, which stay
            self._logs += [folder / each for each in files if any(fnmatch.fnmatch(each, p) for p in LOGS)]
        for log in self._logs:
            if log not in self._going:
                self._log(log)

    def _look(self, folder: Path, files: list[str]) -> None:
        runs = [folder / each for each in files if re.fullmatch(r"run-[^/]+\.json", each)]
        if runs:
            self._outputs(folder, files, {path: parsed(path.read_bytes()) for path in runs})
        if self._subject.has_recordings:
            packed = [folder / each for each in files if fnmatch.fnmatch(each, "packed-*.npz")]
            for path in packed:
                if self._subject.name in packed_speakers(path):
                    self._places.locks.add(folder)
                    made = [path, path.with_suffix(".json"), *_below(folder / PARCEL)]
                    self._take(made, f"packed recordings of {self._subject.name}")
        if CARD in files:
            self._voice(folder)
        if MANIFEST_NAME in files:
            self._corpus(folder, files)
        elif self._subject.has_recordings:
            self._recordings(folder)
        if TABLE in files:
            self._places.tables.add(folder / TABLE)
        if "mlflow.db" in files:
            self._places.trackers.add(f"sqlite:///{folder / 'mlflow.db'}")

    def _outputs(self, folder: Path, files: list[str], runs: dict[Path, dict[str, Any]]) -> None:
        theirs = {path: facts for path, facts in runs.items() if self._subject.owns_facts(facts)}
        if not theirs:
            return
        self._places.locks.add(folder)
        uids = {str(facts.get("uid")) for facts in theirs.values()}
        self._found.uids |= uids
        if len(theirs) == len(runs):
            made = [folder / each for each in files if any(fnmatch.fnmatch(each, pattern) for pattern in MADE)]
            made += [path for name in MADE_FOLDERS for path in _below(folder / name)]
        else:
            others = {facts.get("packed_path") for path, facts in runs.items() if path not in theirs}
            made = [*theirs, *(folder / f"history-{uid}.jsonl" for uid in uids)]
            made += [path for uid in uids for path in _below(folder / "tracking" / uid)]
            for facts in theirs.values():
                packed = Path(str(facts.get("packed_path")))
                if str(packed) not in others:
                    made += [packed, packed.with_suffix(".json")]
        self._take(made, f"training of {self._subject.name}")

    def _voice(self, folder: Path) -> None:
        content = (folder / CARD).read_bytes()
        card = parsed(content)
        if self._subject.owns_card(card):
            self._found.voices.add(str(card.get("name")))
            self._take(_below(folder), f"voice {card.get('name')}")
            model = folder.parent.parent
            if folder.name == "bundle" and (model / "config.pbtxt").is_file():  # a copy in Triton's model repository
                self._take(_below(model), f"served copy of {card.get('name')}")
            beside = folder.parent / f".{folder.name}.brought"
            self._take([beside], f"voice {card.get('name')}")
        elif self._subject.is_in_base(card):
            self._found.bases.append(base_of(card, digest_of_card(content), str(folder)))
        elif card:
            self._found.cards.append((card, str(folder)))

    def _corpus(self, folder: Path, files: list[str]) -> None:
        name = self._subject.name
        speakers = speakers_of((folder / MANIFEST_NAME).read_bytes())
        if self._subject.scope == VOICE:
            self._found.kept.append(Kept(what=str(folder), why="a corpus: a voice's erasure never takes one"))
        if not self._subject.has_recordings or name not in speakers:
            return
        pointer = folder.parent / f"{folder.name}.dvc"
        if set(speakers) == {name}:
            self._take([*_below(folder), pointer, folder.parent / f"{folder.name}.key"], f"corpus of {name}")
            return
        clips = [folder / path for path in speakers[name] if path and _is_plain(path)]
        consents = [path for path in record_paths(folder) if parsed(path.read_bytes()).get("speakerId") == name]
        self._take([*clips, *consents, pointer, folder / REPORT_NAME], f"{name}'s part of a corpus")
        self._lines(folder / MANIFEST_NAME, f"{name}'s lines of a corpus")
        why = f"clips of other speakers ({', '.join(sorted(set(speakers) - {name}))}); push the corpus again"
        self._found.kept.append(Kept(what=str(folder), why=why))

    def _recordings(self, folder: Path) -> None:
        records = record_paths(folder)
        speakers = {str(parsed(path.read_bytes()).get("speakerId")) for path in records}
        if speakers == {self._subject.name}:
            self._take(_below(folder), f"recordings of {self._subject.name}")
        elif self._subject.name in speakers:
            why = "recordings of several speakers: name those of this one with --recordings"
            self._found.kept.append(Kept(what=str(folder), why=why))

    def _log(self, path: Path) -> None:
        if not path.is_file() or path.is_symlink() or path.stat().st_size > LONGEST_LOG_BYTES:
            return
        if is_named(path.read_text(encoding="utf-8", errors="replace"), self._subject.name):
            self._lines(path, f"lines of a log that name {self._subject.name}")

    def _lines(self, path: Path, what: str) -> None:
        self._found.items.append(
            Item(
                kind=LINES,
                place=str(self._root),
                key=path.relative_to(self._root).as_posix(),
                bytes=path.stat().st_size,
                sha256=file_digest(path),
                what=what,
                words=(self._subject.name,),
            )
        )

    def _take(self, paths: Iterable[Path], what: str) -> None:
        fresh = [path for path in paths if path not in self._going]
        self._going |= set(fresh)
        self._found.items += _file_items(self._root, fresh, what)

    def _is_store(self, folder: Path) -> bool:
        return any((folder / self._namespace / part).is_dir() for part in STORE_PARTS)

    def _store(self, folder: Path) -> None:
        storage = FolderStorage(folder)
        self._found.add(find_in_store(storage, str(folder), self._namespace, self._subject, uids=set(self._found.uids)))

    def _cache(self, folder: Path) -> None:
        storage = FolderStorage(folder)
        listed = storage.list("files")
        self._found.add(find_revisions(storage, str(folder), "", listed, self._subject, ""))


def _file_items(root: Path, paths: Iterable[Path], what: str) -> list[Item]:
    items = []
    for path in paths:
        if not os.path.lexists(path):
            continue
        # what lies elsewhere, as a packed corpus may, has its own folder for a place
        place = root if path.is_relative_to(root) else path.parent
        is_plain = path.is_file() and not path.is_symlink()
        items.append(
            Item(
                kind=FILE,
                place=str(place),
                key=path.relative_to(place).as_posix(),
                bytes=path.lstat().st_size,
                sha256=file_digest(path) if is_plain else None,
                what=what,
            )
        )
    return items


def _refuse(error: OSError) -> None:
    raise error


def _below(folder: Path) -> Iterator[Path]:
    for name, _, files in os.walk(folder):
        yield from (Path(name) / each for each in sorted(files))


def _is_plain(path: str) -> bool:
    return not path.startswith("/") and ".." not in path.split("/")
