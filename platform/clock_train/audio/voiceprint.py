"""A speaker's voiceprint from one recording, without any trained network.

Long-term statistics of MFCCs (mean, deviation, movement), standardised by those of five voices in five languages and
turned into 256 numbers by a fixed orthonormal projection. It separates voices well enough to start a stored speaker
vector from; the trained speaker encoder of a base replaces it where there is one (figures: ``docs/api.md``).
Source: long-term average statistics as in Reynolds, Speaker Identification (1995).
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np

from clock_train.audio.activity import speech_segments
from clock_train.audio.mfcc import mfcc
from clock_train.audio.reading import read_blocks
from clock_train.errors import AudioEmpty

EMBEDDING_SIZE = 256
SAMPLE_RATE_HZ = 16_000
LEAST_SPEECH_SECONDS = 1.0
"""Below this the statistics are those of a word, not of a voice."""


def voiceprint(path: str | Path) -> np.ndarray:
    """The voiceprint of a recording of any length; (256,) float32 of unit length.

    Raises:
        AudioError: the file cannot be read.
        AudioEmpty: less than a second of speech in it.
    """
    frames = [
        mfcc(block[int(start * SAMPLE_RATE_HZ) : int(end * SAMPLE_RATE_HZ)])
        for block in read_blocks(path, sample_rate_hz=SAMPLE_RATE_HZ)
        for start, end in speech_segments(block, SAMPLE_RATE_HZ)
        if end - start >= 0.2
    ]
    coefficients = np.concatenate(frames, axis=1) if frames else np.zeros((40, 0), dtype=np.float32)
    seconds = coefficients.shape[1] * 256 / SAMPLE_RATE_HZ
    if seconds < LEAST_SPEECH_SECONDS:
        raise AudioEmpty(
            f'"{path}" holds {seconds:.1f} s of speech; a voiceprint needs at least {LEAST_SPEECH_SECONDS:g} s: '
            "give a longer recording"
        )
    return embed(long_term_statistics(coefficients))


def long_term_statistics(mfcc_KT: np.ndarray) -> np.ndarray:
    """(117,) of mean, deviation and mean absolute movement of MFCCs 1 to 39; level (MFCC 0) has no say."""
    shape = mfcc_KT[1:]
    movement = np.abs(np.diff(shape, axis=1)).mean(1)
    return np.concatenate([shape.mean(1), shape.std(1), movement]).astype(np.float64)


def embed(statistics: np.ndarray) -> np.ndarray:
    """(256,) float32 of unit length from ``long_term_statistics``."""
    centre, spread, projection = _reference()
    vector = projection @ np.clip((statistics - centre) / spread, -4.0, 4.0)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


@cache
def _reference() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    values = json.loads(files("clock_train.audio").joinpath("data/voiceprint.json").read_text())
    centre, spread = np.array(values["centre"]), np.array(values["spread"])
    # orthonormal columns: distances survive; the seed is part of what an embedding means
    basis, _ = np.linalg.qr(np.random.default_rng(20_250_923).standard_normal((EMBEDDING_SIZE, len(centre))))
    return centre, spread, basis
