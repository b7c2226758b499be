"""Writing wav, flac, mp3, opus, aac and m4a with their labels, and reading labels back.

A sound is coded first, its coded bytes are hashed, the claim over that digest is signed, and the same bytes are written
again with the labels beside them. Stock tools show them: wav as INFO comment and ID3 chunk, mp3 and aac as ID3, flac
and opus as Vorbis comments, m4a as comment.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from clock_train.audio.writing import to_int16, write_atomically
from clock_train.errors import AudioNotFound, AudioSamplesInvalid, LabelInvalid, LabelMissing, LabelUnwritable
from clock_train.labels.claim import Binds, Origin, binds, check_claim, signed_claim
from clock_train.labels.profile import LabelConfig, Profile, aigc_fields

if TYPE_CHECKING:
    from clock_train.audit.signing import Signer

AIGC, CLAIM, COMMENT = "AIGC", "CLOCKTRAIN_CLAIM", "comment"


@dataclass(frozen=True)
class Kind:
    """One kind of file."""

    codec: str
    container: str
    sample_format: str
    bit_rate: int | None = None
    rates_hz: tuple[int, ...] = ()
    """Those that the codec knows; none: any."""
    options: tuple[tuple[str, str], ...] = ()


_MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
KINDS = {
    ".wav": Kind("pcm_s16le", "wav", "s16"),
    ".flac": Kind("flac", "flac", "s16"),
    ".mp3": Kind("libmp3lame", "mp3", "s16p", 64_000, _MP3_RATES),
    ".opus": Kind("libopus", "ogg", "s16", 32_000, (8000, 12000, 16000, 24000, 48000)),
    ".aac": Kind("aac", "adts", "fltp", 64_000, _AAC_RATES, (("write_id3v2", "1"),)),
    ".m4a": Kind("aac", "ipod", "fltp", 64_000, _AAC_RATES),
}
KNOWN = ", ".join(suffix[1:] for suffix in KINDS)


@dataclass(frozen=True, kw_only=True)
class Labels:
    """What a file says of itself."""

    claim: dict[str, Any] | None
    aigc: dict[str, str] | None
    sound_sha256: str
    """Of this file's coded samples, to hold the claim against."""

    @property
    def binds(self) -> Binds | None:
        """What the claim says of, if it is true; None without a claim."""
        return None if self.claim is None else binds(self.claim)


def kind_of(path: Path) -> Kind:
    """By extension.

    Raises:
        LabelUnwritable: another one.
    """
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        raise LabelUnwritable(f'"{path}" is no kind of file that carries labels; give one of {KNOWN}')
    return kind


def write_labelled(
    path: Path, waveform: np.ndarray, sample_rate_hz: int, *, origin: Origin, config: LabelConfig, signer: Signer
) -> dict[str, Any]:
    """Code a sound and write it with the labels of a profile, whole or not at all.

    Args:
        path: its extension says the kind.
        waveform: (T,) float, [-1, 1].
        sample_rate_hz: of the waveform; one that the codec does not know is resampled to the next higher.
        origin: of the sound.
        config: which labels.
        signer: of the installation.
    Returns:
        The labels that were written, by name; empty for the profile ``none``.
    Raises:
        LabelUnwritable: a kind that carries none.
        AudioSamplesInvalid, AudioUnwritable: as for ``write_wav``.
    """
    kind = kind_of(path)
    if not np.isfinite(waveform).all():
        raise AudioSamplesInvalid(f"the waveform for {path} holds NaN or infinity; find the step that made it")
    coded = _encode(waveform, sample_rate_hz, kind)
    tags: dict[str, Any] = {}
    if config.profile is not Profile.NONE:
        digest = sound_digest(coded)
        tags[CLAIM] = signed_claim(origin, digest, signer)
        if config.profile is Profile.CN:
            tags[AIGC] = aigc_fields(config, origin.request_id, digest)
        coded = _with_tags(coded, kind, tags)
    write_atomically(path, lambda stream: stream.write(coded))
    return tags


def read_labels(path: Path) -> Labels:
    """The labels of a file; whether they are true is for ``check_file`` to say.

    Raises:
        AudioNotFound: no such file.
        LabelMissing: it has none, or is no sound.
        LabelInvalid: it has one that is no JSON object.
    """
    import av

    if not path.is_file():
        raise AudioNotFound(f'there is no file "{path}"; check the path')
    try:
        with path.open("rb") as stream, av.open(stream, "r") as file:
            tags = {**file.metadata, **(file.streams.audio[0].metadata if file.streams.audio else {})}
    except av.FFmpegError as error:
        raise LabelMissing(f'"{path}" is no sound file ({error.strerror}), so it has no label') from error
    by_name = {name.upper(): value for name, value in tags.items()}
    found = {name: by_name[name] for name in (AIGC, CLAIM) if name in by_name}
    try:
        if not found and COMMENT.upper() in by_name and CLAIM in by_name[COMMENT.upper()]:
            found = {name: json.dumps(each) for name, each in json.loads(by_name[COMMENT.upper()]).items()}
        values = {name: json.loads(text) for name, text in found.items()}
        if not all(isinstance(each, dict) for each in values.values()):
            raise ValueError("no object")
    except (ValueError, AttributeError) as error:
        raise LabelInvalid(f'a label of "{path}" is damaged; do not trust it') from error
    if not values:
        raise LabelMissing(f'"{path}" has no label. It may still carry a mark: clocktrain watermark detect')
    return Labels(claim=values.get(CLAIM), aigc=values.get(AIGC), sound_sha256=sound_digest(path))


