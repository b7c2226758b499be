"""Mel-frequency cepstral coefficients from the log-mel, and their changes over time.

The speaker encoder's input, as the article has it. The log-mel is the model's own (natural log of a magnitude
spectrum), so one spectrogram serves both.
"""

from __future__ import annotations

import numpy as np

from clock_train.audio.mel import DEFAULT_MEL, MelConfig, log_mel

NUM_COEFFICIENTS = 40
DELTA_REACH = 2
"""Frames on each side of the regression; 5 frames of 16 ms, the usual width."""


def mfcc(waveform: np.ndarray, config: MelConfig = DEFAULT_MEL) -> np.ndarray:
    """Cepstral coefficients.

    Args:
        waveform: (T,) float, [-1, 1].
        config: the framing.
    Returns:
        (40, ceil(T / hop)) float32; row 0 follows the energy.
    """
    return mfcc_of_mel(log_mel(waveform, config))


def mfcc_of_mel(mel: np.ndarray) -> np.ndarray:
    """(n_mels, frames) log-mel to (min(40, n_mels), frames) float32: the orthonormal DCT-II along the mel axis."""
    from scipy.fft import dct

    cepstrum = np.asarray(dct(mel, type=2, norm="ortho", axis=0))
    return cepstrum[:NUM_COEFFICIENTS].astype(np.float32, copy=False)


def with_deltas(mfcc: np.ndarray) -> np.ndarray:
    """Coefficients, their slope per frame and the slope's slope, stacked.

    Args:
        mfcc: (C, frames).
    Returns:
        (3 C, frames) float32; the ends are continued with the first and last frame.
    """
    first = _slope(mfcc)
    return np.concatenate([mfcc, first, _slope(first)]).astype(np.float32, copy=False)


def _slope(feature: np.ndarray) -> np.ndarray:
    """Least-squares slope over 2 * DELTA_REACH + 1 frames (HTK's regression formula)."""
    frames = feature.shape[1]
    if not frames:
        return feature.copy()
    padded = np.pad(feature, ((0, 0), (DELTA_REACH, DELTA_REACH)), mode="edge")
    slope = np.zeros_like(feature)
    for reach in range(1, DELTA_REACH + 1):
        later = padded[:, DELTA_REACH + reach : DELTA_REACH + reach + frames]
        earlier = padded[:, DELTA_REACH - reach : DELTA_REACH - reach + frames]
        slope += reach * (later - earlier)
    return slope / (2 * sum(reach * reach for reach in range(1, DELTA_REACH + 1)))
