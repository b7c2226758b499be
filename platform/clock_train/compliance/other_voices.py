"""Voices in one speaker's recordings that are not that speaker's: people who gave no consent.

Each clip's d-vector (the judge of speaker similarity, which no training sees); clips are joined while all of a
group are alike, and a group that stays apart from the largest one, and is no single odd clip, is another voice. The
bounds are those of ``pipelines/other_voices_trial.py``; docs/compliance.md has the error rates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEAST_CLIP_S = 1.5
"""Shorter clips say more of their words than of who speaks."""
MOST_CLIPS = 400
"""Of one speaker, spread over the corpus: 30 s of one core."""
FEWEST_CLIPS = 3
"""Of a group; fewer are a cough, a shout, or a bad recording."""
FEWEST_SHARE = 0.02
JOINED_FROM = 0.55
"""Cosine of the two clips of two groups that are least alike, from which on the groups are one. From 0.50 to 0.60 the
trial comes out alike; at 0.45 voices run together."""
APART_BELOW = 0.83
"""Cosine of a group's mean to the largest group's mean below which it is another voice: between 0.79, the most alike of
two persons, and 0.88, the least alike groups of one."""


@dataclass(frozen=True, kw_only=True)
class VoiceGroup:
    """Clips of another voice."""

    clips: tuple[int, ...]
    """Their places among those that were given."""
    seconds: float
    similarity: float
    """Of its mean to the mean of the largest group."""


def other_voices(vectors: np.ndarray, seconds: Sequence[float] | np.ndarray) -> list[VoiceGroup]:
    """Groups that are not of the voice most clips are of, the largest first.

    Args:
        vectors: (N, 256) float32 of unit length, a d-vector a clip.
        seconds: of each clip.
    """
    from scipy.cluster.hierarchy import fcluster, linkage

    if len(vectors) < 2 * FEWEST_CLIPS:
        return []
    joined = fcluster(linkage(vectors, method="complete", metric="cosine"), 1 - JOINED_FROM, criterion="distance")
    groups = [np.flatnonzero(joined == number) for number in np.unique(joined)]
    groups.sort(key=len, reverse=True)
    main, *others = groups
    centre = _mean(vectors[main])
    fewest = max(FEWEST_CLIPS, round(FEWEST_SHARE * len(vectors)))
    found = []
    for group in others:
        similarity = float(_mean(vectors[group]) @ centre)
        if len(group) >= fewest and similarity < APART_BELOW:
            total = float(np.sum(np.asarray(seconds)[group]))
            found.append(VoiceGroup(clips=tuple(map(int, group)), seconds=total, similarity=similarity))
    return found


def _mean(vectors: np.ndarray) -> np.ndarray:
    mean = vectors.mean(axis=0)
    return mean / np.linalg.norm(mean)
