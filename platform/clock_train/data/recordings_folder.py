"""The files that a person brought, listed once, and what a layout makes of them."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import NoReturn

from clock_train.errors import CorpusNotFound, CorpusUnreadable

AUDIO_SUFFIXES = {
    ".wav",
    ".flac",
    ".mp3",
    ".m4a",
    ".aac",
    ".ogg",
    ".oga",
    ".opus",
    ".g722",
    ".aiff",
    ".aif",
    ".wma",
    ".mp4",
}
TABLE_SUFFIXES = (".tsv", ".csv", ".psv")
ATTRIBUTION_NAMES = ("ATTRIBUTION", "ATTRIBUTION.txt", "LICENSE", "LICENSE.txt", "COPYRIGHT", "copyright", "CREDITS")


class LayoutKind(Enum):
    """How recordings and texts lie together."""

    TAKE = "one long take"
    TEXT_PER_CLIP = "one text per clip"
    TABLE = "one table"
    NAMED_LINES = "name: text lines"
    LJSPEECH = "LJSpeech"
    VCTK = "VCTK"
    AISHELL3 = "AISHELL-3"
    LIBRITTS = "LibriTTS"


@dataclass(frozen=True, kw_only=True)
class Recording:
    """One file with one text."""

    id: str
    path: Path
    file: str
    """Relative to the recordings folder."""
    text: str = ""
    speaker: str | None = None
    language: str | None = None
    emotion: str | None = None
    reasons: tuple[str, ...] = ()
    """Codes known before the sound is opened."""


@dataclass(frozen=True, kw_only=True)
class Take:
    """Files that one sitting made, in order, and the lines that were read."""

    paths: list[Path]
    files: list[str]
    lines: list[str]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What a folder holds."""

    kind: LayoutKind
    recordings: list[Recording] = field(default_factory=list)
    takes: list[Take] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What was left aside and why, for people."""
    attribution: str = ""

    @property
    def has_speakers(self) -> bool:
        """Whether the layout itself names the speakers."""
        return any(recording.speaker for recording in self.recordings)


class RecordingsFolder:
    """The files below a folder, listed once and found again by the names that transcripts use."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.audio: list[Path] = []
        self.others: list[Path] = []
        if not root.is_dir():
            raise CorpusNotFound(f'"{root}" is not there. Give the folder with the recordings')
        for folder, folders, names in os.walk(root, onerror=refuse):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(name for name in names if not name.startswith(".")):
                path = Path(folder) / name
                (self.audio if path.suffix.lower() in AUDIO_SUFFIXES else self.others).append(path)
        if not self.audio:
            raise CorpusNotFound(
                f'"{root}" holds no recording ({len(self.others)} other files). '
                f"Put sound files there: {', '.join(sorted(AUDIO_SUFFIXES))}"
            )
        self._by_name: dict[str, Path] = {}
        stems = Counter(path.stem for path in self.audio)
        for path in self.audio:
            relative = path.relative_to(root)
            self._by_name[str(relative.with_suffix(""))] = path
            self._by_name[str(relative)] = path
            for name in (path.stem, path.name):
                if stems[path.stem] == 1:
                    self._by_name.setdefault(name, path)

    def file(self, path: Path) -> str:
        """The path as the manifest names it."""
        return str(path.relative_to(self.root))

    def find(self, name: str) -> Path | None:
        """The recording that a transcript calls by this name."""
        clean = name.strip().removeprefix("./")
        without = str(Path(clean).with_suffix("")) if Path(clean).suffix.lower() in AUDIO_SUFFIXES else clean
        for each in (clean, without, Path(clean).name, Path(without).name):
            if each in self._by_name:
                return self._by_name[each]
        return None

    def texts(self) -> list[Path]:
        """Text files in the folder itself, not deeper, that may be a transcript of the whole."""
        return [
            path
            for path in self.others
            if path.parent == self.root
            and path.name not in ATTRIBUTION_NAMES
            and path.name.lower().removesuffix(".gz").endswith((".txt", *TABLE_SUFFIXES))
            and not path.name.lower().startswith(("readme", "licen", "copying"))
        ]


def refuse(error: OSError) -> NoReturn:
    """Say which folder or file the operating system refuses, and what to do."""
    raise CorpusUnreadable(
        f'"{error.filename}" cannot be read ({error.strerror}). Give the account read and execute permission on it'
    ) from error


def with_ids(drafts: Iterable[Recording]) -> list[Recording]:
    """The same recordings, each with an id of its own."""
    taken: set[str] = set()
    done = []
    for draft in drafts:
        name = clip_id(draft.file)
        number = 2
        unique = name
        while unique in taken:
            unique, number = f"{name}-{number}", number + 1
        taken.add(unique)
        done.append(replace(draft, id=unique))
    return done


def clip_id(file: str) -> str:
    """A name that is safe as a file name on any system, from a relative path."""
    stem = file[: -len(Path(file).suffix)] if Path(file).suffix.lower() in AUDIO_SUFFIXES else file
    return re.sub(r"[^\w.-]+", "-", stem, flags=re.UNICODE).strip("-.")[:120] or "clip"
