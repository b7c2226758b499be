"""Does the melody follow the recording: log-F0 error and voicing error along a warping path."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clock_train.audio.f0 import f0
from clock_train.evaluation.judged_waveform import judged_waveform
from clock_train.evaluation.mel_distance import judged_mel, warp


@dataclass(frozen=True, kw_only=True)
class Melody:
    """The pitch of one sound, frame by frame."""

    hz: np.ndarray
    """(frames,) float32, 0 where unvoiced."""
    is_voiced: np.ndarray
    """(frames,) bool."""


@dataclass(frozen=True, kw_only=True)
class F0Error:
    """Over the path's pairs of frames."""

    log_rmse: float | None
    """Root mean square difference of ln F0 where both are voiced (0.0578 is a semitone); none without such a frame."""
    voicing_error: float
    """Share of pairs of which one is voiced and the other is not."""


def f0_error(natural: np.ndarray, generated: np.ndarray, path: np.ndarray | None = None) -> F0Error:
    """Compare the melodies of two waveforms of one sentence.

    Args:
        natural: (T,) float32 at 16 kHz.
        generated: (T',) float32 at 16 kHz.
        path: (P, 2) frames that belong together; by default the warping path of their log-mels.
    """
    if path is None:
        path = warp(judged_mel(natural), judged_mel(generated)).path
    return melody_error(melody(natural), melody(generated), path)


def melody(waveform: np.ndarray) -> Melody:
    """The pitch of a waveform, (T,) float32 at 16 kHz."""
    hz, is_voiced = f0(judged_waveform(waveform))
    return Melody(hz=hz, is_voiced=is_voiced)


def melody_error(natural: Melody, generated: Melody, path: np.ndarray) -> F0Error:
    """The same from melodies that were tracked already."""
    first_hz, first_voiced = natural.hz[path[:, 0]], natural.is_voiced[path[:, 0]]
    second_hz, second_voiced = generated.hz[path[:, 1]], generated.is_voiced[path[:, 1]]
    both = first_voiced & second_voiced
    log_rmse = None
    if both.any():
        log_rmse = float(np.sqrt(np.mean(np.log(first_hz[both] / second_hz[both]) ** 2)))
    return F0Error(log_rmse=log_rmse, voicing_error=float(np.mean(first_voiced != second_voiced)))
