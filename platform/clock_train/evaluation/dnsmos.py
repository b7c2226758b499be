"""How clean does it sound: DNSMOS, a network's guess at what listeners would say, 1 to 5, without the recording.

Three opinions: of the whole, of the speech and of the background. It was made for noise suppression and knows no words:
a clean voice saying nonsense scores high. The network hears 9.01 s; shorter sound is repeated up to that length and
heard once, where the library's own ``run`` hears the repetitions up to eight times, shifted, for the same sound.
Source: Reddy et al., DNSMOS P.835 (2022); weights and the calibration below are those of the ``speechmos`` wheel.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from clock_train.errors import JudgeMissing
from clock_train.evaluation.judge_library import INSTALL_COMMAND, judge_library
from clock_train.evaluation.judged_waveform import JUDGE_RATE_HZ, judged_waveform

JUDGE = "DNSMOS"
WINDOW_SAMPLES = int(9.01 * JUDGE_RATE_HZ)
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
        JudgeMissing: speechmos or onnxruntime is not installed.
        WaveformUnjudgeable: nothing in the waveform can be judged.
    """
    waveform = judged_waveform(waveform)
    session = load()
    raw = np.stack([session.run(None, {"input_1": window[None]})[0][0] for window in _windows(waveform)])
    signal, background, overall = (
        float(np.mean(np.polyval(curve, values)))
        for curve, values in zip((SIGNAL_CURVE, BACKGROUND_CURVE, OVERALL_CURVE), raw.T, strict=True)
    )
    return Opinions(overall=overall, signal=signal, background=background)


def _windows(waveform: np.ndarray) -> list[np.ndarray]:
    if len(waveform) < WINDOW_SAMPLES:
        return [np.resize(waveform, WINDOW_SAMPLES)]
    # whole seconds alone decide how many, as in the wheel
    count = int(len(waveform) // JUDGE_RATE_HZ - WINDOW_SAMPLES / JUDGE_RATE_HZ) + 1
    return [waveform[start : start + WINDOW_SAMPLES] for start in range(0, count * STEP_SAMPLES, STEP_SAMPLES)]


@lru_cache(maxsize=1)
def load() -> Any:
    """The network, on one thread.

    Raises:
        JudgeMissing: it is not installed.
    """
    onnxruntime = judge_library("onnxruntime", JUDGE)
    # the package alone: its module "dnsmos" imports librosa (4 s) for a score that is not used here
    package = Path(judge_library("speechmos", JUDGE).__path__[0])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(
            package / "dnsmos_models" / "sig_bak_ovr.onnx", sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as cause:  # onnxruntime's errors share no base of their own
        raise JudgeMissing(f"{JUDGE} cannot load its weights ({cause}). Run: {INSTALL_COMMAND}") from cause
