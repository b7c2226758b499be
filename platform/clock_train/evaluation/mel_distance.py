"""How far two log-mels are apart along a warping path, and whether the right sentence is nearer than wrong ones.

The distance of a voice that says nothing recognisable is already lower than that of noise, so alone it proves little.
The mismatch ratio does: it compares with the same voice's recordings of other sentences.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clock_train.audio.mel import MelConfig, log_mel
from clock_train.evaluation.dtw import frame_distances, warping_path
from clock_train.evaluation.judged_waveform import judged_waveform


@dataclass(frozen=True, kw_only=True)
class WarpedMels:
    """Two log-mels and the path between them."""

    distance: float
    """Mean absolute difference of natural-log mel along the path, per band."""
    path: np.ndarray
    """(P, 2) int64: frames of the natural and of the generated one."""


def mel_distance(natural: np.ndarray, generated: np.ndarray) -> float:
    """The distance of two waveforms, (T,) float32 at 16 kHz each; 0 for the same sound."""
    return warp(judged_mel(natural), judged_mel(generated)).distance


def mismatch_ratio(generated: np.ndarray, natural: np.ndarray, wrong_sentences: Sequence[np.ndarray]) -> float:
    """Distance to the right sentence over the mean distance to wrong ones; 1 says nothing was understood, 0 is best.

    Args:
        generated: (T,) float32 at 16 kHz.
        natural: the recording of the same sentence.
        wrong_sentences: recordings of other sentences by the same speaker, at least one.
    """
    mels = [judged_mel(waveform) for waveform in wrong_sentences]
    return mel_mismatch_ratio(judged_mel(generated), judged_mel(natural), mels)


def mel_mismatch_ratio(generated: np.ndarray, natural: np.ndarray, wrong_sentences: Sequence[np.ndarray]) -> float:
    """The same from log-mels, (80, frames) each."""
    wrong = [warp(mel, generated).distance for mel in wrong_sentences]
    return warp(natural, generated).distance / max(float(np.mean(wrong)), 1e-9)


def warp(natural: np.ndarray, generated: np.ndarray) -> WarpedMels:
    """The path between two log-mels, (80, N) and (80, M), and their distance along it."""
    distances = frame_distances(natural, generated, "cityblock") / len(natural)
    path = warping_path(distances)
    return WarpedMels(distance=float(distances[path[:, 0], path[:, 1]].mean()), path=path)


def judged_mel(waveform: np.ndarray) -> np.ndarray:
    """(80, frames) log-mel of a waveform that can be judged."""
    return log_mel(judged_waveform(waveform), MelConfig())
