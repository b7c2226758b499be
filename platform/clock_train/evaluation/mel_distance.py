"""How far two log-mels are apart along a warping path, and whether the right sentence is nearer than wrong ones.

The distance of a voice that says nothing recognisable is already lower than that of noise, so alone it proves little.
The mismatch ratio does: it compares with the same voice's recordings of other sentences.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clock_train.audio.mel import MelConfig, log_mel
from clock_train.evaluation.dtw import frame_distances, warping_paths
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
    mels = [judged_mel(waveform) for waveform in (natural, *wrong_sentences)]
    right, *wrong = warp_all(mels, judged_mel(generated))
    return mismatch(right, wrong)


def mismatch(right: WarpedMels, wrong: Sequence[WarpedMels]) -> float:
    """The same from sentences that were warped to the generated one already."""
    return right.distance / max(float(np.mean([each.distance for each in wrong])), 1e-9)


def warp(natural: np.ndarray, generated: np.ndarray) -> WarpedMels:
    """The path between two log-mels, (80, N) and (80, M), and their distance along it."""
    return warp_all([natural], generated)[0]


def warp_all(naturals: Sequence[np.ndarray], generated: np.ndarray) -> list[WarpedMels]:
    """The same for several recordings, (80, N) each, and one generated log-mel."""
    distances = frame_distances(np.concatenate(naturals, axis=1), generated, "cityblock") / len(generated)
    ends = np.cumsum([mel.shape[1] for mel in naturals])
    costs = np.split(distances, ends[:-1])
    return [
        WarpedMels(distance=float(cost[path[:, 0], path[:, 1]].mean()), path=path)
        for cost, path in zip(costs, warping_paths(costs), strict=True)
    ]


def judged_mel(waveform: np.ndarray) -> np.ndarray:
    """(80, frames) log-mel of a waveform that can be judged."""
    return log_mel(judged_waveform(waveform), MelConfig())
