"""Writes ``audio/data/voiceprint.json``: centre and spread of the long-term statistics of the five sample voices.

Run it only to change what a voiceprint means: ``python pipelines/voiceprint_reference.py``. It also prints how well
voiceprints tell the five voices apart on clips that the statistics were not taken from.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from clock_train.audio import voiceprint
from clock_train.audio.mfcc import mfcc
from clock_train.audio.reading import read_waveform
from clock_train.data.sample import fetch_sample

LANGUAGES = ("en", "es", "fr", "it", "ru")
TAKES = 40
"""Statistics of a voice are taken over stretches of about ten seconds, as a user's recording would give them."""
TARGET = Path(voiceprint.__file__).parent / "data" / "voiceprint.json"


def main() -> None:
    """Measure, write, and say how well it works."""
    voices = {language: _stretches(fetch_sample(language)) for language in LANGUAGES}
    known = np.concatenate([rows[::2] for rows in voices.values()])
    # every voice counts alike; the spread is that between stretches of all of them
    values = {"centre": np.round(known.mean(0), 4).tolist(), "spread": np.round(known.std(0) + 1e-3, 4).tolist()}
    TARGET.write_text(json.dumps(values) + "\n")
    voiceprint._reference.cache_clear()
    prints = {name: np.stack([voiceprint.embed(row) for row in rows[1::2]]) for name, rows in voices.items()}
    for a in LANGUAGES:
        row = [f"{_mean_cosine(prints[a], prints[b], same=a == b):6.2f}" for b in LANGUAGES]
        print(a, *row)


def _stretches(folder: Path) -> np.ndarray:
    # one prompt of the Russian package is an empty file
    paths = sorted(path for path in folder.rglob("*.g722") if path.stat().st_size)
    rows, waiting = [], []
    for path in paths:
        waiting.append(mfcc(read_waveform(path)))
        if sum(part.shape[1] for part in waiting) >= 10 * 16_000 // 256:
            rows.append(voiceprint.long_term_statistics(np.concatenate(waiting, axis=1)))
            waiting = []
    return np.stack(rows[:TAKES])


def _mean_cosine(a: np.ndarray, b: np.ndarray, *, same: bool) -> float:
    cosines = a @ b.T
    return float(cosines[~np.eye(len(a), dtype=bool)].mean() if same else cosines.mean())


if __name__ == "__main__":
    main()
