"""Speech-sized signals and corpora made from a seed, where real recordings are not to be had or do not matter.

Their content is no speech; lengths, phones a second and levels are those of the sample recordings, and the cost of
training depends on nothing else.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from clock_train.audio.writing import write_wav
from clock_train.data.packing import PackedCorpus
from clock_train.data.splits import TRAIN, VALIDATION
from clock_train.text.inventory import INVENTORY_ID, PHONES

RATE_HZ = 16_000
MEAN_SECONDS, SHORTEST_SECONDS, LONGEST_SECONDS = 2.7, 0.8, 9.0
"""Of the English sample: 568 clips in 25.5 minutes."""
PHONES_PER_SECOND = 12.0


def speechlike(seconds: float, seed: int) -> np.ndarray:
    """(T,) float32 at 16 kHz: a gliding harmonic tone in syllables of a quarter second, over faint noise."""
    rng = np.random.default_rng(seed)
    count = int(seconds * RATE_HZ)
    time_s = np.arange(count) / RATE_HZ
    pitch_hz = 180.0 * 2 ** (0.3 * np.sin(2 * np.pi * (0.4 + 0.1 * rng.random()) * time_s + rng.random() * 6))
    phase = 2 * np.pi * np.cumsum(pitch_hz) / RATE_HZ
    tone = sum(np.sin(k * phase) / k for k in range(1, 12))
    syllables = np.clip(np.sin(2 * np.pi * 2.0 * time_s + rng.random() * 6), 0, None) ** 0.5
    return (0.12 * tone * syllables + 3e-4 * rng.standard_normal(count)).astype(np.float32)


def clip_seconds(num_clips: int, seed: int, longest_seconds: float = LONGEST_SECONDS) -> np.ndarray:
    """Lengths of clips, spread as those of the sample."""
    lengths = np.random.default_rng(seed).lognormal(np.log(MEAN_SECONDS) - 0.18, 0.6, num_clips)
    return np.clip(lengths, SHORTEST_SECONDS, longest_seconds)


def write_recordings(folder: Path, num_clips: int, seed: int = 1) -> float:
    """Wav files with a transcript each, as ``corpus build`` reads them; returns their seconds."""
    folder.mkdir(parents=True, exist_ok=True)
    lengths = clip_seconds(num_clips, seed)
    for i, seconds in enumerate(lengths):
        write_wav(folder / f"line-{i:03d}.wav", speechlike(float(seconds), seed + i), RATE_HZ)
        words = " ".join(["measure", "sentence", "number", "again"][: max(1, round(seconds * 1.2))])
        (folder / f"line-{i:03d}.txt").write_text(f"{words.capitalize()} {i}.\n", encoding="utf-8")
    return float(lengths.sum())


def packed_corpus(num_clips: int, *, longest_seconds: float = LONGEST_SECONDS, seed: int = 1) -> PackedCorpus:
    """A corpus as training reads it, of one speaker."""
    rng = np.random.default_rng(seed)
    lengths = (clip_seconds(num_clips, seed, longest_seconds) * RATE_HZ).astype(np.int64)
    noise = rng.standard_normal(int(lengths.sum())) * 0.05 * 32768
    phones = np.maximum(3, (lengths / RATE_HZ * PHONES_PER_SECOND).astype(np.int64))
    tokens = np.stack([rng.integers(1, len(PHONES), phones.sum()), np.zeros(phones.sum()), np.zeros(phones.sum())])
    return PackedCorpus(
        sample_rate_hz=RATE_HZ,
        inventory_id=INVENTORY_ID,
        speakers=["synthetic"],
        clip_ids=[f"clip-{i}" for i in range(num_clips)],
        texts=[""] * num_clips,
        languages=["en"] * num_clips,
        styles=["statement"] * num_clips,
        emotions=[""] * num_clips,
        samples=np.clip(noise, -32768, 32767).astype(np.int16),
        sample_offsets=np.concatenate([[0], np.cumsum(lengths)]),
        tokens=tokens.astype(np.int64),
        token_offsets=np.concatenate([[0], np.cumsum(phones)]),
        speaker_of=np.zeros(num_clips, dtype=np.int64),
        split_of=np.where(np.arange(num_clips) < 4, VALIDATION, TRAIN),
        speed_percent=np.zeros(num_clips, dtype=np.float32),
    )
