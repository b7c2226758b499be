"""A log-mel as a picture: an indexed PNG written with zlib, small enough to lie inside a page."""

from __future__ import annotations

import struct
import zlib

import numpy as np

QUIET, LOUD = -10.0, 1.5
"""Natural log of mel magnitude, first and last colour; fixed, so that two pictures can be compared by eye."""
ANCHORS = (
    (0, 0, 4),
    (40, 11, 84),
    (101, 21, 110),
    (159, 42, 99),
    (212, 72, 66),
    (245, 125, 21),
    (250, 193, 39),
    (252, 255, 164),
)
"""Eight colours of matplotlib's inferno (CC0), which keeps its order in grey and for the colour-blind."""
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def spectrogram_png(mel: np.ndarray, *, pixels_per_band: int = 1) -> bytes:
    """The bytes of a PNG, one column a frame, low frequencies at the bottom.

    Args:
        mel: (n_mels, frames) natural-log mel.
        pixels_per_band: height of one mel band.
    """
    level = np.clip((mel - QUIET) / (LOUD - QUIET), 0.0, 1.0)
    pixels = np.repeat((level[::-1] * 255).astype(np.uint8), pixels_per_band, axis=0)
    height, width = pixels.shape
    # each line begins with its filter: 0, none
    lines = np.concatenate([np.zeros((height, 1), dtype=np.uint8), pixels], axis=1).tobytes()
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    return b"".join(
        (
            SIGNATURE,
            _chunk(b"IHDR", header),
            _chunk(b"PLTE", _palette()),
            _chunk(b"IDAT", zlib.compress(lines, 9)),
            _chunk(b"IEND", b""),
        )
    )


def _palette() -> bytes:
    positions = np.linspace(0.0, 1.0, len(ANCHORS))
    channels = [np.interp(np.linspace(0.0, 1.0, 256), positions, channel) for channel in zip(*ANCHORS, strict=True)]
    return np.stack(channels, axis=1).round().astype(np.uint8).tobytes()


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
