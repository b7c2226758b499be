"""Measures how well voices without a consent are noticed: the figures and bounds of docs/compliance.md.

    python pipelines/other_voices_trial.py [--vectors FILE.npz]

Of each sample voice the recordings of speech of 1.5 s and more. Other voices in a corpus: each voice alone (an alarm is
false), and each ordered pair of different persons with the second speaking a half, a quarter, a tenth and a twentieth
of 200 clips. Registered voices: prints of random halves of each voice, against the other half and against other
persons. The five voices are of four persons (the English and the Spanish are one woman), and the bounds were chosen on
them: rates over other people are not known. Three minutes on one core; ``--vectors`` keeps what was heard.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import numpy as np

from clock_train.audio.reading import read_waveform
from clock_train.compliance.other_voices import LEAST_CLIP_S, other_voices
from clock_train.compliance.voice_registry import LEAST_ALIKE, print_of
from clock_train.compliance.wilson import wilson_interval
from clock_train.data.sample import SAMPLES, fetch_sample
from clock_train.errors import AudioError
from clock_train.evaluation.judged_waveform import JUDGE_RATE_HZ
from clock_train.evaluation.speaker_similarity import embeddings, heard_parts

PERSONS = {language: "Allison" if language in ("en", "es") else sample.voice for language, sample in SAMPLES.items()}
SHARES, CLIPS, DRAWS, HALVES = (0.5, 0.25, 0.1, 0.05), 200, 5, 20


def main() -> None:
    """Hear, count, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectors", type=Path, help="keep or take what was heard")
    asked = parser.parse_args()
    heard = _heard(asked.vectors)
    print(", ".join(f"{language} {len(vectors)}" for language, vectors in heard.items()), "clips of 1.5 s and more")
    _corpora(heard)
    _registry(heard)


def _heard(kept: Path | None) -> dict[str, np.ndarray]:
    if kept is not None and kept.exists():
        loaded = np.load(kept, allow_pickle=False)
        return {language: loaded[language] for language in loaded.files}
    heard: dict[str, np.ndarray] = {}
    for language in SAMPLES:
        vectors = []
        folder = fetch_sample(language)
        for path in sorted(folder.rglob("*.g722")):
            if path.parent.name == "silence" or path.stem == "tt-monkeys":
                continue  # nobody speaks
            try:
                waveform = read_waveform(path, sample_rate_hz=JUDGE_RATE_HZ)
            except AudioError:
                continue  # the Russian voice has an empty file
            if len(waveform) >= LEAST_CLIP_S * JUDGE_RATE_HZ:
                vectors += embeddings([heard_parts(waveform)])
        heard[language] = np.stack(vectors)
    if kept is not None:
        np.savez(kept, allow_pickle=False, **heard)
    return heard


def _corpora(heard: dict[str, np.ndarray]) -> None:
    print("\nOther voices in one speaker's corpus\n| who speaks | corpora | noticed | 95 % | clips found |")
    print("|---|---|---|---|---|")
    rng = np.random.default_rng(1)
    alone = [
        bool(other_voices(vectors[rng.permutation(len(vectors))[:CLIPS]], np.full(min(CLIPS, len(vectors)), 3.0)))
        for vectors in heard.values()
        for _ in range(DRAWS)
    ]
    _row("one person (false alarms)", alone, None)
    for share in SHARES:
        noticed, found = [], []
        for first, second in itertools.permutations(heard, 2):
            if PERSONS[first] == PERSONS[second]:
                continue
            for _ in range(DRAWS):
                count = round(share * CLIPS)
                own = heard[first][rng.permutation(len(heard[first]))[: CLIPS - count]]
                other = heard[second][rng.permutation(len(heard[second]))[:count]]
                groups = other_voices(np.concatenate([own, other]), np.full(len(own) + len(other), 3.0))
                clips = {clip for group in groups for clip in group.clips}
                right = len([clip for clip in clips if clip >= len(own)])
                minority = right if share < 0.5 else max(right, len(clips) - right)
                noticed.append(bool(groups))
                found.append(minority / len(other) if groups else 0.0)
        _row(f"a second person in {share:.0%} of the clips", noticed, float(np.mean(found)))


def _row(who: str, noticed: list[bool], found: float | None) -> None:
    low, high = wilson_interval(sum(noticed), len(noticed))
    clips = "" if found is None else f"{found:.0%}"
    print(f"| {who} | {len(noticed)} | {sum(noticed)} | {low:.2f} to {high:.2f} | {clips} |")


def _registry(heard: dict[str, np.ndarray]) -> None:
    rng = np.random.default_rng(2)
    same, other = [], []
    for _ in range(HALVES):
        halves = {}
        for language, vectors in heard.items():
            order = rng.permutation(len(vectors))
            halves[language] = print_of(vectors[order[::2]]), print_of(vectors[order[1::2]])
        same += [float(a @ b) for a, b in halves.values()]
        for first, second in itertools.permutations(heard, 2):
            cosine = float(halves[first][0] @ halves[second][1])
            (same if PERSONS[first] == PERSONS[second] else other).append(cosine)
    missed, alarms = sum(c < LEAST_ALIKE for c in same), sum(c >= LEAST_ALIKE for c in other)
    print(f"\nRegistered voices, alike from {LEAST_ALIKE} on")
    print("| trials | number | wrong | 95 % | cosines |\n|---|---|---|---|---|")
    for name, cosines, wrong in (("same person", same, missed), ("other person", other, alarms)):
        low, high = wilson_interval(wrong, len(cosines))
        spread = f"{min(cosines):.2f} to {max(cosines):.2f}"
        print(f"| {name} | {len(cosines)} | {wrong} | {low:.3f} to {high:.3f} | {spread} |")


if __name__ == "__main__":
    main()
