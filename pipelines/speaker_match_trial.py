"""Measures how well a statement is matched to recordings: the figures and bounds of docs/consent.md.

    python pipelines/speaker_match_trial.py [--statements 250] [--json]

The five sample voices are of four persons (the English and the Spanish are one woman). From each voice statements of
about ten seconds are drawn at random and heard against 24 other clips of the same voice (genuine) and of the voices of
other persons (impostors), as `compliance.speaker_match` does it. Prints the error rates by the bounds in force, the
equal error rate of each listener, and the spread over persons: with four of them, the rates of other people may be far
from these. Takes about six minutes on one core.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Iterator

import numpy as np

from clock_train.audio.activity import speech_segments
from clock_train.audio.mfcc import mfcc
from clock_train.audio.reading import read_waveform
from clock_train.audio.voiceprint import embed, long_term_statistics
from clock_train.compliance.speaker_match import LEAST_JUDGED, LEAST_OWN, NUM_CLIPS
from clock_train.compliance.wilson import wilson_interval
from clock_train.data.sample import SAMPLES, fetch_sample
from clock_train.errors import AudioError
from clock_train.evaluation.judged_waveform import JUDGE_RATE_HZ
from clock_train.evaluation.speaker_similarity import embeddings, heard_parts

PERSONS = {language: "Allison" if language in ("en", "es") else sample.voice for language, sample in SAMPLES.items()}
STATEMENT_S, LEAST_CLIP_S, SEED = 10.0, 1.5, 1


class Heard:
    """One clip as both listeners hear it."""

    def __init__(self, waveform: np.ndarray) -> None:
        self.seconds = len(waveform) / JUDGE_RATE_HZ
        self.parts = heard_parts(waveform)
        self.mfcc = np.concatenate(
            [mfcc(waveform[round(a * JUDGE_RATE_HZ) : round(b * JUDGE_RATE_HZ)]) for a, b in spoken(waveform)], axis=1
        )
        self.vector = embeddings([self.parts])[0]


def spoken(waveform: np.ndarray) -> list[tuple[float, float]]:
    """Stretches of speech that the voiceprint takes."""
    return [(start, end) for start, end in speech_segments(waveform, JUDGE_RATE_HZ) if end - start >= 0.2]


def clips_of(language: str) -> list[Heard]:
    """Every recording of a sample with enough speech in it."""
    folder = fetch_sample(language)
    found = []
    for path in sorted(folder.rglob("*.g722")) or sorted(folder.rglob("*.wav")):
        try:
            waveform = read_waveform(path, sample_rate_hz=JUDGE_RATE_HZ)
        except AudioError:
            continue  # some of the packages' files have no bytes
        if len(waveform) >= LEAST_CLIP_S * JUDGE_RATE_HZ and spoken(waveform):
            found.append(Heard(waveform))
    return found


def prints_of(clips: list[Heard]) -> tuple[np.ndarray, np.ndarray]:
    """Both vectors of some clips of one voice."""
    mean = np.mean([clip.vector for clip in clips], axis=0)
    return mean / np.linalg.norm(mean), embed(
        long_term_statistics(np.concatenate([clip.mfcc for clip in clips], axis=1))
    )


def trials(clips: dict[str, list[Heard]], statements: int) -> Iterator[tuple[str, str, float, float]]:
    """Statement's language, recordings' language, the judge's cosine and the own one."""
    rng = np.random.default_rng(SEED)
    for spoken_in, heard in itertools.product(clips, clips):
        if spoken_in != heard and PERSONS[spoken_in] == PERSONS[heard]:
            continue  # one woman in two languages: neither genuine as recordings go, nor an impostor
        count = statements if spoken_in == heard else statements // 3
        for _ in range(count):
            order = rng.permutation(len(clips[spoken_in]))
            seconds = np.cumsum([clips[spoken_in][i].seconds for i in order])
            end = int(np.searchsorted(seconds, STATEMENT_S)) + 1
            statement = [clips[spoken_in][i] for i in order[:end]]
            rest = (
                [clips[heard][i] for i in order[end : end + 4 * NUM_CLIPS]]
                if spoken_in == heard
                else [clips[heard][i] for i in rng.permutation(len(clips[heard]))[: 4 * NUM_CLIPS]]
            )
            recordings = sorted(rest, key=lambda clip: -clip.seconds)[:NUM_CLIPS]
            judged, own = prints_of(statement)
            their_judged, their_own = prints_of(recordings)
            yield spoken_in, heard, float(judged @ their_judged), float(own @ their_own)


