"""Which clips make a batch, as a function of seed, epoch and position only.

No state but two integers, so that a resumed run meets the very batches it would have met. Clips of like length go
together; speakers with few clips are drawn more often (by the square root of their number), so that pretraining hears
everybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BUCKET_BATCHES = 8
"""Batches sorted by length together: more wastes less padding, fewer mixes better."""


@dataclass
class SamplerPosition:
    """Where in which epoch the next batch is; saved with each checkpoint."""

    epoch: int = 0
    batch: int = 0


class BatchPlan:
    """Batches of clip indices, endlessly."""

    def __init__(
        self, indices: Sequence[int], lengths: Sequence[int], speakers: Sequence[int], *, batch_size: int, seed: int
    ) -> None:
        self._indices = np.asarray(indices)
        self._lengths = np.asarray(lengths)[self._indices]
        self._speakers = np.asarray(speakers)[self._indices]
        self.batch_size = min(batch_size, len(self._indices))
        self._seed = seed
        self._cached: tuple[int, list[np.ndarray]] = (-1, [])

    @property
    def batches_per_epoch(self) -> int:
        """Whole batches of an epoch; the rest of the clips waits for another epoch's order."""
        return max(1, len(self._indices) // self.batch_size)

    def next(self, position: SamplerPosition) -> np.ndarray:
        """The clip indices at ``position``, which moves on."""
        if position.batch >= self.batches_per_epoch:
            position.epoch, position.batch = position.epoch + 1, 0
        if self._cached[0] != position.epoch:
            self._cached = (position.epoch, self._epoch(position.epoch))
        chosen = self._cached[1][position.batch]
        position.batch += 1
        return chosen

    def _epoch(self, epoch: int) -> list[np.ndarray]:
        rng = np.random.default_rng((self._seed, epoch))
        order = self._balanced_order(rng)[: self.batches_per_epoch * self.batch_size]
        batches: list[np.ndarray] = []
        step = BUCKET_BATCHES * self.batch_size
        for start in range(0, len(order), step):
            bucket = order[start : start + step]
            bucket = bucket[np.argsort(self._lengths[bucket], kind="stable")]
            batches += [bucket[i : i + self.batch_size] for i in range(0, len(bucket), self.batch_size)]
        return [self._indices[batches[i]] for i in rng.permutation(len(batches))]

    def _balanced_order(self, rng: np.random.Generator) -> np.ndarray:
        names, counts = np.unique(self._speakers, return_counts=True)
        if len(names) == 1:
            return rng.permutation(len(self._indices))
        share = np.sqrt(counts) / np.sqrt(counts).sum()
        parts = []
        for name, wanted in zip(names, np.ceil(share * len(self._indices)).astype(int), strict=True):
            own = np.flatnonzero(self._speakers == name)
            rounds = -(-wanted // len(own))
            parts.append(np.concatenate([rng.permutation(own) for _ in range(rounds)])[:wanted])
        return rng.permutation(np.concatenate(parts))
