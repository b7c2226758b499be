"""Where somebody speaks, how loud the room is, and by how much the voice stands above it.

Energy against an adaptive floor: the floor is the quietest 100 ms of the seconds around, so it follows a fan that
starts in the middle. Speech begins where the level rises well above the floor and ends, some hangover later, where it
has come back near it. No model: this runs in the gateway and while recording, at thousands of times real time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

STEP_S = 0.01
SMOOTH_STEPS = 3
FLOOR_SMOOTH_STEPS = 10
FLOOR_REACH_S = 2.0
"""The floor is looked for this far on both sides; reading aloud has a stop closure or a pause within it."""
FLOOR_BIAS_DB = 0.4
"""The quietest of many noisy readings lies below their mean; measured on white noise."""
ONSET_DB, RELEASE_DB = 6.0, 3.5
LOUD_PERCENTILE = 95.0
RANGE_DB = 40.0
"""Breath and reverberation of a studio take stand above its floor, but this far below the voice."""
HANGOVER_S = 0.15
ONSET_LEAD_S = 0.05
"""A voiceless beginning (f, h, s) is weaker than the onset threshold."""
MIN_SPEECH_S = 0.08
MIN_NOISE_S = 0.1
FLOOR_DBFS = -90.0
"""Quieter than any 16-bit recording's own noise; digital silence counts as this."""
CHUNK_STEPS = 6000


@dataclass(frozen=True, kw_only=True)
class Activity:
    """What was found in one recording."""

    segments: tuple[tuple[float, float], ...]
    """(start, end) in seconds, in order, not touching."""
    noise_floor_db: float
    """RMS of the parts without speech, dBFS, at least -90."""
    speech_level_db: float
    """RMS of the speech itself, noise taken off, dBFS; -90 without speech."""
    snr_db: float
    """speech_level_db - noise_floor_db; 0 without speech."""
    silence_percent: float
    """Time outside the segments, of the whole."""


def activity(waveform: np.ndarray, sample_rate_hz: int) -> Activity:
    """Segments, noise and speech levels in one pass.

    Args:
        waveform: (T,) float, [-1, 1].
        sample_rate_hz: its rate.
    Returns:
        See ``Activity``; times are multiples of 10 ms.
    """
    power = _step_powers(waveform, sample_rate_hz)
    if not len(power):
        return Activity(
            segments=(), noise_floor_db=FLOOR_DBFS, speech_level_db=FLOOR_DBFS, snr_db=0.0, silence_percent=100.0
        )
    level_db = _db(_smoothed(power, SMOOTH_STEPS))
    floor_db = _floor(power)
    is_core = _speech_steps(level_db, floor_db)
    is_speech = _widened(is_core)

    is_noise = ~is_speech
    if is_noise.sum() * STEP_S >= MIN_NOISE_S:
        noise_power = float(power[is_noise].mean())
    else:
        noise_power = 10 ** (float(floor_db.mean()) / 10)
    noise_power = max(noise_power, 10 ** (FLOOR_DBFS / 10))
    speech_power = max(float(power[is_core].mean()) - noise_power, 0.0) if is_core.any() else 0.0
    noise_db = float(_db(np.array(noise_power)))
    speech_db = float(_db(np.array(speech_power)))
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_speech, [False]])))
    seconds = len(waveform) / sample_rate_hz
    segments = tuple(
        (round(float(start) * STEP_S, 2), min(round(float(end) * STEP_S, 2), seconds))
        for start, end in zip(edges[::2], edges[1::2], strict=True)
    )
    return Activity(
        segments=segments,
        noise_floor_db=noise_db,
        speech_level_db=speech_db,
        snr_db=speech_db - noise_db if speech_power > 0 else 0.0,
        silence_percent=100.0 * float(is_noise.mean()),
    )


def speech_segments(waveform: np.ndarray, sample_rate_hz: int) -> list[tuple[float, float]]:
    """(start, end) in seconds of each stretch of speech."""
    return list(activity(waveform, sample_rate_hz).segments)


def noise_floor_db(waveform: np.ndarray, sample_rate_hz: int) -> float:
    """RMS of the parts without speech, dBFS, at least -90."""
    return activity(waveform, sample_rate_hz).noise_floor_db


def signal_to_noise_db(waveform: np.ndarray, sample_rate_hz: int) -> float:
    """Speech level over noise floor in dB; 0 where nobody speaks."""
    return activity(waveform, sample_rate_hz).snr_db


def _step_powers(waveform: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """Mean square of each 10 ms, without the recording's constant offset; the last, partial step is its own mean."""
    step_samples = max(1, round(STEP_S * sample_rate_hz))
    num_whole = len(waveform) // step_samples
    offset = float(waveform.mean(dtype=np.float64)) if len(waveform) else 0.0
    powers = []
    for start in range(0, num_whole, CHUNK_STEPS):
        end = min(start + CHUNK_STEPS, num_whole)
        steps = np.asarray(waveform[start * step_samples : end * step_samples], dtype=np.float32) - np.float32(offset)
        steps = steps.reshape(end - start, step_samples)
        powers.append(np.einsum("ij,ij->i", steps, steps) / step_samples)
    rest = waveform[num_whole * step_samples :]
    if len(rest):
        powers.append(np.array([np.mean((rest - offset) ** 2)]))
    return np.concatenate(powers).astype(np.float64) if powers else np.zeros(0)


def _db(power: np.ndarray) -> np.ndarray:
    return 10 * np.log10(np.maximum(power, 10 ** (FLOOR_DBFS / 10)))


def _smoothed(power: np.ndarray, steps: int) -> np.ndarray:
    from scipy.ndimage import uniform_filter1d

    return np.asarray(uniform_filter1d(power, steps, mode="nearest"))


def _floor(power: np.ndarray) -> np.ndarray:
    """dBFS of the room around each step."""
    from scipy.ndimage import minimum_filter1d

    level_db = _db(_smoothed(power, FLOOR_SMOOTH_STEPS))
    reach = 2 * round(FLOOR_REACH_S / STEP_S) + 1
    return np.asarray(minimum_filter1d(level_db, reach, mode="nearest")) + FLOOR_BIAS_DB


def _speech_steps(level_db: np.ndarray, floor_db: np.ndarray) -> np.ndarray:
    """Steps that are speech themselves: runs above the release line that reach the onset line for long enough."""
    lowest = np.percentile(level_db, LOUD_PERCENTILE) - RANGE_DB
    is_above = level_db > np.maximum(floor_db + RELEASE_DB, lowest)
    is_loud = level_db > np.maximum(floor_db + ONSET_DB, lowest)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_above, [False]])))
    is_speech = np.zeros(len(level_db), dtype=bool)
    loud_so_far = np.concatenate([[0], np.cumsum(is_loud)])
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        if (loud_so_far[end] - loud_so_far[start]) * STEP_S >= MIN_SPEECH_S:
            is_speech[start:end] = True
    return is_speech


def _widened(is_speech: np.ndarray) -> np.ndarray:
    """With the lead before each run and the hangover after it."""
    lead, hangover = round(ONSET_LEAD_S / STEP_S), round(HANGOVER_S / STEP_S)
    steps = is_speech.astype(np.int32)
    counts = np.concatenate([np.zeros(hangover + 1, dtype=np.int64), np.cumsum(np.pad(steps, (0, lead)))])
    # A step is speech when any step from hangover before it to lead after it is.
    return counts[hangover + 1 + lead :][: len(steps)] > counts[: len(steps)]