def equal_error(genuine: np.ndarray, impostors: np.ndarray) -> tuple[float, float]:
    """The bound at which as many genuine are refused as impostors are taken, and that rate."""
    bounds = np.unique(np.concatenate([genuine, impostors]))
    refused = np.searchsorted(np.sort(genuine), bounds) / len(genuine)
    taken = 1 - np.searchsorted(np.sort(impostors), bounds) / len(impostors)
    at = int(np.argmin(np.abs(refused - taken)))
    return float(bounds[at]), float((refused[at] + taken[at]) / 2)


def main() -> None:
    """Draw, hear and count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--statements", type=int, default=250, help="of each voice")
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args()
    found = list(trials({language: clips_of(language) for language in SAMPLES}, wanted.statements))
    genuine = np.array([(judged, own) for spoken_in, heard, judged, own in found if spoken_in == heard])
    impostors = np.array([(judged, own) for spoken_in, heard, judged, own in found if spoken_in != heard])
    refused = int(((genuine[:, 0] < LEAST_JUDGED) | (genuine[:, 1] < LEAST_OWN)).sum())
    taken = int(((impostors[:, 0] >= LEAST_JUDGED) & (impostors[:, 1] >= LEAST_OWN)).sum())
    figures = {
        "genuine": len(genuine),
        "impostors": len(impostors),
        "refused": {"count": refused, "interval": wilson_interval(refused, len(genuine))},
        "taken": {"count": taken, "interval": wilson_interval(taken, len(impostors))},
        "by bounds (judge, own): refused %, taken %": {
            f"{judged} {own}": (
                100 * float(np.mean((genuine[:, 0] < judged) | (genuine[:, 1] < own))),
                100 * float(np.mean((impostors[:, 0] >= judged) & (impostors[:, 1] >= own))),
            )
            for judged in (0.75, 0.80, 0.83, 0.86)
            for own in (-1.0, 0.0, 0.1, 0.2)
        },
        "equal error, judge": equal_error(genuine[:, 0], impostors[:, 0]),
        "equal error, own": equal_error(genuine[:, 1], impostors[:, 1]),
        "genuine, lowest": genuine.min(0).tolist(),
        "genuine, 1 %": np.percentile(genuine, 1, axis=0).tolist(),
        "impostors, 99 %": np.percentile(impostors, 99, axis=0).tolist(),
        "impostors, highest": impostors.max(0).tolist(),
        "by voice": {
            language: {
                "genuine refused": float(
                    np.mean([j < LEAST_JUDGED or o < LEAST_OWN for s, h, j, o in found if s == h == language])
                ),
                "impostors taken": float(
                    np.mean([j >= LEAST_JUDGED and o >= LEAST_OWN for s, h, j, o in found if s != h == language])
                ),
                "nearest impostor": max((j, o, s) for s, h, j, o in found if s != h == language),
            }
            for language in SAMPLES
        },
    }
    if wanted.json:
        print(json.dumps(figures, indent=1))
        return
    print(f"bounds: judge {LEAST_JUDGED}, own {LEAST_OWN}; statements of {STATEMENT_S:g} s; four persons, five voices")
    for name, value in figures.items():
        print(f"{name:22}", value)


if __name__ == "__main__":
    main()
