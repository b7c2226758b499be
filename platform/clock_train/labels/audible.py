"""The label that people hear: four tones in the rhythm short, long, short, short, as GB 45438-2025 describes it."""

from __future__ import annotations

import numpy as np

TONE_HZ = 1000.0
SHORT_SECONDS, LONG_SECONDS, GAP_SECONDS, REST_SECONDS = 0.12, 0.36, 0.12, 0.4
RHYTHM = (SHORT_SECONDS, LONG_SECONDS, SHORT_SECONDS, SHORT_SECONDS)
LEVEL = 0.1
"""About -23 dBFS: heard before speech, without a start."""
FADE_SECONDS = 0.01


def rhythm(sample_rate_hz: int) -> np.ndarray:
    """(n,) float32: the tones and a rest after them."""
    pieces = []
    for seconds in RHYTHM:
        t = np.arange(round(seconds * sample_rate_hz)) / sample_rate_hz
        edges = np.clip(np.minimum(t, t[-1] - t) / FADE_SECONDS, 0.0, 1.0)
        pieces += [LEVEL * edges * np.sin(2 * np.pi * TONE_HZ * t), np.zeros(round(GAP_SECONDS * sample_rate_hz))]
    return np.concatenate([*pieces, np.zeros(round(REST_SECONDS * sample_rate_hz))]).astype(np.float32)


def with_rhythm(waveform: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """The sound after the tones."""
    return np.concatenate([rhythm(sample_rate_hz), waveform])
