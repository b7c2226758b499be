"""Writing 16-bit WAV and FLAC from a stream of blocks: hours need no more memory than a block; whole or not at all."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from clock_train.audio.writing import to_int16, write_atomically
from clock_train.errors import AudioUnwritable

MAX_WAV_BYTES = (1 << 32) - 1024
"""Its header counts in 32 bits: 37 hours at 16 kHz."""


def write_blocks(path: Path, blocks: Iterable[np.ndarray], sample_rate_hz: int) -> None:
    """A mono file; FLAC where its name ends in .flac, else WAV.

    Args:
        path: the file; its folder must exist. What was there is replaced.
        blocks: (n,) float, [-1, 1], finite, of any lengths; beyond that they are clipped.
        sample_rate_hz: written into the header.
    Raises:
        AudioUnwritable: no such folder, no permission, disk full, or a WAV beyond 4 GB.
    """
    write = _write_flac if path.suffix.lower() == ".flac" else _write_wav
    write_atomically(path, lambda stream: write(stream, path, blocks, sample_rate_hz))


def _write_wav(stream: BinaryIO, path: Path, blocks: Iterable[np.ndarray], sample_rate_hz: int) -> None:
    size_bytes = 0
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate_hz)
        for block in blocks:
            size_bytes += 2 * len(block)
            if size_bytes > MAX_WAV_BYTES:
                raise AudioUnwritable(f"{path} would be longer than a WAV can say (4 GB); name a .flac instead")
            file.writeframesraw(to_int16(block).astype("<i2").tobytes())


def _write_flac(stream: BinaryIO, path: Path, blocks: Iterable[np.ndarray], sample_rate_hz: int) -> None:
    import soundfile

    kept = _Keeping(stream)
    with soundfile.SoundFile(cast(BinaryIO, kept), "w", sample_rate_hz, 1, "PCM_16", format="FLAC") as file:
        for block in blocks:
            file.write(to_int16(block))
            kept.refuse()
    kept.refuse()


class _Keeping(io.RawIOBase):
    """A stream that keeps the operating system's error, which libsndfile hides: "disk full" must stay recognisable."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._error = stream, None

    def refuse(self) -> None:
        if self._error is not None:
            raise self._error

    def write(self, data: bytes) -> int:  # type: ignore[override]
        try:
            return self._stream.write(data)
        except OSError as error:
            self._error = self._error or error
            return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def seekable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True
