"""How sure a mean over a few sentences is: percentile bootstrap over utterances.

Sixteen sentences are the usual test split here, so an interval is wide, and says so. Whole utterances are drawn, not
words or frames, since those of one utterance are right or wrong together.
Source: Efron, Bootstrap methods: another look at the jackknife (1979).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

NUM_RESAMPLES = 2000
CONFIDENCE = 0.95
MIN_UTTERANCES = 3
"""Below, the few possible resamples make an interval that looks surer than it is."""


class Statistic(Enum):
    """What one figure says of many observations."""

    MEAN = "mean"
    MEDIAN = "median"


@dataclass(frozen=True, kw_only=True)
class Score:
    """What one utterance contributes to one figure."""

    values: tuple[float, ...]
    weight: float = 1.0
    """Of each value in a mean, such as the number of words behind an error rate."""

    @classmethod
    def of(cls, value: float, weight: float = 1.0) -> Score:
        """A single value."""
        return cls(values=(float(value),), weight=float(weight))


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A figure with its 95 % interval; no interval for fewer than three utterances."""

    value: float
    low: float | None
    high: float | None


def estimate(scores: Sequence[Score], statistic: Statistic, *, seed: int) -> Estimate | None:
    """The statistic over all values and its interval, or none where there is no value.

    Args:
        scores: one an utterance.
        statistic: weighted mean, or median.
        seed: of the resampling, so that a report can be made again to the last digit.
    """
    scores = [score for score in scores if score.values]
    if not scores:
        return None
    value = _statistic(scores, statistic)
    if len(scores) < MIN_UTTERANCES:
        return Estimate(value=value, low=None, high=None)
    drawn = np.random.default_rng(seed).integers(0, len(scores), (NUM_RESAMPLES, len(scores)))
    if statistic is Statistic.MEAN:
        weights = np.array([score.weight * len(score.values) for score in scores])
        sums = np.array([score.weight * sum(score.values) for score in scores])
        resampled = sums[drawn].sum(axis=1) / weights[drawn].sum(axis=1)
    else:
        resampled = np.array([_statistic([scores[index] for index in row], statistic) for row in drawn])
    low, high = np.quantile(resampled, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Estimate(value=value, low=float(low), high=float(high))


def _statistic(scores: Sequence[Score], statistic: Statistic) -> float:
    if statistic is Statistic.MEDIAN:
        return float(np.median([value for score in scores for value in score.values]))
    total = sum(score.weight * sum(score.values) for score in scores)
    return float(total / sum(score.weight * len(score.values) for score in scores))
