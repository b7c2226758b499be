"""Writing 16-bit WAV and FLAC, whole or not at all.

A file appears under its name only when every byte of it is on the disk, so an interrupted run leaves no half a clip.
Samples are scaled by 32768, as every reader scales them back: a 16-bit file read and written again is the same file.
"""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
import wave
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np

from clock_train.errors import AudioSamplesInvalid, AudioUnwritable

CHUNK_SAMPLES = 1 << 20


def write_wav(path: str | Path, waveform: np.ndarray, sample_rate_hz: int) -> None:
    """A mono 16-bit WAV.

    Args:
        path: the file; its folder must exist. What was there is replaced.
        waveform: (T,) float, [-1, 1]; beyond that it is clipped.
        sample_rate_hz: written into the header.
    Raises:
        AudioSamplesInvalid: NaN or infinity in the waveform.
        AudioUnwritable: no such folder, no permission, disk full (the OSError is the cause).
    """
    _require_finite(path, waveform)

    def write(stream: BinaryIO) -> None:
        with wave.open(stream, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(sample_rate_hz)
            file.setnframes(len(waveform))
            for start in range(0, len(waveform), CHUNK_SAMPLES):
                file.writeframesraw(to_int16(waveform[start : start + CHUNK_SAMPLES]).astype("<i2").tobytes())

    write_atomically(Path(path), write)


def write_flac(path: str | Path, waveform: np.ndarray, sample_rate_hz: int) -> None:
    """A mono 16-bit FLAC; arguments and errors as for ``write_wav``."""
    import soundfile

    _require_finite(path, waveform)
    # Through memory: libsndfile hides the operating system's error, and "disk full" must stay recognisable.
    encoded = io.BytesIO()
    with soundfile.SoundFile(encoded, "w", sample_rate_hz, 1, "PCM_16", format="FLAC") as file:
        for start in range(0, len(waveform), CHUNK_SAMPLES):
            file.write(to_int16(waveform[start : start + CHUNK_SAMPLES]))
    write_atomically(Path(path), lambda stream: stream.write(encoded.getbuffer()))


def to_int16(waveform: np.ndarray) -> np.ndarray:
    """Samples of 16 bits from floats in [-1, 1]; beyond that they are clipped."""
    return np.clip(np.rint(np.asarray(waveform) * 32768.0), -32768, 32767).astype(np.int16)


def _require_finite(path: str | Path, waveform: np.ndarray) -> None:
    for start in range(0, len(waveform), CHUNK_SAMPLES):
        if not np.isfinite(waveform[start : start + CHUNK_SAMPLES]).all():
            raise AudioSamplesInvalid(
                f"the waveform for {path} holds NaN or infinity near sample {start}. "
                "Find the step that made it; a division by a silent signal is the usual cause."
            )


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """What ``write`` puts into a stream, as a file of that name, whole or not at all; raises ``AudioUnwritable``."""
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        with os.fdopen(handle, "wb") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        raise AudioUnwritable(
            f"{path} cannot be written: {error.strerror or error}. "
            "Give a folder that exists, that you may write, on a disk with room left."
        ) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):  # it has its name by now, or nothing of it stays
                os.unlink(temporary)
