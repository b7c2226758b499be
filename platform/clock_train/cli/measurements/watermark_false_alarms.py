"""How often the detector says "marked" of sounds without a mark of the key: counts, intervals, whole distributions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np

from clock_train.cli.measurements.watermark_clips import clips
from clock_train.cli.measurements.watermark_robustness import interval
from clock_train.evaluation.targets import Figure
from clock_train.watermark.detect import detect
from clock_train.watermark.embed import embed
from clock_train.watermark.keys import new_keys
from clock_train.watermark.pattern import QuarterKey
from clock_train.watermark.payload import Payload
from clock_train.watermark.search import PartSpectrum
from clock_train.watermark.spectra import Spectra

RATE_HZ = 16_000
DAY = date(2026, 6, 1)
TAILS = (1e-2, 1e-4, 1e-6)
SECONDS = 8.0
KINDS = ("unmarked speech", "speech, other key's mark", "white noise", "pink noise", "tones and chords", "faint hiss")


@dataclass(kw_only=True)
class FalseAlarms:
    """What one kind of sound gave."""

    kind: str
    num_looks: int = 0
    below: dict[float, int] = field(default_factory=lambda: dict.fromkeys(TAILS, 0))
    """Single looks with a normal tail below each of ``TAILS``; correlated within a sound, so no interval."""
    single: list[float] = field(default_factory=list)
    """The tail of one random look a sound and key: these are independent, and uniform if the null holds."""
    whole: list[float] = field(default_factory=list)
    """p-values of whole detections."""


def false_alarms(
    num_sounds: int, num_keys: int, *, progress: Callable[[float], None] = lambda share: None
) -> list[FalseAlarms]:
    """Every kind of sound, each with fresh keys that have nothing to do with it.

    Args:
        num_sounds: of each kind.
        num_keys: a sound, for single looks; the whole search is done with one of them.
        progress: called with the share that is done.
    """
    speech = [clip for _, clip in clips(num_sounds)]
    found = []
    for k, kind in enumerate(KINDS):
        result = FalseAlarms(kind=kind)
        for n in range(num_sounds):
            rng = np.random.default_rng([k, n])
            sound = make_sound(kind, speech[n], rng)
            keys = [fresh_key() for _ in range(num_keys)]
            add_looks(result, sound, keys, rng)
            result.whole.append(min(1.0, detect(sound, keys[:1]).p_value))
            progress((k * num_sounds + n + 1) / (len(KINDS) * num_sounds))
        found.append(result)
    return found


def add_looks(result: FalseAlarms, sound: np.ndarray, keys: Sequence[QuarterKey], rng: np.random.Generator) -> None:
    """Look at one sound with every key at every offset, at the plain speed."""
    spectrum = PartSpectrum(Spectra(sound).cells())
    for key in keys:
        statistics = spectrum.statistics(key).ravel()
        result.num_looks += len(statistics)
        for tail in TAILS:
            result.below[tail] += int((statistics > normal_quantile(tail)).sum())
        result.single.append(normal_tail(float(rng.choice(statistics))))


def make_sound(kind: str, speech: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(T,) float32 of one kind."""
    size = round(SECONDS * RATE_HZ)
    if kind == "unmarked speech":
        return speech
    if kind == "speech, other key's mark":
        payload = Payload(tenant=1, voice=2, consent=3, day=4)
        return embed(speech, RATE_HZ, fresh_key(), payload, request_id=str(rng.integers(1 << 60)))[0]
    if kind == "white noise":
        return (0.1 * rng.standard_normal(size)).astype(np.float32)
    if kind == "pink noise":
        spectrum = np.fft.rfft(rng.standard_normal(size)) / np.sqrt(np.arange(1, size // 2 + 2))
        pink = np.fft.irfft(spectrum, size)
        return (0.1 * pink / pink.std()).astype(np.float32)
    if kind == "tones and chords":
        t = np.arange(size) / RATE_HZ
        pitches = rng.uniform(100, 4000, size=int(rng.integers(1, 5)))
        return (0.1 * np.sum([np.sin(2 * np.pi * hz * t) for hz in pitches], axis=0)).astype(np.float32)
    assert kind == "faint hiss"  # digital silence is never looked at: a dithered file is as silent as a file can be
    return (np.rint(rng.uniform(-1, 1, size) + rng.uniform(-1, 1, size)) / 32768).astype(np.float32)


def rows(results: Sequence[FalseAlarms]) -> Iterator[Figure]:
    """The table: looks against what is expected, whole detections, and how far the looks are from uniform."""
    for each in results:
        looks = ", ".join(f"{each.below[tail]} below {tail:g} ({each.num_looks * tail:.0f} expected)" for tail in TAILS)
        count = len(each.whole)
        alarms = sum(p <= 1e-6 for p in each.whole)
        tenths, hundredths = (sum(p <= level for p in each.whole) for level in (0.1, 0.01))
        yield Figure(
            title=f"false alarms, {each.kind}",
            measured=100 * alarms / count,
            unit="%",
            at_most=0.0,
            note=f"{alarms} of {count} at 1e-6, {interval(alarms, count)}; p ≤ 0.1: {tenths}, p ≤ 0.01: {hundredths}",
        )
        yield Figure(title=f"single looks, {each.kind}", measured=each.num_looks / 1e6, unit="million", note=looks)
        distance, probability = kolmogorov(each.single)
        yield Figure(
            title=f"uniform, {each.kind}",
            measured=probability,
            at_least=0.001,
            note=f"Kolmogorov-Smirnov p of {len(each.single)} independent looks, distance {distance:.4f}",
        )
    all_whole = [p for each in results for p in each.whole]
    alarms = sum(p <= 1e-6 for p in all_whole)
    yield Figure(
        title="false alarms, all kinds",
        measured=100 * alarms / len(all_whole),
        unit="%",
        at_most=0.0,
        note=f"{alarms} of {len(all_whole)}, {interval(alarms, len(all_whole))}",
    )


def plot(results: Sequence[FalseAlarms], path: Path) -> None:
    """A picture (png or svg): the share of looks with a p-value up to each value, the diagonal if they are uniform."""
    from matplotlib.figure import Figure as Picture

    picture = Picture(figsize=(5, 5))
    axes = picture.subplots()
    axes.plot([0, 1], [0, 1], color="black", linewidth=0.8, label="uniform")
    for each in results:
        ordered = np.sort(each.single)
        axes.step(ordered, np.arange(1, len(ordered) + 1) / len(ordered), linewidth=1, label=each.kind)
    axes.set_xlabel("p-value of a single look without a mark")
    axes.set_ylabel("share of looks up to it")
    axes.legend(frameon=False, fontsize=8)
    picture.savefig(path, bbox_inches="tight")


def kolmogorov(values: Sequence[float]) -> tuple[float, float]:
    """Distance from uniform, and its probability (asymptotic)."""
    ordered = np.sort(values)
    n = len(ordered)
    steps = np.arange(1, n + 1) / n
    distance = float(max(np.max(steps - ordered), np.max(ordered - steps + 1 / n)))
    scaled = (math.sqrt(n) + 0.12 + 0.11 / math.sqrt(n)) * distance
    series = 2 * sum((-1) ** (k - 1) * math.exp(-2 * k * k * scaled * scaled) for k in range(1, 101))
    return distance, min(1.0, max(0.0, series))


def fresh_key() -> QuarterKey:
    """One that has nothing to do with any other."""
    return new_keys("nobody", DAY).embedding_key(DAY)


def normal_tail(value: float) -> float:
    """Of a standard normal, above ``value``."""
    return 0.5 * math.erfc(value / math.sqrt(2))


def normal_quantile(tail: float) -> float:
    """Where the tail of a standard normal is ``tail``, by bisection."""
    low, high = -10.0, 10.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if normal_tail(middle) > tail else (low, middle)
    return low
