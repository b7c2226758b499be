"""Stretches of a sound replaced by silence or by a tone."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

import numpy as np

TONE_HZ, TONE_PEAK = 1000.0, 0.1
"""What broadcasters put over words, at -20 dB of full scale."""
FADE_S = 0.005


class SoundMask(Enum):
    """What is heard instead."""

    SILENCE = "silence"
    TONE = "tone"


def masked_sound(
    waveform: np.ndarray, sample_rate_hz: int, spans: Sequence[tuple[float, float]], mask: SoundMask
) -> np.ndarray:
    """A sound without some of it; nothing of what was there is left in those stretches.

    Args:
        waveform: (T,) float32.
        sample_rate_hz: of it.
        spans: seconds, begin and end.
        mask: what is heard instead.
    Returns:
        (T,) float32.
    """
    result = waveform.copy()
    for begin_s, end_s in spans:
        begin, end = max(0, int(begin_s * sample_rate_hz)), min(len(result), int(np.ceil(end_s * sample_rate_hz)))
        if end <= begin:
            continue
        result[begin:end] = 0.0
        if mask is SoundMask.TONE:
            time_s = np.arange(end - begin) / sample_rate_hz
            fade = np.minimum(1.0, np.minimum(time_s, time_s[::-1]) / FADE_S)
            result[begin:end] = (TONE_PEAK * fade * np.sin(2 * np.pi * TONE_HZ * time_s)).astype(np.float32)
    return result
