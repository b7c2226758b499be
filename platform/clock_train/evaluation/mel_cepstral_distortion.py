"""Mel-cepstral distortion in dB, along a warping path and frame by frame.

The cepstra are those of the model's own 80-band log-mel, not of WORLD's spectral envelope, so figures compare with
each other and not with papers'. The scale is the usual one: it equals the RMS difference, in dB, of the two smoothed
log spectra, level left out.
Source: Kubichek, Mel-cepstral distance measure for objective speech quality assessment (1993).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clock_train.audio.mfcc import mfcc_of_mel
from clock_train.evaluation.dtw import frame_distances, warping_path
from clock_train.evaluation.mel_distance import judged_mel

NUM_CEPSTRA = 24
"""Without c0, the level."""
DB_PER_NEPER = 20.0 / np.log(10.0)


@dataclass(frozen=True, kw_only=True)
class MelCepstralDistortion:
    """Both in dB, 0 for identical spectra."""

    warped_db: float
    """Along the warping path: says nothing of timing."""
    plain_db: float
    """Frame by frame over the shorter of the two: timing counts."""


def mel_cepstral_distortion(natural: np.ndarray, generated: np.ndarray) -> MelCepstralDistortion:
    """Distance of two waveforms of the same sentence, (T,) float32 at 16 kHz each."""
    return distortion_of_cepstra(mel_cepstra(natural), mel_cepstra(generated))


def distortion_of_cepstra(natural: np.ndarray, generated: np.ndarray) -> MelCepstralDistortion:
    """The same of two sounds' cepstra, (24, frames) each."""
    distances_db = frame_distances(natural, generated, "euclidean")
    path = warping_path(distances_db)
    return MelCepstralDistortion(
        warped_db=float(distances_db[path[:, 0], path[:, 1]].mean()),
        plain_db=float(np.diagonal(distances_db).mean()),
    )


def mel_cepstra(waveform: np.ndarray) -> np.ndarray:
    """(24, frames) c1 to c24 of a waveform, (T,) float32 at 16 kHz."""
    return cepstra_of_mel(judged_mel(waveform))


def cepstra_of_mel(mel: np.ndarray) -> np.ndarray:
    """(24, frames) c1 to c24 of a log-mel, (80, frames), scaled so that their Euclidean distance is in dB.

    By Parseval the summed squares of the orthonormal cepstra are those of the log-mel over its bands; dividing by the
    number of bands gives the mean square, and a neper of magnitude is 8.69 dB.
    """
    return mfcc_of_mel(mel)[1 : 1 + NUM_CEPSTRA] * (DB_PER_NEPER / np.sqrt(len(mel)))
