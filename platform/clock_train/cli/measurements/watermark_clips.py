"""Clips of 5 to 15 s for measuring marks: prompts of the sample voices joined, as many as the cached samples give."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from clock_train.audio.reading import read_waveform
from clock_train.data.sample import SAMPLES, cache_folder
from clock_train.errors import SampleUnavailable

RATE_HZ = 16_000
PAUSE_SECONDS = 0.1
SHORTEST_SECONDS, LONGEST_SECONDS = 5.0, 15.0
SUFFIXES = (".g722", ".wav", ".flac")


def clips(count: int, *, seed: int = 0) -> list[tuple[str, np.ndarray]]:
    """(language, (T,) float32 at 16 kHz) of ``count`` clips, the languages in turn.

    Raises:
        SampleUnavailable: too few samples are cached for so many clips.
    """
    languages = [language for language in SAMPLES if (cache_folder() / language).is_dir()]
    sources = {language: _joined(cache_folder() / language, seed) for language in languages}
    found: list[tuple[str, np.ndarray]] = []
    while len(found) < count and sources:
        for language in list(sources):
            clip = next(sources[language], None)
            if clip is None:
                del sources[language]
            elif len(found) < count:
                found.append((language, clip))
    if len(found) < count:
        raise SampleUnavailable(
            f"the cached samples give {len(found)} clips, {count} were asked for. Fetch more voices with "
            '"clocktrain corpus sample --language it --out FOLDER", or ask for fewer with --clips'
        )
    return found


def _joined(folder: Path, seed: int) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(seed)
    paths = sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES)
    pause = np.zeros(round(PAUSE_SECONDS * RATE_HZ), dtype=np.float32)
    wanted, pieces, length = rng.uniform(SHORTEST_SECONDS, LONGEST_SECONDS), list[np.ndarray](), 0
    for n in rng.permutation(len(paths)):
        waveform = read_waveform(paths[n])
        pieces += [waveform, pause]
        length += len(waveform) + len(pause)
        if length >= wanted * RATE_HZ:
            yield np.concatenate(pieces)[: round(LONGEST_SECONDS * RATE_HZ)]
            wanted, pieces, length = rng.uniform(SHORTEST_SECONDS, LONGEST_SECONDS), [], 0
