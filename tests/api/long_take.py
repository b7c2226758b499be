"""A long take read from a text, as the article's recording script makes it: a buzz with the rhythm of the lines."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from clock_train.audio.writing import write_wav
from clock_train.orchestration.consents import keep_licence

RATE_HZ = 16_000
LINES = (
    "The kettle is on the table.", "Go home!", "Seven boats came back.", "Is the door open?", "My brother sings.",
    "Good night.", "The last train leaves at ten.", "Who took the map?", "Nobody has seen the cat.", "Wait for me!",
    "The soup is too hot.", "She wrote a long letter.",
)  # fmt: skip


def write_take(folder: Path, *, seed: int = 3) -> None:
    """``voice_sample.wav`` and ``training_texts.txt``; pauses of a second between the lines."""
    rng = np.random.default_rng(seed)
    parts = [np.zeros(RATE_HZ // 2)]
    for line in LINES:
        syllables = max(2, round(sum(sign.isalpha() for sign in line) * 0.42))
        parts += [_syllable(rng, int(0.16 * RATE_HZ)) for _ in range(syllables)]
        parts.append(np.zeros(RATE_HZ))
    take = np.concatenate(parts) + rng.normal(0, 5e-4, sum(map(len, parts)))
    write_wav(folder / "voice_sample.wav", take.astype(np.float32), RATE_HZ)
    (folder / "training_texts.txt").write_text("\n".join(LINES) + "\n", encoding="utf-8")
    keep_licence(
        folder, transcripts=folder / "training_texts.txt", licence="none", licence_uri="", attribution="a buzz"
    )


def _syllable(rng: np.random.Generator, length: int) -> np.ndarray:
    t = np.arange(length) / RATE_HZ
    pitch_hz = 130.0 * 2 ** rng.uniform(-0.2, 0.2)
    colour = rng.uniform(0.2, 1.0, 24)
    buzz = sum(colour[h] * np.sin(2 * np.pi * pitch_hz * (h + 1) * t) / (h + 1) for h in range(24))
    return 0.25 * buzz * np.hanning(length) ** 0.5
