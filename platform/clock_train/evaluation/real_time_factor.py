"""How much processor time a second of speech costs.

Process CPU time, not wall time: on a shared machine the wall reads up to six times longer. It sums all threads, so a
figure is per core whatever the number of threads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from clock_train.errors import ConfigError
from clock_train.evaluation.judged_waveform import JUDGE_RATE_HZ


@dataclass(frozen=True, kw_only=True)
class RealTimeFactor:
    """CPU seconds for a second of speech; below 1 is faster than speaking."""

    cpu: float
    wall: float
    audio_s: float
    num_rounds: int


def real_time_factor(
    synthesize: Sequence[Callable[[], np.ndarray]], *, rounds: int = 5, sample_rate_hz: int = JUDGE_RATE_HZ
) -> RealTimeFactor:
    """Run each synthesis once to warm up and then ``rounds`` times; the median round counts.

    Args:
        synthesize: functions that return one waveform each, (T,) at ``sample_rate_hz``.
        rounds: how often; the median of them shrugs off a neighbour's burst.
        sample_rate_hz: of the waveforms.
    """
    if rounds < 1:
        raise ConfigError(f"real_time_factor rounds is {rounds}; give a positive count")
    audio_s = sum(len(make()) for make in synthesize) / sample_rate_hz
    if not audio_s:
        raise ConfigError("real_time_factor got nothing to synthesize; give at least one that returns samples")
    cpu_s, wall_s = [], []
    for _ in range(rounds):
        cpu_start, wall_start = time.process_time(), time.perf_counter()
        for make in synthesize:
            make()
        cpu_s.append(time.process_time() - cpu_start)
        wall_s.append(time.perf_counter() - wall_start)
    return RealTimeFactor(
        cpu=median(cpu_s) / audio_s, wall=median(wall_s) / audio_s, audio_s=audio_s, num_rounds=rounds
    )
