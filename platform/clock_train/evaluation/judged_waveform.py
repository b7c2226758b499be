"""What every judge asks of a waveform before it looks at it."""

from __future__ import annotations

import numpy as np

from clock_train.errors import WaveformUnjudgeable

JUDGE_RATE_HZ = 16_000
"""The rate that all judges here were trained at or are defined for."""
MIN_SAMPLES = JUDGE_RATE_HZ // 20
"""50 ms: three mel frames, below which neither a path nor a pitch means anything."""


def judged_waveform(waveform: np.ndarray) -> np.ndarray:
    """The waveform as contiguous float32, clipped to [-1, 1].

    Args:
        waveform: (T,) at 16 kHz.
    Raises:
        WaveformUnjudgeable: not one channel, shorter than 50 ms, not finite, or silent.
    """
    waveform = np.ascontiguousarray(waveform, dtype=np.float32)
    if waveform.ndim != 1:
        raise WaveformUnjudgeable(f"a waveform of shape {waveform.shape} is not mono. Give one channel of samples.")
    if len(waveform) < MIN_SAMPLES:
        raise WaveformUnjudgeable(
            f"a waveform of {len(waveform)} samples is shorter than {MIN_SAMPLES} (50 ms at 16 kHz). Give more speech."
        )
    if not np.isfinite(waveform).all():
        raise WaveformUnjudgeable(
            "the waveform has samples that are no numbers. The model that made it diverged: use an earlier checkpoint."
        )
    if not np.any(waveform):
        raise WaveformUnjudgeable("the waveform is silent, every sample is zero. Check what made it.")
    return np.clip(waveform, -1.0, 1.0)


def pcm_bytes(waveform: np.ndarray) -> bytes:
    """(T,) in [-1, 1] as 16-bit little-endian samples, which pocketsphinx reads."""
    return (waveform * 32767.0).astype("<i2").tobytes()
