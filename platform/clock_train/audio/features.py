"""Everything a training clip is described by, computed together so that the spectrogram is made once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clock_train.audio.f0 import f0
from clock_train.audio.mel import DEFAULT_MEL, MelConfig, log_mel
from clock_train.audio.mfcc import mfcc_of_mel


@dataclass(frozen=True, kw_only=True)
class Features:
    """One clip's features; all have ceil(T / hop) frames."""

    mel: np.ndarray
    """(n_mels, frames) float32, natural log."""
    mfcc: np.ndarray
    """(40, frames) float32."""
    f0_hz: np.ndarray
    """(frames,) float32, 0 where unvoiced."""
    is_voiced: np.ndarray
    """(frames,) bool."""


def features(waveform: np.ndarray, config: MelConfig = DEFAULT_MEL) -> Features:
    """Log-mel, MFCC and F0 of (T,) float32 at ``config.sample_rate_hz``."""
    mel = log_mel(waveform, config)
    f0_hz, is_voiced = f0(waveform, config.sample_rate_hz, config.hop_samples)
    return Features(mel=mel, mfcc=mfcc_of_mel(mel), f0_hz=f0_hz, is_voiced=is_voiced)
