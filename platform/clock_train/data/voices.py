"""Does more than one voice speak under a name? Two groups in long-term timbre and pitch, without a speaker model.

Each clip is a point: the mean of its cepstra (the long-term spectrum) and its median pitch. Half of the clips choose
the direction in which two groups differ most; the other half must then be explained better by two bells than by one.
Without that second half every cloud of points falls apart into two.

Measured on Debian's five voices, 220-283 clips of 1.5 s and more each, and with the thresholds chosen on them: of 20
ordered pairs all are found when both speak equally or the second a quarter, 12 when it speaks a tenth; of the clips of
a found pair 82-100 % (median 98 %) are put on the right side. Three single voices raise no alarm; two do (Spanish,
Italian), and there the split is another recording session of the same person. The spectrum cannot tell a voice from a
microphone or a room, so this is a warning for ears, never a reason to drop clips by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MIN_CLIPS = 24
MIN_SECONDS = 1.5
"""The long-term spectrum of a shorter clip is that of its few sounds."""
MIN_GAIN = 0.025
"""Nats by which two bells explain a held-out clip better than one; single voices of one session reach 0.028."""
MIN_SEPARATION = 1.2
"""Distance of the bells in their standard deviation; single voices of one session that gain at all stay below 0.9."""
MIN_GROUP = 4
NUM_CEPSTRA = 20
TIMBRE_WEIGHT = 2.0 / np.sqrt(NUM_CEPSTRA)
PITCH_OCTAVES = 0.12
"""Natural spread of a reader's clip medians, about one and a half semitones."""
NUM_STARTS, NUM_ROUNDS = 10, 50
MIN_WIDTH = 0.15
"""Of one bell against all points: narrower ones explain single clips, not voices."""


@dataclass(frozen=True, kw_only=True)
class Split:
    """Two groups that sound unlike each other."""

    gain: float
    """Nats a clip, held out; the larger, the surer."""
    separation: float
    """Distance of the groups' centres in their standard deviation."""
    smaller: list[int]
    """Positions of the clips in the smaller group."""


def find_split(timbre: Sequence[np.ndarray], f0_hz: Sequence[float | None], seconds: Sequence[float]) -> Split | None:
    """Two groups of clips, if they stand apart; None for one voice or too few clips.

    Args:
        timbre: for each clip, at least `NUM_CEPSTRA` mean cepstra.
        f0_hz: median of each clip; None where nothing is voiced.
        seconds: of each clip.
    """
    long = [i for i, length in enumerate(seconds) if length >= MIN_SECONDS and f0_hz[i]]
    if len(long) < MIN_CLIPS:
        return None
    cepstra = np.stack([timbre[i][:NUM_CEPSTRA] for i in long])
    pitch = np.log2(np.array([f0_hz[i] for i in long], dtype=float))
    width = 1.4826 * np.median(np.abs(cepstra - np.median(cepstra, axis=0)), axis=0) + 1e-6
    points = np.column_stack(
        [
            TIMBRE_WEIGHT * (cepstra - np.median(cepstra, axis=0)) / width,
            (pitch - np.median(pitch)) / PITCH_OCTAVES,
        ]
    )
    shuffled = np.random.default_rng(0).permutation(len(points))
    halves = points[shuffled[::2]], points[shuffled[1::2]]
    judged = [_judge(*halves), _judge(*reversed(halves))]
    gain = float(np.mean([each[0] for each in judged]))
    separation = min(each[1] for each in judged)
    if gain < MIN_GAIN or separation < MIN_SEPARATION:
        return None
    group = _two_means(points)
    sizes = np.bincount(group, minlength=2)
    if sizes.min() < MIN_GROUP:
        return None
    smaller = [long[i] for i in np.flatnonzero(group == int(np.argmin(sizes)))]
    return Split(gain=gain, separation=separation, smaller=smaller)


def _judge(chosen: np.ndarray, held_out: np.ndarray) -> tuple[float, float]:
    """How much better two bells than one explain the held-out points, along the line that the others chose."""
    group = _two_means(chosen)
    if np.bincount(group, minlength=2).min() < 2:
        return 0.0, 0.0
    axis = chosen[group == 1].mean(axis=0) - chosen[group == 0].mean(axis=0)
    axis /= max(float(np.linalg.norm(axis)), 1e-9)
    along, other = chosen @ axis, held_out @ axis
    weight, mean, width = _two_bells(along, group)
    one = _log_bells(other, np.ones(1), along.mean(keepdims=True), along.std(keepdims=True))
    two = _log_bells(other, weight, mean, width)
    gain = np.logaddexp.reduce(two, axis=1) - one[:, 0]
    return float(gain.mean()), float(abs(mean[1] - mean[0]) / np.sqrt((width**2).mean()))


def _two_bells(along: np.ndarray, group: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights, means and widths of two normal distributions, by expectation maximisation from a first grouping."""
    share = np.stack([group == 0, group == 1], axis=1).astype(float)
    weight = mean = width = np.zeros(2)
    for _ in range(NUM_ROUNDS):
        total = share.sum(axis=0) + 1e-9
        weight, mean = total / len(along), (share * along[:, None]).sum(axis=0) / total
        variance = (share * (along[:, None] - mean) ** 2).sum(axis=0) / total
        width = np.maximum(np.sqrt(variance), MIN_WIDTH * along.std())
        log_share = _log_bells(along, weight, mean, width)
        share = np.exp(log_share - np.logaddexp.reduce(log_share, axis=1, keepdims=True))
    return weight, mean, width


def _log_bells(along: np.ndarray, weight: np.ndarray, mean: np.ndarray, width: np.ndarray) -> np.ndarray:
    """(points, bells) log of weighted density, without the constant that both cases share."""
    return np.log(weight) - np.log(width) - 0.5 * ((along[:, None] - mean) / width) ** 2


def _two_means(points: np.ndarray) -> np.ndarray:
    """The better of several two-means splits; always the same for the same points."""
    best, best_error = np.zeros(len(points), dtype=int), np.inf
    for start in range(NUM_STARTS):
        chosen = np.random.default_rng(start).choice(len(points), 2, replace=False)
        centres = points[chosen]
        group = np.zeros(len(points), dtype=int)
        for _ in range(NUM_ROUNDS):
            distances = ((points[:, None, :] - centres[None]) ** 2).sum(axis=2)
            new = distances.argmin(axis=1)
            if new.min() == new.max() or np.array_equal(new, group):
                group = new
                break
            group = new
            centres = np.stack([points[group == side].mean(axis=0) for side in (0, 1)])
        error = float(((points - centres[group]) ** 2).sum())
        if error < best_error:
            best, best_error = group, error
    return best
