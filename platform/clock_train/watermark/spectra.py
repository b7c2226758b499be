"""What the detector looks at: one whitened number a cell, with the host's own structure taken out as far as it goes.

Speech's log-spectrum moves slowly and smoothly, so a cell is compared with its neighbours. The comparison is the best
linear one: weights from the covariance of log-spectra of speech around a cell (English and Italian recordings, six
minutes) and the shape that a mark has there, reduced to a product of one profile in time and one in frequency, which
keeps 97 % of it. Against the plain "cell less its surroundings" that is worth 1.4 times the statistic, or 3 dB of mark.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from clock_train.watermark.framing import (
    CELL_BINS,
    CELL_HOPS,
    FIRST_BIN,
    HOP_SECONDS,
    NUM_ROWS,
    OVERLAP,
    RATE_HZ,
    hop_samples,
    spectrum_of,
    window,
)

HOP = hop_samples(RATE_HZ)
LENGTH = OVERLAP * HOP
NUM_BINS = LENGTH // 2 + 1
TIME_PROFILE = np.array(
    [-0.10, -0.11, -0.41, -0.31, 0.86, 1.0, 1.0, 0.86, -0.31, -0.41, -0.11, -0.10], dtype=np.float32
)
TIME_BEFORE = 4
"""Hops of the profile before the cell."""
_HALF = [-0.08, -0.08, -0.18, -0.29, -0.33, 0.03, 0.95]
FREQUENCY_PROFILE = np.array(_HALF + _HALF[::-1], dtype=np.float64)
FREQUENCY_PROFILE -= FREQUENCY_PROFILE.mean()
BINS_BEFORE = 6
FLOOR = 1e-3
"""Of a bin's mean power, added before the logarithm: digital silence would dominate everything."""
NOISE_PERCENTILE, NOISE_MARGIN = 10, 2.5
"""A row's noise is its tenth percentile; weights are those of Wiener. A hard gate is worse than none."""
QUIETEST = 1e-7
"""Of the loudest row's power: below it lies what a band limit left."""
MOST_SIGMA = 3.0
"""Larger values are clipped: log-spectra have long tails."""
SMALLEST = 1e-12


class Spectra:
    """A sound's whitened cells at any speed: the spectrum is read at other places instead of resampling the sound.

    Args:
        waveform: (T,) float32 at ``RATE_HZ``.
    """

    def __init__(self, waveform: np.ndarray) -> None:
        self._padded = np.pad(np.asarray(waveform, dtype=np.float32), (LENGTH - HOP, 2 * LENGTH))
        self._seconds = len(waveform) / RATE_HZ
        self._frames = np.lib.stride_tricks.sliding_window_view(self._padded, LENGTH)
        power = self._power(1.0)
        self._floor = power.mean(axis=0) * FLOOR + SMALLEST
        self._weights = _weights(power)
        self._logs: dict[float, np.ndarray] = {1.0: np.log(power + self._floor)}

    def cells(self, speed: float = 1.0, pitch: float | None = None) -> np.ndarray:
        """One number for a cell beginning at each hop.

        Args:
            speed: how much faster the sound runs than when it was marked.
            pitch: how much higher it is; None: as much, as when a tape runs faster. 1 is a time-stretch.
        Returns:
            (hops, rows) float32, zero in silence.
        """
        pitch = speed if pitch is None else pitch
        logs = self._log_power(speed)
        across = logs @ _across(round(pitch, 6))
        padded = np.pad(across, ((TIME_BEFORE, len(TIME_PROFILE) - TIME_BEFORE - 1), (0, 0)), mode="edge")
        cells = np.zeros_like(across)
        for n, weight in enumerate(TIME_PROFILE):
            cells += weight * padded[n : n + len(across)]
        cells *= self._weights[self._places(speed, len(cells))]
        limit = MOST_SIGMA * float(np.sqrt(np.mean(cells**2))) + SMALLEST
        return np.clip(cells, -limit, limit)

    def _log_power(self, speed: float) -> np.ndarray:
        if speed not in self._logs:
            if len(self._logs) > 1:
                self._logs.popitem()  # a stretch follows the speed of the same hop: one besides 1.0 is enough
            self._logs[speed] = np.log(self._power(speed) + self._floor)
        return self._logs[speed]

    def _power(self, speed: float) -> np.ndarray:
        count = int(self._seconds * speed / HOP_SECONDS) + OVERLAP
        at = np.minimum(np.rint(np.arange(count) * (HOP / speed)).astype(np.int64), len(self._frames) - 1)
        spectrum = spectrum_of(self._frames[at] * window(LENGTH))
        return spectrum.real**2 + spectrum.imag**2

    def _places(self, speed: float, count: int) -> np.ndarray:
        return np.minimum(np.rint(np.arange(count) / speed).astype(np.int64), len(self._weights) - 1)


def _weights(power: np.ndarray) -> np.ndarray:
    """(hops, rows): how far a cell stands above the noise of its row, 0 to 1."""
    rows = power[:, FIRST_BIN : FIRST_BIN + CELL_BINS * NUM_ROWS].reshape(len(power), NUM_ROWS, CELL_BINS).sum(axis=2)
    sums = np.cumsum(np.pad(rows, ((1, CELL_HOPS - 1), (0, 0)), mode="edge"), axis=0, dtype=np.float64)
    cells = (sums[CELL_HOPS:] - sums[:-CELL_HOPS])[: len(power)]
    cells = np.pad(cells, ((0, len(power) - len(cells)), (0, 0)), mode="edge")
    noise = np.percentile(cells, NOISE_PERCENTILE, axis=0) * NOISE_MARGIN
    noise = np.maximum(noise, float(cells.mean(axis=0).max()) * QUIETEST) + SMALLEST
    return np.maximum(cells / (cells + noise), 0.0).astype(np.float32)


@cache
def _across(pitch: float) -> np.ndarray:
    """(bins, rows): the profile in frequency, at bins that moved by ``pitch``, between bins by interpolation."""
    matrix = np.zeros((NUM_BINS, NUM_ROWS))
    for row in range(NUM_ROWS):
        for n, weight in enumerate(FREQUENCY_PROFILE):
            place = min(max((FIRST_BIN + CELL_BINS * row + n - BINS_BEFORE) * pitch, 0.0), NUM_BINS - 1.0)
            low = min(int(place), NUM_BINS - 2)
            matrix[low, row] += weight * (low + 1 - place)
            matrix[low + 1, row] += weight * (place - low)
    return matrix.astype(np.float32)
