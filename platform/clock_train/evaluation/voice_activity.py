"""Where somebody speaks: a recording without its long silences, as Resemblyzer's d-vectors were trained.

The rules and numbers are those of Resemblyzer's ``preprocess_wav``, and so is the result, sample by sample. That one
turns each sample into a Python object on its way to the detector, which cost more than the detector.
Source: Wan et al. (2018); the detector is WebRTC's.
"""

from __future__ import annotations

import numpy as np

from clock_train.evaluation.judge_library import judge_library
from clock_train.evaluation.judged_waveform import JUDGE_RATE_HZ

LOUDNESS_DBFS = -30.0
"""Quieter recordings are raised to this; louder ones stay."""
WINDOW_SAMPLES = JUDGE_RATE_HZ * 30 // 1000
STRICTEST = 3
"""Of the detector's modes."""
AVERAGED_WINDOWS = 8
LONGEST_SILENCE_WINDOWS = 6


def without_silences(waveform: np.ndarray, judge: str) -> np.ndarray:
    """The waveform at the judge's level, whole 30 ms windows, without silences that are longer than 180 ms.

    Args:
        waveform: (T,) float32 at 16 kHz, not silent.
        judge: who asks, for the message.
    Returns:
        (T',) float, T' <= T; empty where nothing sounds like speech.
    Raises:
        JudgeMissing: webrtcvad is not installed.
    """
    webrtcvad = judge_library("webrtcvad", judge)
    loudness_dbfs = 20 * np.log10(np.sqrt(np.mean((waveform * 32767) ** 2)) / 32767)
    if loudness_dbfs < LOUDNESS_DBFS:
        waveform = waveform * (10 ** ((LOUDNESS_DBFS - loudness_dbfs) / 20))
    num_windows = len(waveform) // WINDOW_SAMPLES
    waveform = waveform[: num_windows * WINDOW_SAMPLES]
    samples = np.round(waveform * 32767).astype(np.int16).tobytes()
    detector, width = webrtcvad.Vad(mode=STRICTEST), 2 * WINDOW_SAMPLES
    is_speech = [
        detector.is_speech(samples[start : start + width], sample_rate=JUDGE_RATE_HZ)
        for start in range(0, num_windows * width, width)
    ]
    return waveform[np.repeat(_smoothed(np.array(is_speech, dtype=float)), WINDOW_SAMPLES)]


def _smoothed(is_speech: np.ndarray) -> np.ndarray:
    """(windows,) bool: where most of the windows around are speech, and what is near to such a place."""
    if not len(is_speech):
        return np.zeros(0, dtype=bool)
    padded = np.pad(is_speech, ((AVERAGED_WINDOWS - 1) // 2, AVERAGED_WINDOWS // 2))
    # round() goes to the even number: half of the windows are not most
    most = np.round(np.convolve(padded, np.ones(AVERAGED_WINDOWS), mode="valid") / AVERAGED_WINDOWS)
    reach = LONGEST_SILENCE_WINDOWS // 2
    return np.convolve(most, np.ones(2 * reach + 1))[reach : reach + len(is_speech)] > 0
