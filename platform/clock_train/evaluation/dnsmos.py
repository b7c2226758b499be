"""How clean does it sound: DNSMOS, a network's guess at what listeners would say, 1 to 5, without the recording.

Three opinions: of the whole, of the speech and of the background. It was made for noise suppression and knows no words:
a clean voice saying nonsense scores high. The network hears 9.01 s; shorter sound is cut to whole 10 ms, repeated up to
that length and heard once, where the library's own ``run`` hears the repetitions up to eight times, shifted. Without
the cut the repetitions differ in their phase, and the best of each is taken: 24 sounds scored 0.03 more in the mean.
Source: Reddy et al., DNSMOS P.835 (2022); weights and the calibration below are those of the ``speechmos`` wheel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clock_train.evaluation.dnsmos_network import WINDOW_SAMPLES, load
from clock_train.evaluation.judged_waveform import JUDGE_RATE_HZ, judged_waveform

STEP_SAMPLES = JUDGE_RATE_HZ
"""Longer sound is heard every second and the mean is taken."""
SIGNAL_CURVE = (-0.08397278, 1.22083953, 0.0052439)
BACKGROUND_CURVE = (-0.13166888, 1.60915514, -0.39604546)
OVERALL_CURVE = (-0.06766283, 1.11546468, 0.04602535)
"""Coefficients, highest power first, from the network's output to the listeners' scale."""


@dataclass(frozen=True, kw_only=True)
class Opinions:
    """What listeners would say, 1 (bad) to 5 (excellent)."""

    overall: float
    signal: float
    """Of the speech alone."""
    background: float
    """Of the noise behind it; 5 is none."""


def dnsmos(waveform: np.ndarray) -> Opinions:
    """The guess for one waveform.

    Args:
        waveform: (T,) float32 at 16 kHz.
    Raises:
        JudgeMissing: speechmos, onnx or onnxruntime is not installed.
        WaveformUnjudgeable: nothing in the waveform can be judged.
    """
    waveform = judged_waveform(waveform)
    network = load()
    if len(waveform) < WINDOW_SAMPLES:
        raw = network.repeated(waveform)[None]
    else:
        raw = np.stack([network.whole(window) for window in _windows(waveform)])
    signal, background, overall = (
        float(np.mean(np.polyval(curve, values)))
        for curve, values in zip((SIGNAL_CURVE, BACKGROUND_CURVE, OVERALL_CURVE), raw.T, strict=True)
    )
    return Opinions(overall=overall, signal=signal, background=background)


def _windows(waveform: np.ndarray) -> list[np.ndarray]:
    # whole seconds alone decide how many, as in the wheel
    count = int(len(waveform) // JUDGE_RATE_HZ - WINDOW_SAMPLES / JUDGE_RATE_HZ) + 1
    return [waveform[start : start + WINDOW_SAMPLES] for start in range(0, count * STEP_SAMPLES, STEP_SAMPLES)]
