"""Where takes come from: somebody at a microphone, or a sound file read as if somebody were.

A file stands in for the microphone wherever there is none (tests, a recording made on a telephone): its stretches of
speech, parted by pauses of a second, are the takes in order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from clock_train.audio.activity import FLOOR_DBFS, activity
from clock_train.audio.reading import read_waveform

SAMPLE_RATE_HZ = 16_000
"""The article's rate; 16 bits, one channel."""
BLOCK_S = 0.05
MAX_TAKE_S = 40.0
"""Nobody reads one line this long: somebody left the microphone open."""
MIN_PAUSE_S = 1.0
MARGIN_S = 0.4
FLOOR_BLOCKS = 200
FLOOR_PERCENTILE = 10.0


@dataclass(frozen=True, kw_only=True)
class Take:
    """What was recorded between the start key and the stop key."""

    waveform: np.ndarray
    """(T,) float32 at ``SAMPLE_RATE_HZ``."""
    has_gaps: bool = False
    """Samples were lost on the way."""


class TakeSource(Protocol):
    """What a recording session needs of a microphone."""

    def record(self, is_over: Callable[[], bool], on_block: Callable[[np.ndarray], None]) -> Take | None:
        """One take, until ``is_over`` or ``MAX_TAKE_S``; ``on_block`` sees every 50 ms. None: there is no more."""
        ...

    def play(self, waveform: np.ndarray) -> bool:
        """Let the person hear it; False where that is not possible."""
        ...


@dataclass
class LevelMeter:
    """What the person sees while speaking: level, peak, room noise, and whether it ever clipped."""

    level_dbfs: float = FLOOR_DBFS
    peak_dbfs: float = FLOOR_DBFS
    seconds: float = 0.0
    has_clipped: bool = False
    _levels: deque[float] = field(default_factory=lambda: deque(maxlen=FLOOR_BLOCKS))

    def update(self, block: np.ndarray) -> None:
        """Take in the next (n,) samples."""
        power = float(np.mean(np.square(block, dtype=np.float64))) if len(block) else 0.0
        peak = float(np.abs(block).max()) if len(block) else 0.0
        self.level_dbfs = max(FLOOR_DBFS, 10 * np.log10(max(power, 1e-12)))
        self.peak_dbfs = max(self.peak_dbfs, 20 * np.log10(max(peak, 1e-6)))
        self.has_clipped |= peak >= 0.999
        self.seconds += len(block) / SAMPLE_RATE_HZ
        self._levels.append(self.level_dbfs)

    @property
    def noise_dbfs(self) -> float:
        """The room: what the quietest tenth of the last ten seconds reached."""
        return float(np.percentile(self._levels, FLOOR_PERCENTILE)) if self._levels else FLOOR_DBFS


class FileTakes:
    """Takes out of one sound file."""

    def __init__(self, path: Path) -> None:
        self._waveform = read_waveform(path, sample_rate_hz=SAMPLE_RATE_HZ)
        self._takes = deque(_stretches(self._waveform))

    def record(self, is_over: Callable[[], bool], on_block: Callable[[np.ndarray], None]) -> Take | None:
        """See ``TakeSource``; the file is not waited for, and its own pauses say when a take is over."""
        del is_over
        if not self._takes:
            return None
        waveform = self._waveform[self._takes.popleft()][: round(MAX_TAKE_S * SAMPLE_RATE_HZ)]
        block_samples = round(BLOCK_S * SAMPLE_RATE_HZ)
        for start in range(0, len(waveform), block_samples):
            on_block(waveform[start : start + block_samples])
        return Take(waveform=waveform)

    def play(self, waveform: np.ndarray) -> bool:
        """See ``TakeSource``."""
        del waveform
        return False


def _stretches(waveform: np.ndarray) -> list[slice]:
    """Speech between pauses of ``MIN_PAUSE_S``, with some room on both sides."""
    joined: list[list[float]] = []
    for start, end in activity(waveform, SAMPLE_RATE_HZ).segments:
        if joined and start - joined[-1][1] < MIN_PAUSE_S:
            joined[-1][1] = end
        else:
            joined.append([start, end])
    return [
        slice(max(0, round((start - MARGIN_S) * SAMPLE_RATE_HZ)), round((end + MARGIN_S) * SAMPLE_RATE_HZ))
        for start, end in joined
    ]
