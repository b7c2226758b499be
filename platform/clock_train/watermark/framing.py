"""Time and frequency as the mark sees them: windows of 16 ms every 4 ms, cells of two bins by four hops.

Milliseconds and hertz are what is kept at every sample rate, or a mark made at 24 kHz would be lost by a resample to
16 kHz. Short windows beat long ones: at the same PESQ, 256 samples at 16 kHz carry twice the statistic of 1,024.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

RATE_HZ = 16_000
"""The detector's rate; embedding works at the sound's own."""
HOP_SECONDS = 0.004
OVERLAP = 4
"""Windows over each sample; the sum of their squares is flat (1.5)."""
WINDOW_SUM = 1.5
CELL_HOPS = 4
CELL_BINS = 2
FIRST_BIN = 5
"""312.5 Hz: a telephone passes 300 Hz and up."""
NUM_ROWS = 54
"""Rows of cells, up to 7 kHz; a third of the statistic is above 4 kHz, and a telephone still passes the rest."""
NUM_COLUMNS = 3840
"""61.44 s of pattern before it repeats: a pattern that repeats in a file gives the key away."""
PERIOD_COLUMNS = 128
"""2.05 s: after so long every bit of the payload was sent."""
COLUMN_SECONDS = CELL_HOPS * HOP_SECONDS
CYCLE_HOPS = NUM_COLUMNS * CELL_HOPS
BIN_HZ = 1.0 / (OVERLAP * HOP_SECONDS)
LAST_BIN = FIRST_BIN + CELL_BINS * NUM_ROWS


def hop_samples(sample_rate_hz: int) -> int:
    """The nearest whole number of samples to 4 ms; a quarter of the window."""
    return round(sample_rate_hz * HOP_SECONDS)


@cache
def window(num_samples: int) -> np.ndarray:
    """Hann, periodic, (num_samples,) float32."""
    return np.float32(0.5) - np.float32(0.5) * np.cos(2 * np.pi * np.arange(num_samples) / num_samples).astype(
        np.float32
    )


def spectrum_of(frames: np.ndarray, *, axis: int = 1) -> npt.NDArray[np.complexfloating]:
    """The transform of real float32 frames, complex64; ``np.fft.rfft`` of them takes four times as long.

    Peculiar: numpy 2.4 takes its float64 loop for a scale without a type, and casts what goes in and out; only a
    scale that has one, as of ``norm="forward"``, leaves it in float32.
    """
    spectrum = np.fft.rfft(frames, axis=axis, norm="forward")
    spectrum *= np.float32(frames.shape[axis])
    return spectrum
