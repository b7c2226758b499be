"""Turning sound into mp3, opus, aac, flac, wav or pcm while it is spoken, with its labels at the beginning.

Nothing is written twice and nothing is sought in: what ``push`` returns can leave at once. The labels stand before the
sound, when its digest is not known yet, so their claim binds the origin alone; see ``claim.signed_live_claim``.
"""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from clock_train.audio.resampling import QUALITY
from clock_train.audio.writing import to_int16
from clock_train.errors import AudioSamplesInvalid, RequestInvalid
from clock_train.labels.claim import Origin, signed_live_claim
from clock_train.labels.files import AIGC, CLAIM, KINDS, texts_of, wav_chunks
from clock_train.labels.profile import LabelConfig, Profile, aigc_fields

if TYPE_CHECKING:
    from clock_train.audit.signing import Signer

RATES_HZ = (8000, 16_000, 22_050, 24_000, 44_100, 48_000)
"""What may be asked for."""
PCM_RATE_HZ = 24_000
"""Stock clients of OpenAI's service play raw samples at this rate, whatever the headers say."""
UNKNOWN_SIZE = 0xFFFFFFFF
"""In both sizes of a wav: players and decoders then read to the end."""
PAGE_US = 100_000
"""Of Ogg. FFmpeg holds one page back, to flag the last: the first sound leaves after twice this."""
LEAD_SAMPLES = {"libmp3lame": 1105, "aac": 1024}
"""What these codecs put before a sound; mp3 without a Xing frame and ADTS have no field to say so."""
QUIET = 64
"""Of 32,768, -54 dBFS: as much of a sound's beginning as is no louder gives way to the codec's own lead."""


_CODEC_OPTIONS = {
    # no frame borrows bits from an earlier one: the mark and the spectrum are as good, and a player may begin anywhere
    "libmp3lame": {"reservoir": "0"},
    # on recordings "voip" keeps the mark as well and the waveform worse (0.93 against 0.999)
    "libopus": {"application": "audio"},
}


class LiveFormat(StrEnum):
    """As ``response_format`` names them."""

    MP3 = "mp3"
    OPUS = "opus"
    AAC = "aac"
    FLAC = "flac"
    WAV = "wav"
    PCM = "pcm"


def rate_of(format: LiveFormat, voice_hz: int, asked_hz: int | None = None) -> int:
    """The rate that a sound leaves at.

    Args:
        format: pcm is 24 kHz by default, mp3 and aac at least that; the others have the voice's own rate.
        voice_hz: of the voice.
        asked_hz: by the caller.
    Returns:
        That rate, or the next higher one that the codec knows.
    Raises:
        RequestInvalid: none of ``RATES_HZ``.
    """
    if asked_hz is not None and asked_hz not in RATES_HZ:
        known = ", ".join(map(str, RATES_HZ))
        raise RequestInvalid(f"sample_rate is {asked_hz}; give one of {known}", field="sample_rate")
    if format is LiveFormat.PCM:
        return asked_hz or PCM_RATE_HZ
    # at 16 kHz these codecs take the top of the band, and frames of theirs are longer than a clip may be off
    wanted_hz = asked_hz or (max(voice_hz, PCM_RATE_HZ) if format in (LiveFormat.MP3, LiveFormat.AAC) else voice_hz)
    known_hz = KINDS[f".{format}"].rates_hz or (wanted_hz,)
    return next((rate for rate in known_hz if rate >= wanted_hz), known_hz[-1])


def content_type(format: LiveFormat, rate_hz: int) -> str:
    """For the header of an answer."""
    if format is LiveFormat.PCM:
        return f"audio/pcm;rate={rate_hz};channels=1"
    # audio/opus is the name of RTP's payload, not of a file
    return {LiveFormat.MP3: "audio/mpeg", LiveFormat.OPUS: "audio/ogg"}.get(format, f"audio/{format}")


def live_labels(origin: Origin, config: LabelConfig, signer: Signer) -> dict[str, Any]:
    """The labels of a sound that is still to be spoken, by name; none for the profile ``none``."""
    if config.profile is Profile.NONE:
        return {}
    labels: dict[str, Any] = {CLAIM: signed_live_claim(origin, signer)}
    if config.profile is Profile.CN:
        labels[AIGC] = aigc_fields(config, origin.request_id, "")
    return labels


