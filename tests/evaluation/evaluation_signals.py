"""Synthetic voices: a glottal pulse train through formants, so that pitch, speaker and words can be set apart."""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter

RATE_HZ = 16_000
VOWELS_HZ = ((730, 1090, 2440), (270, 2290, 3010), (570, 840, 2410), (300, 870, 2240), (660, 1720, 2410))
"""F1 to F3 of five vowels (Peterson and Barney, 1952)."""


def voice(
    vowels: str = "01234", *, f0_hz: float = 120.0, seconds: float = 1.6, tract: float = 1.0, seed: int = 0
) -> np.ndarray:
    """Vowels in turn, with a falling melody and a little breath.

    Args:
        vowels: digits into ``VOWELS_HZ``.
        f0_hz: at the start; it falls by a fifth.
        seconds: in all.
        tract: scales the formants, as a shorter vocal tract does.
        seed: of the breath noise.
    """
    num_samples = int(seconds * RATE_HZ)
    melody_hz = f0_hz * np.linspace(1.0, 0.8, num_samples)
    phase = np.cumsum(melody_hz / RATE_HZ)
    pulses = np.diff(np.floor(phase), prepend=0.0)
    source = lfilter([1.0], [1.0, -0.95], pulses) + 0.01 * np.random.default_rng(seed).standard_normal(num_samples)
    pieces = np.array_split(source, len(vowels))
    spoken = np.concatenate(
        [_formants(piece, VOWELS_HZ[int(v)], tract) for piece, v in zip(pieces, vowels, strict=True)]
    )
    return (0.3 * spoken / np.abs(spoken).max()).astype(np.float32)


def noise(seconds: float = 1.6, *, level: float = 0.1, seed: int = 1) -> np.ndarray:
    """White noise."""
    return (level * np.random.default_rng(seed).standard_normal(int(seconds * RATE_HZ))).astype(np.float32)


def stretched(waveform: np.ndarray, factor: float) -> np.ndarray:
    """Longer by ``factor`` and lower in pitch by as much."""
    positions = np.arange(0, len(waveform) - 1, 1 / factor)
    return np.interp(positions, np.arange(len(waveform)), waveform).astype(np.float32)


def _formants(source: np.ndarray, formants_hz: tuple[int, ...], tract: float) -> np.ndarray:
    for formant_hz in formants_hz:
        radius = np.exp(-np.pi * 80 / RATE_HZ)
        angle = 2 * np.pi * formant_hz * tract / RATE_HZ
        source = np.asarray(lfilter([1.0], [1.0, -2 * radius * np.cos(angle), radius**2], source))
    return source
