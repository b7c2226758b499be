"""Formants F1 to F4: the resonances of the mouth, from the roots of a linear predictor.

Ten poles describe five formants up to ``max_hz``, which is 5.5 kHz for a short vocal tract and 5 kHz for a long one
(Praat's advice); which it is, the pitch decides. Autocorrelation method, so the predictor is always stable.
Source: Markel and Gray, Linear Prediction of Speech (1976).
"""

from __future__ import annotations

import numpy as np

from clock_train.audio.f0 import f0
from clock_train.audio.resampling import resample

NUM_FORMANTS = 4
NUM_POLES = 10
WINDOW_S = 0.032
PRE_EMPHASIS_HZ = 50.0
LOW_VOICE_HZ = 150.0
MAX_HZ_LOW_VOICE, MAX_HZ_HIGH_VOICE = 5000.0, 5500.0
MIN_FORMANT_HZ = 120.0
MAX_BANDWIDTH_HZ = 600.0
"""Wider poles shape the slope of the spectrum and are no resonance of the mouth."""
WHITE_NOISE_RATIO = 1e-6
"""Added to lag 0 (-60 dB): keeps the recursion stable on pure tones."""


def formants(
    waveform: np.ndarray, sample_rate_hz: int = 16_000, hop_samples: int = 256, max_hz: float | None = None
) -> np.ndarray:
    """Formant frequencies of each voiced frame.

    Args:
        waveform: (T,) float, [-1, 1].
        sample_rate_hz: at least 10,000, or F4 is beyond the recording.
        hop_samples: one frame, framed as ``f0`` and ``log_mel``.
        max_hz: the ceiling for five formants; None takes 5 kHz below a median F0 of 150 Hz and 5.5 kHz above.
    Returns:
        (4, ceil(T / hop)) float32 in Hz, rising; NaN where unvoiced or not found.
    """
    f0_hz, is_voiced = f0(waveform, sample_rate_hz, hop_samples)
    found = np.full((NUM_FORMANTS, len(f0_hz)), np.nan, dtype=np.float32)
    if not is_voiced.any():
        return found
    if max_hz is None:
        max_hz = MAX_HZ_LOW_VOICE if np.median(f0_hz[is_voiced]) < LOW_VOICE_HZ else MAX_HZ_HIGH_VOICE
    rate_hz = round(min(2 * max_hz, sample_rate_hz))
    slow = resample(waveform, sample_rate_hz, rate_hz)
    emphasis = np.exp(-2 * np.pi * PRE_EMPHASIS_HZ / rate_hz)
    slow = np.append(slow[:1], slow[1:] - emphasis * slow[:-1]).astype(np.float64)

    window_samples = round(WINDOW_S * rate_hz)
    padded = np.pad(slow, (window_samples // 2, window_samples))
    views = np.lib.stride_tricks.sliding_window_view(padded, window_samples)
    frames = np.flatnonzero(is_voiced)
    starts = np.rint((frames + 0.5) * hop_samples * rate_hz / sample_rate_hz).astype(np.int64)
    # One window at a time is copied, so an hour of voice does not become an array of windows.
    for start in range(0, len(frames), 1024):
        part = slice(start, start + 1024)
        cut = views[np.minimum(starts[part], len(views) - 1)] * np.hamming(window_samples)
        found[:, frames[part]] = _resonances(_predictors(cut), rate_hz).T
    return found


def median_formants(waveform: np.ndarray, sample_rate_hz: int = 16_000) -> np.ndarray:
    """(4,) float32: the median of each formant over the voiced frames, NaN where there is none."""
    found = formants(waveform, sample_rate_hz)
    return np.array(
        [np.median(row[~np.isnan(row)]) if (~np.isnan(row)).any() else np.nan for row in found], dtype=np.float32
    )


def _predictors(frames: np.ndarray) -> np.ndarray:
    """(n, NUM_POLES + 1) prediction polynomials, first coefficient 1: Levinson's recursion, all frames at once."""
    num_frames, window_samples = frames.shape
    correlation = np.stack(
        [np.einsum("ij,ij->i", frames[:, lag:], frames[:, : window_samples - lag]) for lag in range(NUM_POLES + 1)],
        axis=1,
    )
    correlation[:, 0] = correlation[:, 0] * (1 + WHITE_NOISE_RATIO) + 1e-12
    polynomial = np.zeros((num_frames, NUM_POLES + 1))
    polynomial[:, 0] = 1.0
    error = correlation[:, 0].copy()
    for order in range(1, NUM_POLES + 1):
        mismatch = np.einsum("ij,ij->i", polynomial[:, :order], correlation[:, order:0:-1])
        reflection = -mismatch / error
        polynomial[:, 1 : order + 1] += reflection[:, None] * polynomial[:, order - 1 :: -1][:, :order]
        error *= 1 - reflection**2
    return polynomial


def _resonances(polynomial: np.ndarray, rate_hz: int) -> np.ndarray:
    """(n, NUM_FORMANTS) Hz, rising, NaN where fewer narrow poles exist."""
    companion = np.zeros((len(polynomial), NUM_POLES, NUM_POLES))
    companion[:, 0] = -polynomial[:, 1:]
    companion[:, np.arange(1, NUM_POLES), np.arange(NUM_POLES - 1)] = 1.0
    poles = np.linalg.eigvals(companion)
    hz = np.angle(poles) * rate_hz / (2 * np.pi)
    bandwidth_hz = -np.log(np.maximum(np.abs(poles), 1e-9)) * rate_hz / np.pi
    is_formant = (hz > MIN_FORMANT_HZ) & (hz < rate_hz / 2 - MIN_FORMANT_HZ) & (bandwidth_hz < MAX_BANDWIDTH_HZ)
    # NaN sorts last.
    return np.sort(np.where(is_formant, hz, np.nan), axis=1)[:, :NUM_FORMANTS]
