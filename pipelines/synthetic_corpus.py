"""A Mandarin phone teacher: our prompts spoken by espeak-ng, as a folder of recordings for ``clocktrain corpus build``.

    python pipelines/synthetic_corpus.py synthetic-zh
    clocktrain consent licence synthetic-zh --speaker synthetic-zh --licence none \
        --uri https://github.com/espeak-ng/espeak-ng --attribution "espeak-ng, a synthesiser: nobody's voice"
    clocktrain corpus build synthetic-zh --speaker synthetic-zh --language zh --out corpus-zh --allow-short

There are no Mandarin recordings to ship, so a base that never heard any would not know the language's phones at all. Of
this it learns which phone is which and how tones go, from a voice that sounds like a machine; it is never a judge of
quality. Every tenth prompt is left out: the synthetic judge asks for those.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from clock_train.audio.writing import write_wav
from clock_train.data.prompts import prompts
from clock_train.orchestration.phone_judge import HELD_OUT_EVERY, SYNTHETIC_LANGUAGE, clauses, espeak_speech

RATE_HZ = 16_000
PAUSE_S = 0.15
"""Of silence before and after, as recordings have."""


def texts(mixed: int, seed: int) -> list[str]:
    """The prompts, their clauses, and so many pairs of clauses of different prompts."""
    learnt = [prompt.text for n, prompt in enumerate(prompts(SYNTHETIC_LANGUAGE)) if n % HELD_OUT_EVERY]
    parts = clauses(learnt)
    rng = np.random.default_rng(seed)
    pairs = [_joined(parts[i], parts[j]) for i, j in rng.integers(0, len(parts), (mixed, 2)) if i != j]
    return list(dict.fromkeys([*learnt, *parts, *pairs]))


def _joined(first: str, second: str) -> str:
    return f"{first.rstrip('，、；：。？！')}，{second.rstrip('，、；：。？！')}。"


def write(folder: Path, spoken: Sequence[tuple[str, np.ndarray]]) -> float:
    """Sounds and ``transcripts.tsv``; returns the minutes."""
    folder.mkdir(parents=True, exist_ok=True)
    lines, samples = [], 0
    silence = np.zeros(int(PAUSE_S * RATE_HZ), dtype=np.float32)
    for number, (text, waveform) in enumerate(spoken):
        sound = np.concatenate([silence, waveform, silence])
        write_wav(folder / f"zh-{number:04d}.wav", sound, RATE_HZ)
        lines.append(f"zh-{number:04d}\t{text}")
        samples += len(sound)
    (folder / "transcripts.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return samples / RATE_HZ / 60


def main() -> None:
    """Speak all of it, and say how much it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--mixed", type=int, default=200, help="sentences put together from clauses of two prompts")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    chosen = texts(asked.mixed, asked.seed)
    sounds = [waveform for waveform, _ in espeak_speech(chosen, SYNTHETIC_LANGUAGE)]
    minutes = write(asked.folder, list(zip(chosen, sounds, strict=True)))
    print(f"{asked.folder}: {len(chosen)} sentences, {minutes:.1f} minutes, synthetic")


if __name__ == "__main__":
    main()
