"""Reading any sound file as mono float32 at one rate, whole or in a stream.

What the bytes are decides, not the extension. A long file is decoded, mixed and resampled block by block into one array
of its final size, so a two-hour recording is in memory once (460 MB at 16 kHz) and in ``read_blocks`` never.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from clock_train.audio.containers import HEAD_BYTES, Container, missing_bytes, sniff
from clock_train.audio.decoding import Decoder, UndecodableError, open_decoder
from clock_train.audio.resampling import resample_blocks
from clock_train.errors import (
    AudioEmpty,
    AudioIsFolder,
    AudioNotAudio,
    AudioNotFound,
    AudioSamplesInvalid,
    AudioTooLong,
    AudioTruncated,
    AudioUnreadable,
    ConfigError,
)

MAX_SECONDS = 4 * 3600.0
"""What ``read_waveform`` holds unless told otherwise: twice the professional tier in one take, 0.9 GB at 16 kHz."""
MIN_RATE_HZ, MAX_RATE_HZ = 2000, 768_000
"""What recorders make, with room on both sides."""
KNOWN_KINDS = "wav, flac, mp3, m4a, ogg, opus, g722"


@dataclass(frozen=True, kw_only=True)
class AudioInfo:
    """What a sound file says about itself."""

    path: Path
    sample_rate_hz: int
    channels: int
    bits_per_sample: int | None
    """None for codecs that have no such thing (mp3, aac, opus, g722)."""
    seconds: float
    codec: str
    container: str
    notes: tuple[str, ...] = ()
    """Sentences for the quality report, such as a wrong extension."""


def probe(path: str | Path, *, allow_truncated: bool = False) -> AudioInfo:
    """What the file is, without decoding it (save for streams whose header has no length).

    Raises:
        AudioNotFound, AudioIsFolder, AudioUnreadable, AudioEmpty, AudioNotAudio: as their names say.
        AudioTruncated: the file ends before its header says, unless ``allow_truncated``.
    """
    path = Path(path)
    with _opened(path, allow_truncated) as (decoder, container):
        num_frames = decoder.num_frames
        if num_frames is None:
            num_frames = sum(len(block) for block in _checked_blocks(path, decoder, allow_truncated))
        if num_frames == 0:
            raise AudioEmpty(f"{path} holds no samples. Record it again, or leave it out.")
        notes = ()
        if container.extensions and path.suffix.lower() not in container.extensions:
            notes = (f"{path.name} is named {path.suffix or 'without an extension'} but is {container.name}",)
        return AudioInfo(
            path=path,
            sample_rate_hz=decoder.sample_rate_hz,
            channels=decoder.channels,
            bits_per_sample=decoder.bits_per_sample,
            seconds=num_frames / decoder.sample_rate_hz,
            codec=decoder.codec,
            container=container.name,
            notes=notes,
        )


def read_waveform(
    path: str | Path,
    *,
    sample_rate_hz: int = 16_000,
    channel: int | None = None,
    allow_truncated: bool = False,
    max_seconds: float = MAX_SECONDS,
) -> np.ndarray:
    """The whole file as one waveform.

    Args:
        path: a file of any kind that ``probe`` knows.
        sample_rate_hz: the rate wanted; soxr resamples.
        channel: one channel of several, from 0; None takes their mean. Two channels in opposite phase cancel in the
            mean: see ``channel_difference_db``.
        allow_truncated: take what is there of a cut-off file.
        max_seconds: longer files are refused before anything is decoded.
    Returns:
        (T,) float32, [-1, 1], mono.
    Raises:
        AudioTooLong: more than ``max_seconds``; ``read_blocks`` has no limit.
        AudioSamplesInvalid: NaN or infinity in a float file.
        ConfigError: a channel that the file does not have.
        Others: see ``probe``.
    """
    path = Path(path)
    with _opened(path, allow_truncated) as (decoder, _):
        if decoder.num_frames is not None:
            _require_length(path, decoder.num_frames / decoder.sample_rate_hz, max_seconds)
        expected = (decoder.num_frames or 0) * sample_rate_hz / decoder.sample_rate_hz
        # np.empty costs nothing until it is written, so a header that promises too much is harmless.
        waveform = np.empty(int(expected) + 1024, dtype=np.float32)
        filled = 0
        for block in _mono_blocks(path, decoder, sample_rate_hz, channel, allow_truncated):
            end = filled + len(block)
            if end > len(waveform):
                _require_length(path, end / sample_rate_hz, max_seconds)
                # In place where the allocator can: never two whole copies.
                waveform.resize(end + end // 4, refcheck=False)
            waveform[filled:end] = block
            filled = end
    if not filled:
        raise AudioEmpty(f"{path} holds no samples. Record it again, or leave it out.")
    waveform.resize(filled, refcheck=False)
    return waveform


def read_blocks(
    path: str | Path,
    *,
    sample_rate_hz: int = 16_000,
    block_seconds: float = 30.0,
    channel: int | None = None,
    allow_truncated: bool = False,
) -> Iterator[np.ndarray]:
    """The same samples as ``read_waveform``, in blocks of ``block_seconds`` (the last one is shorter), without seams.

    Yields:
        (block_seconds * sample_rate_hz,) float32, [-1, 1], mono.
    Raises:
        See ``read_waveform``; there is no limit on the length.
    """
    path = Path(path)
    block_samples = max(1, round(block_seconds * sample_rate_hz))
    with _opened(path, allow_truncated) as (decoder, _):
        pending = np.zeros(0, dtype=np.float32)
        is_empty = True
        for part in _mono_blocks(path, decoder, sample_rate_hz, channel, allow_truncated):
            is_empty = False
            pending = np.concatenate([pending, part])
            while len(pending) >= block_samples:
                yield pending[:block_samples].copy()
                pending = pending[block_samples:]
        if is_empty:
            raise AudioEmpty(f"{path} holds no samples. Record it again, or leave it out.")
        if len(pending):
            yield pending


def channel_difference_db(path: str | Path, *, allow_truncated: bool = False) -> float:
    """How far the channels of a file differ: power of what they do not share over power of their mean.

    Returns:
        dB; -inf for mono or identical channels, about 0 where only one channel carries the voice or two microphones
        hear different things, large and positive for channels in opposite phase, which cancel in the mean.
    Raises:
        See ``probe``.
    """
    path = Path(path)
    shared, different = 0.0, 0.0
    with _opened(path, allow_truncated) as (decoder, _):
        for block in _checked_blocks(path, decoder, allow_truncated):
            mean = block.mean(axis=1, keepdims=True, dtype=np.float64)
            shared += float(np.sum(mean**2))
            different += float(np.mean((block - mean) ** 2, axis=1).sum())
    if different <= 1e-12 * shared or different == 0.0:
        return -np.inf
    return float(10 * np.log10(different / shared)) if shared else np.inf


@contextmanager
def _opened(path: Path, allow_truncated: bool) -> Generator[tuple[Decoder, Container]]:
    with _opened_file(path) as stream:
        head = stream.read(HEAD_BYTES)
        if not head:
            raise AudioEmpty(f"{path} has no bytes. Record it again, or leave it out.")
        container = sniff(head, path)
        if container is None:
            raise AudioNotAudio(f"{path} is no sound file that ClockTrain reads. Give {KNOWN_KINDS}.")
        missing = missing_bytes(stream, container)
        if missing and not allow_truncated:
            raise AudioTruncated(
                f"{path} ends at least {missing} bytes before its own header says. Copy it again; to use what is "
                "there, cut and save it in an editor."
            )
        try:
            decoder = open_decoder(stream, container)
        except UndecodableError as error:
            if missing:
                raise AudioTruncated(f"{path} is cut off and nothing of it can be read ({error}).") from error
            raise AudioNotAudio(
                f"{path} looks like {container.name} but does not decode ({error}). Export it again as wav or flac."
            ) from error
        try:
            # A damaged rate of 3 Hz would make an hour of nothing out of every second.
            if not MIN_RATE_HZ <= decoder.sample_rate_hz <= MAX_RATE_HZ:
                raise AudioNotAudio(
                    f"{path} says that it has {decoder.sample_rate_hz} samples a second; its header is damaged. "
                    "Export it again."
                )
            yield decoder, container
        finally:
            decoder.close()


@contextmanager
def _opened_file(path: Path) -> Generator[BinaryIO]:
    try:
        stream = open(path, "rb")  # noqa: SIM115 the errors of opening are told apart first
    except FileNotFoundError as error:
        raise AudioNotFound(f"{path} does not exist. Check the path; it is read from {os.getcwd()}.") from error
    except IsADirectoryError as error:
        raise AudioIsFolder(f"{path} is a folder. Name one file, or give the folder to a corpus command.") from error
    except OSError as error:
        raise AudioUnreadable(f"{path} cannot be read: {error.strerror}. Give yourself read permission.") from error
    with stream:
        yield stream


def _checked_blocks(path: Path, decoder: Decoder, allow_truncated: bool) -> Iterator[np.ndarray]:
    """(n, channels) blocks of finite samples; a file that falls short of its header is an error."""
    num_decoded = 0
    try:
        for block in decoder.blocks():
            if not np.isfinite(block).all():
                raise AudioSamplesInvalid(
                    f"{path} holds NaN or infinity near {num_decoded / decoder.sample_rate_hz:.1f} s. "
                    "Export it again as 16-bit."
                )
            num_decoded += len(block)
            yield block
    except UndecodableError as error:
        if allow_truncated and num_decoded:
            return
        raise AudioTruncated(
            f"{path} is damaged after {num_decoded / decoder.sample_rate_hz:.1f} s ({error}). Copy it again."
        ) from error
    if decoder.num_frames is not None and not allow_truncated:
        short = decoder.num_frames - num_decoded
        if short > decoder.slack_frames:
            raise AudioTruncated(
                f"{path} ends {short / decoder.sample_rate_hz:.1f} s before its header says. Copy it again."
            )


def _mono_blocks(
    path: Path, decoder: Decoder, sample_rate_hz: int, channel: int | None, allow_truncated: bool
) -> Iterator[np.ndarray]:
    if channel is not None and not 0 <= channel < decoder.channels:
        raise ConfigError(
            f"channel is {channel}, but {path} has channels 0 to {decoder.channels - 1}; give one of them"
        )

    def mixed() -> Iterator[np.ndarray]:
        for block in _checked_blocks(path, decoder, allow_truncated):
            if channel is not None:
                yield block[:, channel]
            elif decoder.channels == 1:
                yield block[:, 0]
            else:
                yield block.mean(axis=1)

    for block in resample_blocks(mixed(), decoder.sample_rate_hz, sample_rate_hz):
        # Float files and resampling overshoot; the contract is [-1, 1].
        yield np.clip(block, -1.0, 1.0)


def _require_length(path: Path, seconds: float, max_seconds: float) -> None:
    if seconds > max_seconds:
        raise AudioTooLong(
            f"{path} is {seconds / 3600:.1f} hours long, more than the {max_seconds / 3600:.1f} hours read at once. "
            "Split it, or read it as a stream."
        )