def check_file(path: Path, *, public_key: str | None = None) -> Labels:
    """Read the labels and check the claim; see ``check_claim``.

    Raises:
        LabelMissing, LabelInvalid: as their names say.
    """
    labels = read_labels(path)
    if labels.claim is None:
        raise LabelMissing(f'"{path}" has no signed claim')
    check_claim(labels.claim, labels.sound_sha256, public_key=public_key)
    return labels


def sound_digest(sound: bytes | Path) -> str:
    """sha256 of the coded samples of a file, whatever stands around them; one that is named is read in a stream."""
    import av

    digest = hashlib.sha256()
    with io.BytesIO(sound) if isinstance(sound, bytes) else sound.open("rb") as stream, av.open(stream, "r") as file:
        for packet in file.demux(audio=0):
            digest.update(bytes(packet))
    return digest.hexdigest()


def _encode(waveform: np.ndarray, sample_rate_hz: int, kind: Kind) -> bytes:
    import av

    from clock_train.audio.resampling import resample

    rate_hz = next((rate for rate in kind.rates_hz if rate >= sample_rate_hz), kind.rates_hz[-1:] or sample_rate_hz)
    rate_hz = rate_hz if isinstance(rate_hz, int) else rate_hz[0]
    samples = to_int16(resample(np.asarray(waveform, dtype=np.float32), sample_rate_hz, rate_hz))
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=kind.container) as output:
        track = output.add_stream(kind.codec, rate=rate_hz)
        assert isinstance(track, av.AudioStream)
        track.layout = "mono"
        track.format = kind.sample_format
        if kind.bit_rate is not None:
            track.bit_rate = kind.bit_rate
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts = rate_hz, 0
        converter = av.AudioResampler(format=kind.sample_format, layout="mono", rate=rate_hz)
        for piece in [*converter.resample(frame), *converter.resample(None), None]:
            output.mux(track.encode(piece))
    return buffer.getvalue()


def _with_tags(coded: bytes, kind: Kind, tags: dict[str, Any]) -> bytes:
    """The same coded samples with labels beside them."""
    texts, together = texts_of(tags)
    if kind.container == "wav":
        body = coded[12:] + wav_chunks(tags)
        return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body
    import av

    buffer = io.BytesIO()
    source = av.open(io.BytesIO(coded), "r", format="mov" if kind.container == "ipod" else _demuxer(kind))
    with source, av.open(buffer, "w", format=kind.container, options=dict(kind.options)) as output:
        track = output.add_stream_from_template(source.streams.audio[0])
        written = {COMMENT: together} if kind.container == "ipod" else texts
        output.metadata.update(written)
        if kind.container == "ogg":
            track.metadata.update(written)
        for packet in source.demux(audio=0):
            if packet.dts is not None:
                packet.stream = track
                output.mux(packet)
    return buffer.getvalue()


def texts_of(tags: Mapping[str, Any]) -> tuple[dict[str, str], str]:
    """Each label as text, and all of them as one."""
    texts = {name: json.dumps(value, ensure_ascii=False, sort_keys=True) for name, value in tags.items()}
    return texts, json.dumps(dict(tags), ensure_ascii=False, sort_keys=True)


def _demuxer(kind: Kind) -> str:
    return "aac" if kind.container == "adts" else kind.container


def wav_chunks(tags: Mapping[str, Any]) -> bytes:
    """A LIST INFO comment, which every tool shows, and an ID3 chunk, which tells the labels apart."""
    texts, together = texts_of(tags)
    info = b"INFO" + _chunk(b"ICMT", together.encode() + b"\0") + _chunk(b"ISFT", b"ClockTrain\0")
    return _chunk(b"LIST", info) + _chunk(b"id3 ", _id3(texts))


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) & 1)


def _id3(texts: dict[str, str]) -> bytes:
    """ID3v2.4 with one TXXX frame of UTF-8 a label."""
    frames = b""
    for name, text in texts.items():
        content = b"\x03" + name.encode() + b"\0" + text.encode()
        frames += b"TXXX" + _synchsafe(len(content)) + b"\0\0" + content
    return b"ID3\x04\0\0" + _synchsafe(len(frames)) + frames


def _synchsafe(size: int) -> bytes:
    return bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
