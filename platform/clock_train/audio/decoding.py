"""Two decoders behind one small interface: libsndfile where it can, FFmpeg (PyAV) for the rest.

Both yield blocks of (frames, channels) float32 at the file's own rate and never hold more than one block. FFmpeg reads
from a Python file object with the demuxer named, so a hostile file cannot make it open anything else.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO, Protocol

import numpy as np

from clock_train.audio.containers import AAC, G722, Container

BLOCK_FRAMES = 1 << 13
"""Half a second at 16 kHz. libsndfile loses the whole block that damage falls into, so it is short."""
UNKNOWN_FRAMES = 1 << 60
"""libsndfile reports a length near 2^63 for streams whose header has none."""
G722_SAMPLES_PER_BYTE = 2

_BITS = {
    "PCM_S8": 8, "PCM_U8": 8, "ULAW": 8, "ALAW": 8, "PCM_16": 16, "ALAC_16": 16, "PCM_24": 24, "ALAC_24": 24,
    "PCM_32": 32, "FLOAT": 32, "DOUBLE": 64,
}  # fmt: skip
_CODEC_NAMES = {"MPEG_LAYER_III": "mp3", "MPEG_LAYER_II": "mp2"}


class UndecodableError(Exception):
    """The decoder does not know these bytes; internal, the reader turns it into an ``AudioError``."""


class Decoder(Protocol):
    """What the reader needs of a decoder."""

    sample_rate_hz: int
    channels: int
    bits_per_sample: int | None
    codec: str
    num_frames: int | None
    """What the header says; None where it says nothing."""
    slack_frames: int
    """By how much an undamaged file may fall short of ``num_frames``."""

    def blocks(self) -> Iterator[np.ndarray]:
        """(frames, channels) float32; raises ``UndecodableError`` at damage."""
        ...

    def close(self) -> None:
        """Give up the decoder; the file object stays the caller's."""
        ...


def open_decoder(stream: BinaryIO, container: Container) -> Decoder:
    """The first decoder that accepts the file; raises ``UndecodableError`` when neither does."""
    stream.seek(0)
    if container.soundfile_reads:
        try:
            return SoundfileDecoder(stream)
        except UndecodableError:
            stream.seek(0)
    return FfmpegDecoder(stream, container)


class SoundfileDecoder:
    """libsndfile: WAV, FLAC, Ogg (Vorbis, Opus), MP3, AIFF and older kinds."""

    def __init__(self, stream: BinaryIO) -> None:
        import soundfile

        # The Python object reads ahead; the descriptor must stand at the start.
        os.lseek(stream.fileno(), 0, os.SEEK_SET)
        try:
            # A descriptor instead of a name: soundfile would take a format from the extension.
            self._file = soundfile.SoundFile(stream.fileno(), closefd=False)
        except (soundfile.LibsndfileError, TypeError, ValueError) as error:
            raise UndecodableError(str(error)) from error
        subtype: str = self._file.subtype or "unknown"
        self.sample_rate_hz = int(self._file.samplerate)
        self.channels = int(self._file.channels)
        self.bits_per_sample: int | None = _BITS.get(subtype)
        self.codec: str = "flac" if self._file.format == "FLAC" else _CODEC_NAMES.get(subtype, subtype.lower())
        frames = int(self._file.frames)
        self.num_frames: int | None = frames if frames < UNKNOWN_FRAMES else None
        if self.codec == "flac" and self.num_frames is None:
            self._file.close()
            raise UndecodableError("libsndfile cannot read a FLAC of unknown length to its end; FFmpeg can")
        # Without a Xing frame libmpg123 guesses an MP3's length from the size of the file, tags and all.
        self.slack_frames = self.sample_rate_hz // 2 if self.codec in ("mp3", "mp2") else 0

    def blocks(self) -> Iterator[np.ndarray]:
        """See ``Decoder``."""
        import soundfile

        while True:
            try:
                block = self._file.read(BLOCK_FRAMES, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError as error:
                raise UndecodableError(str(error)) from error
            if not len(block):
                return
            yield block

    def close(self) -> None:
        """See ``Decoder``."""
        self._file.close()


class FfmpegDecoder:
    """FFmpeg through PyAV: AAC in MP4, G.722, Matroska, AMR, and compressed WAVs that libsndfile refuses."""

    def __init__(self, stream: BinaryIO, container: Container) -> None:
        import av

        try:
            self._input = av.open(stream, mode="r", format=container.ffmpeg_format, metadata_errors="replace")
        except (av.FFmpegError, ValueError) as error:
            raise UndecodableError(str(error)) from error
        if not self._input.streams.audio:
            self._input.close()
            raise UndecodableError("the file has no sound track")
        self._track = self._input.streams.audio[0]
        context = self._track.codec_context
        # A codec that this FFmpeg does not have leaves no context at all.
        self.sample_rate_hz = int(context.sample_rate or 0) if context else 0
        self.channels = int(context.channels or 0) if context else 0
        if self.sample_rate_hz <= 0 or self.channels <= 0:
            self._input.close()
            raise UndecodableError("the sound track has no codec known here, no sample rate or no channels")
        self.bits_per_sample: int | None = None
        self.codec: str = context.name
        self.num_frames: int | None = self._declared_frames(stream, container)
        # FFmpeg's durations are in container ticks and count priming differently: half a second either way.
        self.slack_frames = 0 if container is G722 else self.sample_rate_hz // 2

    def blocks(self) -> Iterator[np.ndarray]:
        """See ``Decoder``."""
        import av

        resampler = av.AudioResampler(format="fltp")
        pending: list[np.ndarray] = []
        num_pending = 0
        try:
            for frame in self._input.decode(self._track):
                for part in resampler.resample(frame):
                    pending.append(part.to_ndarray())
                    num_pending += part.samples
                if num_pending >= BLOCK_FRAMES:
                    yield _joined(pending)
                    pending, num_pending = [], 0
        except (av.FFmpegError, ValueError) as error:
            if pending:
                yield _joined(pending)
            raise UndecodableError(str(error)) from error
        if pending:
            yield _joined(pending)

    def close(self) -> None:
        """See ``Decoder``."""
        self._input.close()

    def _declared_frames(self, stream: BinaryIO, container: Container) -> int | None:
        if container is AAC:
            return None  # a stream without a header: FFmpeg would guess from its first packets' size
        if container is G722:
            position = stream.tell()
            size_bytes = stream.seek(0, 2)
            stream.seek(position)
            return size_bytes * G722_SAMPLES_PER_BYTE
        if self._track.duration and self._track.time_base:
            return round(self._track.duration * self._track.time_base * self.sample_rate_hz)
        if self._input.duration:
            return round(self._input.duration * self.sample_rate_hz / 1_000_000)
        return None


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    """FFmpeg's planes (channels, n), many, as one (frames, channels)."""
    return np.concatenate(parts, axis=1).T
