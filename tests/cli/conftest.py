"""A corpus of tones and a voice with random weights: enough for the verbs to run for real."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from clock_train.audio.writing import write_flac
from clock_train.data.manifest import MANIFEST_NAME, QUALITY_NAME, Clip, Corpus, Origin, read_corpus, write_manifest
from clock_train.orchestration.consents import keep_licence

RATE_HZ = 16_000
WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def make_corpus(path: Path, *, speaker: str, pitch_hz: float, num_clips: int = 10) -> Corpus:
    (path / "audio").mkdir(parents=True)
    clips = []
    for i, word in enumerate(WORDS[:num_clips]):
        seconds = 1.0 + 0.05 * i
        time_s = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
        tone = np.sum([np.sin(2 * np.pi * pitch_hz * k * time_s) / k for k in range(1, 8)], axis=0)
        write_flac(path / f"audio/{i}.flac", (0.1 * tone).astype(np.float32), RATE_HZ)
        clips.append(
            Clip(
                id=f"{speaker}-{i}",
                speaker=speaker,
                text=f"{word}.",
                language="en",
                path=f"audio/{i}.flac",
                seconds=seconds,
                verdict="accepted",
                origin=Origin(file=f"{i}.wav", start_s=0.0, end_s=seconds),
            )
        )
    write_manifest(path / MANIFEST_NAME, clips)
    (path / QUALITY_NAME).write_text(
        json.dumps({"recordings_sha256": hashlib.sha256(f"{speaker} {pitch_hz}".encode()).hexdigest()})
    )
    keep_licence(path, licence="none", licence_uri="", attribution="a tone")
    return read_corpus(path)


@pytest.fixture(scope="session")
def tone_corpora(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("corpora")
    make_corpus(folder / "anna", speaker="anna", pitch_hz=220.0)
    make_corpus(folder / "carlo", speaker="carlo", pitch_hz=110.0)
    return [folder / "anna", folder / "carlo"]