class LiveEncoder:
    """One sound on its way out: ``push`` it in blocks of any size, then ``finish``, or ``close`` if nobody listens.

    Any thread may call, one after the other; ``close`` waits for a ``push`` that is under way, and what is pushed after
    it vanishes. The bytes are the same however the sound is cut into blocks, save for a random number in Ogg's pages.

    Args:
        format: of the file.
        from_hz: of the samples that come.
        to_hz: of the file: what ``rate_of`` says.
        labels: what ``live_labels`` made; pcm carries none. A wav's stand before its sound, so that the header is
            longer than 44 bytes.
        num_samples: how many will come, at ``from_hz``; None where that is not known. Wav and flac then say no length.
    """

    def __init__(
        self,
        format: LiveFormat,
        from_hz: int,
        to_hz: int,
        *,
        labels: Mapping[str, Any] | None = None,
        num_samples: int | None = None,
    ) -> None:
        self._lock = threading.Lock()
        self._num_promised, self._num_pushed = num_samples, 0
        self._resampler: Any = None
        if from_hz != to_hz:
            import soxr

            self._resampler = soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32", quality=QUALITY)
        # soxr rounds half up; its stream and its whole-array result agree to the sample
        num_out = None if num_samples is None else (2 * num_samples * to_hz + from_hz) // (2 * from_hz)
        self._file: _File | None
        if format in (LiveFormat.WAV, LiveFormat.PCM):
            self._file = _PlainFile(_wav_header(to_hz, num_out, labels or {}) if format is LiveFormat.WAV else b"")
        else:
            self._file = _CodedFile(format, to_hz, labels or {}, num_out)

    def push(self, samples: np.ndarray) -> bytes:
        """What of the file is ready.

        Args:
            samples: (N,) float32 in [-1, 1] or int16; N may be 0. Floats are rounded once, after resampling.
        Raises:
            AudioSamplesInvalid: NaN or infinity, or more samples than were promised.
        """
        with self._lock:
            if self._file is None:
                return b""
            self._num_pushed += len(samples)
            if self._num_promised is not None and self._num_pushed > self._num_promised:
                raise AudioSamplesInvalid(f"more samples came than the {self._num_promised} that the header speaks of")
            if samples.dtype != np.int16 and not np.isfinite(samples).all():
                raise AudioSamplesInvalid("the sound holds NaN or infinity; find the step that made it")
            return self._file.push(self._at_rate(samples)) if len(samples) else b""

    def finish(self) -> bytes:
        """The rest of the file; frees everything.

        Raises:
            AudioSamplesInvalid: fewer samples came than were promised.
        """
        with self._lock:
            if self._file is None:
                return b""
            if self._num_promised is not None and self._num_pushed < self._num_promised:
                raise AudioSamplesInvalid(
                    f"{self._num_pushed} samples came of the {self._num_promised} that the header speaks of"
                )
            last = np.zeros(0, dtype=np.int16)
            if self._resampler is not None:
                last = to_int16(self._resampler.resample_chunk(np.zeros(0, dtype=np.float32), last=True))
            rest = self._file.push(last) + self._file.finish()
            self._free()
            return rest

    def close(self) -> None:
        """Free everything; after ``finish`` it does nothing."""
        with self._lock:
            self._free()

    def _free(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = self._resampler = None

    def _at_rate(self, samples: np.ndarray) -> np.ndarray:
        if self._resampler is None:
            return samples if samples.dtype == np.int16 else to_int16(samples)
        if samples.dtype == np.int16:
            samples = samples.astype(np.float32) / 32768.0
        return to_int16(self._resampler.resample_chunk(np.ascontiguousarray(samples, dtype=np.float32)))


class _File(Protocol):
    """One kind of file that grows."""

    def push(self, samples: np.ndarray) -> bytes: ...

    def finish(self) -> bytes: ...

    def close(self) -> None: ...


class _PlainFile:
    """The samples themselves, after a header."""

    def __init__(self, header: bytes) -> None:
        self._header = header

    def push(self, samples: np.ndarray) -> bytes:
        header, self._header = self._header, b""
        return header + samples.astype("<i2").tobytes()

    def finish(self) -> bytes:
        return b""

    def close(self) -> None:
        pass


class _CodedFile:
    """What FFmpeg codes and packs."""

    def __init__(self, format: LiveFormat, rate_hz: int, labels: Mapping[str, Any], num_samples: int | None) -> None:
        import av

        kind = KINDS[f".{format}"]
        options = {"flush_packets": "1"}
        if format is LiveFormat.MP3:
            # a Xing frame is filled in at the end, by seeking; left as it began, it says a wrong length
            options |= {"write_xing": "0", "id3v2_version": "4" if labels else "0"}
        elif format is LiveFormat.AAC:
            options["write_id3v2"] = "1" if labels else "0"
        elif format is LiveFormat.FLAC:
            options["metadata_header_padding"] = "0"  # 8 KiB by default, for editors of files
        elif format is LiveFormat.OPUS:
            options["page_duration"] = str(PAGE_US)
        self._outbox = _Outbox()
        self._container = av.open(self._outbox, "w", format=kind.container, options=options)
        track = self._container.add_stream(kind.codec, rate=rate_hz, options=_CODEC_OPTIONS.get(kind.codec))
        assert isinstance(track, av.AudioStream)
        track.layout, track.format = "mono", kind.sample_format
        if kind.bit_rate is not None:
            is_wide_mp3 = format is LiveFormat.MP3 and rate_hz > 24_000
            track.bit_rate = 2 * kind.bit_rate if is_wide_mp3 else kind.bit_rate
        texts, _ = texts_of(labels)
        self._container.metadata.update(texts)
        if kind.container == "ogg":
            track.metadata.update(texts)
        self._container.start_encoding()
        if format is LiveFormat.FLAC and num_samples is not None:
            self._outbox.pieces[:] = [_with_total(b"".join(self._outbox.pieces), num_samples)]
        self._track: av.AudioStream | None = track
        self._time_base = Fraction(1, rate_hz)
        self._format, self._rate_hz, self._frame_samples = kind.sample_format, rate_hz, track.codec_context.frame_size
        self._lead = LEAD_SAMPLES.get(kind.codec, 0)
        self._is_gapped = self._lead > 0  # length and start are known to whole frames only
        self._waiting = np.zeros(0, dtype=np.int16)
        self._num_coded = 0

    def push(self, samples: np.ndarray) -> bytes:
        self._waiting = np.concatenate([self._waiting, self._without_lead(samples)])
        whole = len(self._waiting) // self._frame_samples * self._frame_samples
        for start in range(0, whole, self._frame_samples):
            self._code(self._waiting[start : start + self._frame_samples])
        self._waiting = self._waiting[whole:].copy()
        return self._outbox.take()

    def finish(self) -> bytes:
        if self._is_gapped and self._num_coded == 0 and not len(self._waiting):
            self._waiting = np.zeros(1, dtype=np.int16)  # shorter than the lead and quiet: still a file
        if len(self._waiting) and not self._is_tail_given_up():
            self._code(self._waiting)
        assert self._track is not None
        self._container.mux(self._track.encode(None))
        self.close()
        return self._outbox.take()

    def close(self) -> None:
        # the stream holds the container and the container the stream: a cycle, until the container is closed
        self._track = None
        self._container.close()

    def _code(self, samples: np.ndarray) -> None:
        import av

        assert self._track is not None
        values = samples if self._format in ("s16", "s16p") else samples.astype(np.float32) / 32768.0
        frame = av.AudioFrame.from_ndarray(values[None], format=self._format, layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = self._rate_hz, self._num_coded, self._time_base
        with _one_processor() if self._num_coded == 0 else nullcontext():
            packets = self._track.encode(frame)
        self._num_coded += len(samples)
        self._container.mux(packets)

    def _is_tail_given_up(self) -> bool:
        """A little that nobody hears, where it would cost a frame of padding that no field tells of."""
        is_little = len(self._waiting) < self._frame_samples // 2
        return self._is_gapped and self._num_coded > 0 and is_little and _num_quiet(self._waiting) == len(self._waiting)

    def _without_lead(self, samples: np.ndarray) -> np.ndarray:
        """Quiet samples at the beginning make room for the codec's lead, so that times stay true."""
        if not self._lead:
            return samples
        num_quiet = _num_quiet(samples[: self._lead])
        self._lead = self._lead - num_quiet if num_quiet == len(samples) else 0
        return samples[num_quiet:]


class _Outbox:
    """Where FFmpeg writes; it cannot seek in it."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def write(self, content: bytes) -> int:
        self.pieces.append(bytes(content))
        return len(content)

    def take(self) -> bytes:
        content = b"".join(self.pieces)
        self.pieces.clear()
        return content


@contextmanager
def _one_processor() -> Iterator[None]:
    """PyAV sets up a filter graph at an encoder's first frame, whose threads FFmpeg counts by the processors that the
    calling thread may use: up to 16 a listener, which never work. Shown one processor, it starts none."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)  # of this thread
    with suppress(OSError):  # forbidden in some sandboxes, and then nothing worse than idle threads
        os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        with suppress(OSError):
            os.sched_setaffinity(0, before)


def _num_quiet(samples: np.ndarray) -> int:
    """How many at the beginning are no louder than ``QUIET``."""
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > QUIET)
    return int(loud[0]) if len(loud) else len(samples)


def _with_total(header: bytes, num_samples: int) -> bytes:
    """A FLAC file's beginning with the number of samples in STREAMINFO, where the encoder left zero: 36 bits from the
    middle of its fourteenth byte on (RFC 9639, section 8.2)."""
    assert header[:5] in (b"fLaC\x00", b"fLaC\x80")
    at = 8 + 13
    first, _ = struct.unpack_from(">BI", header, at)
    total = struct.pack(">BI", first & 0xF0 | num_samples >> 32 & 0x0F, num_samples & 0xFFFFFFFF)
    return header[:at] + total + header[at + 5 :]


def _wav_header(rate_hz: int, num_samples: int | None, labels: Mapping[str, Any]) -> bytes:
    """Everything before the samples: 44 bytes, and the labels."""
    added = wav_chunks(labels) if labels else b""
    riff, data = UNKNOWN_SIZE, UNKNOWN_SIZE
    if num_samples is not None:
        data = 2 * num_samples
        riff = 36 + len(added) + data
    start = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", riff, b"WAVE", b"fmt ", 16, 1, 1, rate_hz, 2 * rate_hz, 2, 16)
    return start + added + struct.pack("<4sI", b"data", data)
