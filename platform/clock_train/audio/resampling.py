"""Resampling with soxr (the SoX resampler), whole or in a stream without seams.

The streaming and the whole-array result are the same samples: the filter's state is carried from block to block and
its delay is taken off at the start.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

QUALITY = "HQ"
"""20-bit precision, pass band to 91 % of the lower Nyquist frequency: more than 16-bit recordings hold."""


def resample(waveform: np.ndarray, from_hz: float, to_hz: float) -> np.ndarray:
    """The waveform at another rate.

    Args:
        waveform: (T,) float32.
        from_hz: its rate.
        to_hz: the rate wanted.
    Returns:
        (round(T * to_hz / from_hz),) float32; may overshoot the input's peak a little.
    """
    waveform = np.asarray(waveform, dtype=np.float32)
    if from_hz == to_hz or not len(waveform):
        return waveform
    import soxr

    return soxr.resample(waveform, from_hz, to_hz, quality=QUALITY)


def resample_blocks(blocks: Iterable[np.ndarray], from_hz: int, to_hz: int) -> Iterator[np.ndarray]:
    """The same for a stream of (n,) float32 blocks of any length; output blocks are of any length too."""
    if from_hz == to_hz:
        yield from blocks
        return
    import soxr

    stream = soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32", quality=QUALITY)
    for block in blocks:
        output = stream.resample_chunk(np.ascontiguousarray(block, dtype=np.float32))
        if len(output):
            yield output
    output = stream.resample_chunk(np.zeros(0, dtype=np.float32), last=True)
    if len(output):
        yield output
