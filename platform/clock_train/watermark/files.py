"""Marks in files, read in a stream: ten hours need no more memory than fifteen seconds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from clock_train.audio.reading import probe, read_blocks
from clock_train.watermark.detect import FULL_SEARCH, MAX_FALSE_ALARM, Detection, detect_parts, parts_of
from clock_train.watermark.framing import RATE_HZ
from clock_train.watermark.pattern import QuarterKey
from clock_train.watermark.segments import Speed


def detect_file(
    path: str | Path,
    keys: Sequence[QuarterKey],
    *,
    speeds: Sequence[Speed] = FULL_SEARCH,
    max_false_alarm: float = MAX_FALSE_ALARM,
    with_windows: bool = True,
) -> Detection:
    """Look for marks in a file of any kind, rate and length; several channels are taken as their mean.

    Raises:
        AudioError: the file cannot be read.
    """
    num_samples = round(probe(path).seconds * RATE_HZ)
    blocks = read_blocks(path, sample_rate_hz=RATE_HZ, block_seconds=10.0)
    return detect_parts(
        parts_of(blocks),
        num_samples,
        keys,
        speeds=speeds,
        max_false_alarm=max_false_alarm,
        with_windows=with_windows,
    )
