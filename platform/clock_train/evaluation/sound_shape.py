"""What the distances look at in one sound, worked out once however many others it is compared with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clock_train.evaluation.f0_error import Melody, melody
from clock_train.evaluation.judged_waveform import judged_waveform
from clock_train.evaluation.mel_cepstral_distortion import cepstra_of_mel
from clock_train.evaluation.mel_distance import judged_mel


@dataclass(frozen=True, kw_only=True)
class SoundShape:
    """Spectrum and melody of one sound, in frames of 16 ms."""

    mel: np.ndarray
    """(80, frames), natural log."""
    cepstra: np.ndarray
    """(24, frames), c1 to c24 in dB."""
    melody: Melody


def sound_shape(waveform: np.ndarray) -> SoundShape:
    """The shape of a waveform, (T,) float32 at 16 kHz.

    Raises:
        WaveformUnjudgeable: nothing in the waveform can be judged.
    """
    waveform = judged_waveform(waveform)
    mel = judged_mel(waveform)
    return SoundShape(mel=mel, cepstra=cepstra_of_mel(mel), melody=melody(waveform))
