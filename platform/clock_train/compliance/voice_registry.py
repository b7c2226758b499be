"""Prints of voices that are somebody's: a corpus of another name whose print is alike is of that person.

A folder with a file a voice: ``NAME.json`` with the mean d-vector of its clips, sealed by a key of the installation.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clock_train.compliance.sealing import PrintKeys, add_key, keep_newest, print_keys
from clock_train.errors import VoiceRegistryInvalid

JUDGE = "resemblyzer-0.1"
LEAST_ALIKE = 0.82
"""Cosine of two prints, each of 24 clips and more, from which on they are of one person; see the trial."""
SIZE = 256
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True, kw_only=True)
class RegisteredVoice:
    """Whose print it is."""

    speaker: str
    """Pseudonym."""
    vector: np.ndarray
    """(256,) float32 of unit length."""


def print_of(vectors: np.ndarray) -> np.ndarray:
    """(256,) float32 of unit length from (N, 256) d-vectors of one speaker's clips."""
    mean = vectors.mean(axis=0)
    return (mean / np.linalg.norm(mean)).astype(np.float32)


def register(folder: Path, speaker: str, vector: np.ndarray, keys: PrintKeys) -> Path:
    """Keep a speaker's print; one of the same name is replaced.

    Raises:
        VoiceRegistryInvalid: a name that cannot be a file's, or a folder that cannot be written.
    """
    if not _NAME.fullmatch(speaker):
        raise VoiceRegistryInvalid(f"{speaker[:80]!r} cannot name a print; use letters, digits, dots and dashes")
    path = folder / f"{speaker}.json"
    temporary = folder / f".{speaker}-{os.getpid()}"
    sealed = keys.seal(vector.astype("<f4").tobytes(), _bound_to(speaker))
    values = {"speaker": speaker, "judge": JUDGE, **sealed}
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(values, file)
        os.replace(temporary, path)
    except OSError as error:
        raise VoiceRegistryInvalid(f'"{folder}" cannot hold a print ({error.strerror}); name another folder') from error
    return path


def registered(folder: Path, key_folder: Path) -> list[RegisteredVoice]:
    """Every print of a folder; none where there is no folder.

    Args:
        folder: of prints.
        key_folder: of the keys (`sealing.print_keys`).
    Raises:
        VoiceRegistryInvalid: one cannot be read, is none, or another judge's.
    """
    paths = sorted(folder.glob("*.json"))
    keys = print_keys(key_folder) if paths else PrintKeys([])
    return [_read(path, keys) for path in paths]


def reseal(folder: Path, key_folder: Path) -> int:
    """Seal every print with a fresh key, forget the older ones; how many there are. Cut off, it can be done again.

    Args:
        folder: of prints; those of before there were keys are sealed as well.
        key_folder: of the keys (`sealing.print_keys`).
    Raises:
        VoiceRegistryInvalid: a print cannot be read; the older keys stay then.
    """
    keys = add_key(key_folder)
    paths = sorted(folder.glob("*.json"))
    for path in paths:
        voice = _read(path, keys, may_be_plain=True)
        register(folder, voice.speaker, voice.vector, keys)
    keep_newest(key_folder)
    return len(paths)


def alike(vector: np.ndarray, voices: Sequence[RegisteredVoice], *, but: str) -> list[tuple[RegisteredVoice, float]]:
    """Registered voices of other names that this print is of, the likeliest first.

    Args:
        vector: of a corpus' speaker.
        voices: that are registered.
        but: the speaker's own name.
    """
    found = [(voice, float(voice.vector @ vector)) for voice in voices if voice.speaker != but]
    return sorted((one for one in found if one[1] >= LEAST_ALIKE), key=lambda one: -one[1])


def _bound_to(speaker: str) -> str:
    return f"{JUDGE}/{speaker}"


def _read(path: Path, keys: PrintKeys, *, may_be_plain: bool = False) -> RegisteredVoice:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values["judge"] != JUDGE:
            raise ValueError(f"made by {values['judge']}, not {JUDGE}")
        if "vector" in values:
            if not may_be_plain:
                raise ValueError('not encrypted; "clocktrain compliance rekey" encrypts it')
            vector = np.asarray(values["vector"], dtype=np.float32)
        else:
            vector = np.frombuffer(keys.open(values, _bound_to(values["speaker"])), dtype="<f4").astype(np.float32)
        if values["speaker"] != path.stem:
            raise ValueError(f"of {str(values['speaker'])[:80]!r}, by its content")
        if vector.shape != (SIZE,) or not np.isfinite(vector).all() or not 0.9 < np.linalg.norm(vector) < 1.1:
            raise ValueError("no print of 256 numbers")
        return RegisteredVoice(speaker=str(values["speaker"]), vector=vector)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise VoiceRegistryInvalid(
            f'the print "{path}" cannot be read ({error}); register the voice again, or remove the file'
        ) from error
