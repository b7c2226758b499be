"""One clip measured, and the rules that a single clip must keep.

The rules are the article's: at least 16 kHz and 16 bit, no background noise, no clipping, little silence. Rules that
compare a clip with its neighbours (speaking rate, duplicates, other voices) are in `consistency`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from clock_train.audio.activity import activity
from clock_train.audio.f0 import f0
from clock_train.audio.loudness import clipping_percent, loudness_lufs, peak_dbfs
from clock_train.audio.mel import log_mel
from clock_train.audio.mfcc import mfcc_of_mel
from clock_train.audio.reading import AudioInfo
from clock_train.data.manifest import ClipQuality

MARGIN_S = 0.1
"""Silence kept before and after the speech."""
_ACTIVITY_LEAD_S, _ACTIVITY_HANGOVER_S = 0.05, 0.15
"""What `activity` itself puts around speech."""

MIN_SAMPLE_RATE_HZ = 16_000
MIN_BITS = 16
MIN_SNR_DB = 15.0
"""The article asks for no background noise and itself adds noise at 15 dB and above as augmentation."""
MAX_CLIPPING_PERCENT = 0.1
MAX_SILENCE_PERCENT = 60.0
MIN_LOUDNESS_LUFS = -45.0
"""Below this a 16-bit recording has fewer than 9 bits left for the voice."""
MIN_SPEECH_S = 0.3
MAX_SECONDS = 12.0
"""Longer examples decide the memory of a training batch; longer recordings are cut at pauses first."""
MAX_CHANNEL_DIFFERENCE_DB = -12.0
"""Two channels that share less than this are two microphones or two persons, and their mean is neither."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A trimmed clip and what later comparisons need of it."""

    waveform: np.ndarray
    """(T,) float32, trimmed."""
    start_s: float
    """Of the trimmed clip in the waveform that was given."""
    end_s: float
    speech_s: float
    quality: ClipQuality
    print: np.ndarray
    """(16, 32) float32, unit norm: the mel picture on a coarse grid, for finding duplicates."""
    timbre: np.ndarray
    """(40,) float32: mean and spread of the MFCC 1-20 over loud frames."""
    f0_median_hz: float
    """0 without a voiced frame."""


def measure(
    waveform: np.ndarray, sample_rate_hz: int, *, info: AudioInfo, num_phones: float, difference_db: float | None
) -> Measured:
    """Trim one clip and measure it.

    Args:
        waveform: (T,) float32, [-1, 1], with whatever silence surrounds it.
        sample_rate_hz: of the waveform.
        info: what the file said about itself.
        num_phones: of the text, for the speaking rate.
        difference_db: between the channels, None for one channel.
    """
    found = activity(waveform, sample_rate_hz)
    seconds = len(waveform) / sample_rate_hz
    start_s, end_s = 0.0, seconds
    if found.segments:
        start_s = max(0.0, found.segments[0][0] + _ACTIVITY_LEAD_S - MARGIN_S)
        end_s = min(seconds, found.segments[-1][1] - _ACTIVITY_HANGOVER_S + MARGIN_S)
    trimmed = waveform[round(start_s * sample_rate_hz) : round(end_s * sample_rate_hz)]
    speech_s = sum(end - start for start, end in found.segments)
    log_mel_MT = log_mel(trimmed)
    f0_hz, is_voiced = f0(trimmed, sample_rate_hz)
    voiced_hz = f0_hz[is_voiced]
    low, median, high = np.percentile(voiced_hz, (10, 50, 90)) if len(voiced_hz) else (0.0, 0.0, 0.0)
    quality = ClipQuality(
        snr_db=_rounded(found.snr_db, 1),
        clipping_percent=_rounded(clipping_percent(trimmed), 4),
        silence_percent=_rounded(100.0 * max(0.0, 1.0 - speech_s / max(end_s - start_s, 0.01)), 1),
        loudness_lufs=_rounded(loudness_lufs(trimmed, sample_rate_hz), 1),
        peak_db=_rounded(peak_dbfs(trimmed), 1),
        f0_median_hz=_rounded(float(median), 1) if median else None,
        f0_spread_semitones=_rounded(12 * math.log2(high / low), 2) if low else None,
        rate_phones_per_s=_rounded(num_phones / speech_s, 2) if speech_s else None,
        channel_difference_db=None if difference_db is None else _rounded(max(difference_db, -120.0), 1),
        sample_rate_hz=info.sample_rate_hz,
        bits_per_sample=info.bits_per_sample,
    )
    return Measured(
        waveform=trimmed, start_s=start_s, end_s=end_s, speech_s=speech_s, quality=quality,
        print=_print(log_mel_MT), timbre=_timbre(log_mel_MT), f0_median_hz=float(median),
    )  # fmt: skip


def broken_rules(measured: Measured) -> list[str]:
    """Codes of the rules that the clip breaks by itself, the most basic first."""
    quality = measured.quality
    if quality.loudness_lufs is None or (not measured.speech_s and quality.loudness_lufs < MIN_LOUDNESS_LUFS):
        return ["Silent"]
    if not measured.speech_s:
        return ["NoVoice"]
    difference_db = quality.channel_difference_db
    rules = (
        ("SampleRateTooLow", (quality.sample_rate_hz or 0) < MIN_SAMPLE_RATE_HZ),
        ("BitDepthTooLow", quality.bits_per_sample is not None and quality.bits_per_sample < MIN_BITS),
        ("ChannelsDiffer", difference_db is not None and difference_db > MAX_CHANNEL_DIFFERENCE_DB),
        ("Clipped", (quality.clipping_percent or 0.0) > MAX_CLIPPING_PERCENT),
        ("TooQuiet", quality.loudness_lufs < MIN_LOUDNESS_LUFS),
        ("TooNoisy", (quality.snr_db or 0.0) < MIN_SNR_DB),
        ("TooMuchSilence", (quality.silence_percent or 0.0) > MAX_SILENCE_PERCENT),
        ("TooShort", measured.speech_s < MIN_SPEECH_S),
        ("TooLong", measured.end_s - measured.start_s > MAX_SECONDS),
    )
    return [code for code, is_broken in rules if is_broken]


def _rounded(value: float, digits: int) -> float | None:
    """JSON has no infinity, and digits beyond the measurement's own error would make every build differ."""
    return round(float(value), digits) if math.isfinite(value) else None


def _print(log_mel_MT: np.ndarray) -> np.ndarray:
    num_bands, num_frames = log_mel_MT.shape
    bands = log_mel_MT.reshape(16, num_bands // 16, num_frames).mean(axis=1)
    edges = np.linspace(0, num_frames, 33)
    centres = (edges[:-1] + edges[1:]) / 2 - 0.5
    grid = np.stack([np.interp(centres, np.arange(num_frames), band) for band in bands])
    grid -= grid.mean(axis=1, keepdims=True)
    return (grid / max(float(np.linalg.norm(grid)), 1e-6)).astype(np.float32)


def _timbre(log_mel_MT: np.ndarray) -> np.ndarray:
    level = log_mel_MT.mean(axis=0)
    loud = log_mel_MT[:, level >= np.percentile(level, 40)]
    cepstra = mfcc_of_mel(loud)[1:21]
    return np.concatenate([cepstra.mean(axis=1), cepstra.std(axis=1)]).astype(np.float32)
