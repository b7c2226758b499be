"""Batches of two kinds of clips in a fixed proportion: recordings, and sentences that a teacher spoke.

As ``BatchPlan`` a function of seed and position only. The position counts the recordings' batches; the other kind is
drawn by the same count, so nothing more is saved with a checkpoint.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from clock_train.training.batching import BatchPlan, SamplerPosition


class MixedPlan:
    """Two plans, their clips alternating, so that workers who share a batch by rows get both kinds."""

    def __init__(
        self,
        recorded: Sequence[int],
        spoken: Sequence[int],
        lengths: Sequence[int],
        speakers: Sequence[int],
        *,
        batch_size: int,
        spoken_share: float,
        seed: int,
    ) -> None:
        wanted = min(max(1, round(batch_size * spoken_share)), max(1, batch_size - 1))
        self._recorded = BatchPlan(recorded, lengths, speakers, batch_size=max(1, batch_size - wanted), seed=seed)
        self._spoken = BatchPlan(spoken, lengths, speakers, batch_size=wanted, seed=seed + 1)
        self.batch_size = self._recorded.batch_size + self._spoken.batch_size

    @property
    def batches_per_epoch(self) -> int:
        """Of the recordings."""
        return self._recorded.batches_per_epoch

    def next(self, position: SamplerPosition) -> np.ndarray:
        """The clip indices at ``position``, which moves on."""
        recorded = self._recorded.next(position)
        number = position.epoch * self.batches_per_epoch + position.batch - 1
        epoch, batch = divmod(number, self._spoken.batches_per_epoch)
        return _alternating(recorded, self._spoken.next(SamplerPosition(epoch, batch)))


def _alternating(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """All of both; the rarer kind is spread over the rows."""
    place = np.concatenate([(np.arange(len(kind)) + 0.5) / len(kind) for kind in (first, second)])
    return np.concatenate([first, second])[np.argsort(place, kind="stable")]
