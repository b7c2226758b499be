"""What a teacher spoke for its student, on disk: bounded, reused after an interruption, and of one teacher only.

A folder of chunks, each whole or not there. Its name is a digest of all that decides the samples; folders of other
teachers or settings in the same place are removed before anything is written.
"""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch
import torch

from clock_train.errors import TeachingCacheFull
from clock_train.orchestration.teaching_text import TeachingText
from clock_train.training.teacher_speech import Spoken

CHUNK = 32
"""Texts spoken before they are written: what an interruption costs."""
Speak = Callable[[int, Sequence[TeachingText]], list[Spoken]]
"""Number of the chunk and its texts to what the teacher made of them."""


@dataclass(frozen=True)
class TeachingCache:
    """Chunks of one teacher below a folder."""

    folder: Path
    key: str
    cache_mib: int

    @classmethod
    def of(cls, folder: Path, facts: object, *, cache_mib: int) -> TeachingCache:
        """The cache of what ``facts`` describe: teacher, texts, seed and noise."""
        key = hashlib.sha256(json.dumps(facts, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]
        return cls(folder, key, cache_mib)

    def spoken(
        self,
        texts: Sequence[TeachingText],
        speak: Speak,
        *,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> list[Spoken]:
        """What the teacher made of the texts, from disk where it is there; fewer than asked where the room ends.

        Raises:
            TeachingCacheFull: the disk is full, or the cache holds not even the first chunk.
        """
        for other in self.folder.glob("*"):
            if other.is_dir() and other.name != self.key:
                shutil.rmtree(other, ignore_errors=True)
        found: list[Spoken] = []
        room = self.cache_mib << 20
        for number, start in enumerate(range(0, len(texts), CHUNK)):
            progress(start, len(texts))
            path = self.folder / self.key / f"chunk-{number:05d}.safetensors"
            part = _read(path)
            if part is None:
                part = speak(number, texts[start : start + CHUNK])
                content = _content(part)
                if len(content) <= room:
                    self._write(path, content)
            size = path.stat().st_size if path.exists() else room + 1
            if size > room:
                break
            room -= size
            found += part
        progress(len(texts), len(texts))
        if not found:
            raise TeachingCacheFull(
                f"distillation.cache_mib is {self.cache_mib}, in which not even {min(CHUNK, len(texts))} sentences of "
                "the teacher have room; give more, such as 512"
            )
        return found

    def _write(self, path: Path, content: bytes) -> None:
        partial = path.with_suffix(".partial")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(content)
            partial.replace(path)
        except OSError as error:
            partial.unlink(missing_ok=True)
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            raise TeachingCacheFull(
                f'no room left while the teacher\'s sentences were written to "{self.folder}"; free some, lower '
                "distillation.sentences (a thousand need about 100 MB), and start it again: it goes on"
            ) from error


def _content(spoken: Sequence[Spoken]) -> bytes:
    tensors = {
        "samples": np.concatenate([each.samples for each in spoken]),
        "sample_counts": np.array([len(each.samples) for each in spoken]),
        "durations": np.concatenate([each.durations for each in spoken]),
        "phone_counts": np.array([len(each.durations) for each in spoken]),
    }
    return safetensors.torch.save({name: torch.from_numpy(values) for name, values in tensors.items()})


def _read(path: Path) -> list[Spoken] | None:
    """A chunk; None where there is none, or a damaged one, which is spoken again."""
    try:
        found = {name: tensor.numpy() for name, tensor in safetensors.torch.load(path.read_bytes()).items()}
        samples = np.split(found["samples"], np.cumsum(found["sample_counts"])[:-1])
        durations = np.split(found["durations"], np.cumsum(found["phone_counts"])[:-1])
        return [Spoken(*pair) for pair in zip(samples, durations, strict=True)]
    except (OSError, KeyError, ValueError, safetensors.SafetensorError):
        return None
