"""Does more than one voice speak under a name? Two groups in long-term timbre and pitch, without a speaker model.

Each clip is a point: the mean of its cepstra (the long-term spectrum) and its median pitch. Two-means splits the
points, and the distance of the two groups against their own width decides. Measured on Debian's five voices (220-283
clips of 1.5 s and more each, `docs/corpus.md`): all ten pairs are found when both speak equally or one speaks a
quarter, eight of ten when one speaks a tenth, and 92-100 % of the clips of a found pair are put on the right side.
Three single voices raise no alarm; two do, and there the split is another recording session of the same person. The
spectrum cannot tell a voice from a microphone or a room, so this is a warning for ears, never a reason to drop clips
by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MIN_CLIPS = 24
MIN_SECONDS = 1.5
"""The long-term spectrum of a shorter clip is that of its few sounds."""
MIN_SEPARATION = 3.0
"""Single voices of one session: up to 2.8; the closest pair of equal parts: 3.3."""
MIN_GROUP = 4
NUM_CEPSTRA = 20
TIMBRE_WEIGHT = 2.0 / np.sqrt(NUM_CEPSTRA)
PITCH_OCTAVES = 0.12
"""Natural spread of a reader's clip medians, about one and a half semitones."""
NUM_STARTS, NUM_ROUNDS = 10, 50


@dataclass(frozen=True, kw_only=True)
class Split:
    """Two groups that sound unlike each other."""

    separation: float
    """Distance of the groups' centres in their pooled standard deviation."""
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
    group = _two_means(points)
    sizes = np.bincount(group, minlength=2)
    if sizes.min() < MIN_GROUP:
        return None
    axis = points[group == 1].mean(axis=0) - points[group == 0].mean(axis=0)
    along = points @ (axis / max(float(np.linalg.norm(axis)), 1e-9))
    variance = sum(sizes[side] * along[group == side].var() for side in (0, 1)) / len(along)
    separation = float(abs(along[group == 1].mean() - along[group == 0].mean()) / np.sqrt(max(variance, 1e-9)))
    if separation < MIN_SEPARATION:
        return None
    return Split(separation=separation, smaller=[long[i] for i in np.flatnonzero(group == int(np.argmin(sizes)))])


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
