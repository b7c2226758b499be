"""Sounds that differ in nothing but what is judged: one loudness, one rate, no labels; and sounds ruined on purpose."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np

from clock_train.audio.loudness import loudness_lufs, peak_dbfs
from clock_train.errors import ListeningTestInvalid

LOUDNESS_LUFS = -26.0
"""Where tests of speech are played (P.800 has -26 dB of overload)."""
HIGHEST_PEAK_DBFS = -1.0
LOWEST_LUFS = -33.0
"""Below it listeners turn the volume up for one sound and are hurt by the next program."""
RUINED_SNR_DB = 0.0


def equal_loudness(sounds: Mapping[str, np.ndarray], sample_rate_hz: int) -> tuple[dict[str, np.ndarray], float]:
    """The same sounds, all as loud as one another and none clipped.

    Args:
        sounds: (T,) float32 each, by name.
        sample_rate_hz: of all.

    Returns:
        The sounds and their loudness: -26 LUFS, or what the one with the highest peaks can reach without clipping.

    Raises:
        ListeningTestInvalid: one is silent, or has such peaks that the others would become too quiet.
    """
    levels, target, limited = {}, LOUDNESS_LUFS, ""
    for name, sound in sounds.items():
        levels[name] = loudness_lufs(sound, sample_rate_hz)
        if not np.isfinite(levels[name]):
            raise ListeningTestInvalid(f"{name} is silent, so that nobody can judge it; take its sentence out")
        reached = HIGHEST_PEAK_DBFS - peak_dbfs(sound) + levels[name]
        if reached < target:
            target, limited = reached, name
    if target < LOWEST_LUFS:
        raise ListeningTestInvalid(
            f"{limited} has peaks so high above its loudness that all others would be played at {target:.0f} LUFS; "
            "take its sentence out"
        )
    return {name: sound * np.float32(10 ** ((target - levels[name]) / 20)) for name, sound in sounds.items()}, target


def ruined(sound: np.ndarray, seed: str) -> np.ndarray:
    """A recording that anybody finds bad: noise that follows the voice and is as loud as it, cut to 8 levels.

    Args:
        sound: (T,) float32.
        seed: of the noise.
    """
    digest = hashlib.sha256(seed.encode()).digest()
    noise = np.random.default_rng(int.from_bytes(digest[:8], "big")).standard_normal(len(sound))
    noisy = sound * (1.0 + 10 ** (-RUINED_SNR_DB / 20) * noise)
    peak = float(np.abs(noisy).max()) or 1.0
    return (np.rint(noisy / peak * 4.0) / 4.0 * peak).astype(np.float32)
