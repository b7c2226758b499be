"""A packed corpus and its file: flat arrays in ``.npz``, strings as escaped bytes, so that nothing needs unpickling."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from clock_train.errors import CorpusDamaged

_LISTS = ("speakers", "clip_ids", "texts", "languages", "styles", "emotions")


@dataclass(frozen=True)
class PackedCorpus:
    """Clips as flat arrays; clip ``i`` owns ``[offset[i], offset[i + 1])``.

    ``samples`` (N,) int16; ``tokens`` (3, P) int64 of phone, tone and language ids; ``speed_percent`` is what
    augmentation did to a copy, 0 for the recording itself.
    """

    sample_rate_hz: int
    inventory_id: str
    speakers: list[str]
    clip_ids: list[str]
    texts: list[str]
    languages: list[str]
    styles: list[str]
    emotions: list[str]
    samples: np.ndarray
    sample_offsets: np.ndarray
    tokens: np.ndarray
    token_offsets: np.ndarray
    speaker_of: np.ndarray
    split_of: np.ndarray
    speed_percent: np.ndarray

    def __len__(self) -> int:
        return len(self.clip_ids)

    def pcm(self, i: int) -> np.ndarray:
        """(T,) int16."""
        return self.samples[self.sample_offsets[i] : self.sample_offsets[i + 1]]

    def waveform(self, i: int) -> np.ndarray:
        """(T,) float32 in [-1, 1]."""
        return self.pcm(i).astype(np.float32) / 32768.0

    def ids(self, i: int) -> np.ndarray:
        """(3, L) int64."""
        return self.tokens[:, self.token_offsets[i] : self.token_offsets[i + 1]]

    def seconds(self) -> np.ndarray:
        """Length of each clip."""
        return np.diff(self.sample_offsets) / self.sample_rate_hz

    def public_id(self, i: int) -> str:
        """What a clip is called outside the corpus."""
        return public_id(self.clip_ids[i])

    def of_split(self, split: int) -> list[int]:
        """Indices of the clips of one split; augmented copies are only ever in ``TRAIN``."""
        return [int(i) for i in np.flatnonzero(self.split_of == split)]


def offsets(lengths: Sequence[int]) -> np.ndarray:
    """Where each of so many pieces begins, and where the last one ends; (pieces + 1,) int64."""
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def public_id(clip_id: str) -> str:
    """A clip's id outside its corpus: its own comes from a file's name, which may be a person's."""
    return f"clip-{hashlib.sha256(clip_id.encode()).hexdigest()[:12]}"


def save_packed(packed: PackedCorpus, path: Path) -> None:
    """Write as ``.npz``."""
    arrays = {name: value for name, value in vars(packed).items() if isinstance(value, np.ndarray)}
    strings = {f"text_{name}": _to_bytes(getattr(packed, name)) for name in _LISTS}
    scalars = {
        "sample_rate_hz": np.array(packed.sample_rate_hz),
        "inventory_id": np.frombuffer(packed.inventory_id.encode(), dtype=np.uint8),
    }
    with path.open("wb") as file:
        np.savez(file, **arrays, **strings, **scalars)


def load_packed(path: Path) -> PackedCorpus:
    """Read what ``save_packed`` wrote.

    Raises:
        CorpusDamaged: the file was cut off, or is no packed corpus.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            held = {field.name for field in fields(PackedCorpus)} - {*_LISTS, "sample_rate_hz", "inventory_id"}
            return PackedCorpus(
                sample_rate_hz=int(file["sample_rate_hz"]),
                inventory_id=file["inventory_id"].tobytes().decode(),
                **{name: _from_bytes(file[f"text_{name}"]) for name in _LISTS},
                **{name: file[name] for name in held},
            )
    except (BadZipFile, EOFError, KeyError, TypeError, ValueError) as error:
        raise CorpusDamaged(
            f'"{path}" is not a whole packed corpus ({error}). Delete it: it is made again from the corpus'
        ) from error


def packed_speakers(path: Path) -> list[str]:
    """Whose recordings a packed corpus holds; none where the file is none, or cannot be read."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return _from_bytes(file["text_speakers"])
    except (OSError, ValueError, KeyError, BadZipFile):
        return []


def _to_bytes(texts: list[str]) -> np.ndarray:
    return np.frombuffer("\n".join(text.encode("unicode_escape").decode() for text in texts).encode(), dtype=np.uint8)


def _from_bytes(data: np.ndarray) -> list[str]:
    return [line.encode("ascii").decode("unicode_escape") for line in data.tobytes().decode("ascii").split("\n")]
