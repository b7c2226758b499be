"""Where in the pattern a sound lies: every offset of every key at once, by one correlation in the frequency domain.

A look is one key at one offset. Its statistic is sum(sign · d) / sqrt(sum(d²)) over the sync cells d. With a secret
sign of its own for every d, no property of the sound is needed to know how it is distributed: for any d whatever,
silence, tones and another key's mark included, the probability of a value above t is at most 3.18 times that of a
standard normal (Bentkus and Dzindzalieta, 2015). Several signs for one d, or one sign for two, would break it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from clock_train.watermark.framing import CELL_HOPS, CYCLE_HOPS, NUM_COLUMNS, NUM_ROWS, spectrum_of
from clock_train.watermark.pattern import ROLES, SYNC, TILE, QuarterKey, header_key, signs

TAIL_FACTOR = 1 / (2 * math.erfc(1.0))
"""3.178: 1 / (4 Q(sqrt 2)), the smallest factor that holds for every t."""
_SYNC_RESIDUES = np.flatnonzero(TILE == SYNC)


@dataclass(frozen=True)
class Look:
    """The best of the looks of one key at one part of a sound."""

    statistic: float
    offset_hops: int
    """Of the part's first hop in the pattern, 0 to ``CYCLE_HOPS``."""
    key: QuarterKey


def log10_tail(statistic: float) -> float:
    """log10 of the bound on the probability of one look's value, without any search."""
    if statistic <= 0.0:
        return 0.0
    scaled = statistic / math.sqrt(2.0)
    if scaled < 25.0:
        return min(0.0, math.log10(TAIL_FACTOR * 0.5 * math.erfc(scaled)))
    # erfc underflows; its first term is an upper bound
    return (-(scaled**2) - math.log(scaled * math.sqrt(math.pi) * 2.0) + math.log(TAIL_FACTOR)) / math.log(10.0)


class PartSpectrum:
    """A part of a sound, prepared for any number of keys.

    Args:
        cells: (hops, rows) of ``Spectra.cells``, at most one cycle of the pattern long.
        step: hops from one phase of the columns to the next; 2 costs half and may lose a fifth of the statistic.
    """

    def __init__(self, cells: np.ndarray, *, step: int = 1) -> None:
        self._step = step
        columns = max(1, len(cells) // CELL_HOPS)
        grids = np.zeros((CELL_HOPS // step, NUM_ROWS, NUM_COLUMNS), dtype=np.float32)
        for n in range(len(grids)):
            each = cells[n * step :: CELL_HOPS][:columns]
            grids[n, :, : len(each)] = each.T
        self._spectrum = np.conj(spectrum_of(grids, axis=2))
        residues = (np.arange(columns) + 3 * np.arange(NUM_ROWS)[:, None]) % len(TILE)
        squares = grids[:, :, :columns] ** 2
        powers = np.stack(
            [np.bincount(residues.ravel(), squares[n].ravel(), minlength=len(TILE)) for n in range(len(grids))]
        )
        # a cell's role depends on where in the pattern it falls, so the sum of squares does too
        self._norms = np.stack(
            [powers[:, (_SYNC_RESIDUES - shift) % len(TILE)].sum(axis=1) for shift in range(len(TILE))], axis=1
        )

    def statistics(self, key: QuarterKey) -> np.ndarray:
        """(phases, columns) float32: every offset; zero where there is nothing to hear."""
        product = np.einsum("prf,rf->pf", self._spectrum, _sync_spectrum(key))
        sums = np.fft.irfft(product, n=NUM_COLUMNS, axis=1)
        norms = np.sqrt(np.tile(self._norms, (1, NUM_COLUMNS // len(TILE))))
        return np.where(norms > 0, sums / np.maximum(norms, 1e-20), 0.0).astype(np.float32)

    def best(self, key: QuarterKey) -> Look:
        """The offset with the highest statistic."""
        found = self.statistics(key)
        phase, column = np.unravel_index(int(found.argmax()), found.shape)
        return Look(float(found[phase, column]), (int(column) * CELL_HOPS - int(phase) * self._step) % CYCLE_HOPS, key)


@lru_cache(maxsize=64)
def _sync_spectrum(key: QuarterKey) -> np.ndarray:
    """Of the signs of the sync cells, (rows, frequencies) complex64."""
    return spectrum_of(np.where(ROLES == SYNC, signs(header_key(key)), np.float32(0)).T)
