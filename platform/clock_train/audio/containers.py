"""Which kind of sound file the bytes are, and whether the file is as long as its own header says.

The first bytes decide, never the extension: people rename files, and a demuxer guessed from a name may be one that
follows links to other files (playlists do). A kind not listed here is refused before any decoder sees it. The one
exception is raw G.722, which has no header at all: there the extension is all we have.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

HEAD_BYTES = 4096
OGG_TAIL_BYTES = 65_536 + 282
"""The longest Ogg page: a 27-byte header, 255 lacing values of at most 255 bytes each, and the values themselves."""
UNKNOWN_RIFF_SIZE = 0xFFFFFFFF
"""What programs write into a pipe, where they cannot go back to fill in the length."""


@dataclass(frozen=True, kw_only=True)
class Container:
    """One kind of file: how to know it, who reads it, what it is usually called."""

    name: str
    ffmpeg_format: str
    """The demuxer is always named, so that FFmpeg never probes (and never opens a playlist)."""
    extensions: frozenset[str]
    soundfile_reads: bool
    has_magic: bool = True


def _container(name: str, ffmpeg_format: str, extensions: str, soundfile_reads: bool) -> Container:
    return Container(
        name=name,
        ffmpeg_format=ffmpeg_format,
        extensions=frozenset(extensions.split()),
        soundfile_reads=soundfile_reads,
    )


WAV = _container("wav", "wav", ".wav .wave .rf64", True)
W64 = _container("w64", "w64", ".w64", True)
AIFF = _container("aiff", "aiff", ".aif .aiff .aifc", True)
FLAC = _container("flac", "flac", ".flac", True)
OGG = _container("ogg", "ogg", ".ogg .oga .opus .spx", True)
MP3 = _container("mp3", "mp3", ".mp3 .mp2 .mpga", True)
AU = _container("au", "au", ".au .snd", True)
CAF = _container("caf", "caf", ".caf", True)
MP4 = _container("mp4", "mov", ".m4a .mp4 .aac .m4b .mov .3gp", False)
AAC = _container("aac", "aac", ".aac", False)
MATROSKA = _container("matroska", "matroska", ".webm .mka .mkv", False)
AMR = _container("amr", "amr", ".amr", False)
ASF = _container("asf", "asf", ".wma .asf", False)
G722 = Container(
    name="g722", ffmpeg_format="g722", extensions=frozenset({".g722"}), soundfile_reads=False, has_magic=False
)


def _is_adts(head: bytes) -> bool:
    return len(head) > 2 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0


def _after_id3(head: bytes) -> bytes:
    """What follows an ID3 tag, which a labelled aac file begins with; all of it where there is none."""
    if head[:3] != b"ID3" or len(head) < 10:
        return head
    size_bytes = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
    return head[10 + size_bytes :]


def _is_mpeg_audio(head: bytes) -> bool:
    """A valid MPEG audio frame header: sync, and no reserved version, layer, bit rate or sample rate."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer, bit_rate, sample_rate = head[1] >> 3 & 3, head[1] >> 1 & 3, head[2] >> 4, head[2] >> 2 & 3
    return version != 1 and layer != 0 and bit_rate not in (0, 15) and sample_rate != 3


_MAGIC: tuple[tuple[Container, Callable[[bytes], bool]], ...] = (
    (WAV, lambda head: head[:4] in (b"RIFF", b"RIFX", b"RF64") and head[8:12] == b"WAVE"),
    (W64, lambda head: head[:16] == b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00"),
    (AIFF, lambda head: head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC")),
    (FLAC, lambda head: head[:4] == b"fLaC"),
    (OGG, lambda head: head[:4] == b"OggS"),
    (AU, lambda head: head[:4] in (b".snd", b"dns.")),
    (CAF, lambda head: head[:4] == b"caff"),
    (MP4, lambda head: head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free")),
    (MATROSKA, lambda head: head[:4] == b"\x1a\x45\xdf\xa3"),
    (AMR, lambda head: head[:5] == b"#!AMR"),
    (ASF, lambda head: head[:4] == b"\x30\x26\xb2\x75"),
    (AAC, lambda head: _is_adts(_after_id3(head))),
    (MP3, lambda head: head[:3] == b"ID3" or _is_mpeg_audio(head)),
)


def sniff(head: bytes, path: Path) -> Container | None:
    """The kind of file that starts with ``head``, or None when no decoder of ours knows it."""
    for container, matches in _MAGIC:
        if matches(head):
            return container
    # Any bytes decode as G.722, so at least a text under that name is refused.
    if path.suffix.lower() in G722.extensions and not _is_text(head):
        return G722
    return None


def missing_bytes(stream: BinaryIO, container: Container) -> int:
    """How many bytes the header promises beyond the end of the file; 0 where all is there or nothing is promised."""
    size_bytes = os.fstat(stream.fileno()).st_size
    if container is WAV:
        return _missing_in_wav(stream, size_bytes)
    if container is AIFF:
        stream.seek(4)
        return max(0, 8 + int.from_bytes(stream.read(4), "big") - size_bytes)
    if container is MP4:
        return _missing_in_mp4(stream, size_bytes)
    if container is OGG:
        return _missing_in_ogg(stream, size_bytes)
    return 0


def _is_text(head: bytes) -> bool:
    """Valid UTF-8 without control characters; the last character may be cut."""
    text = head.decode("utf-8", errors="ignore")
    return len(text.encode()) > len(head) - 4 and all(c.isprintable() or c.isspace() for c in text)


def _missing_in_wav(stream: BinaryIO, size_bytes: int) -> int:
    stream.seek(0)
    order = "big" if stream.read(4) == b"RIFX" else "little"
    position = 12
    while position + 8 <= size_bytes:
        stream.seek(position)
        header = stream.read(8)
        chunk_bytes = int.from_bytes(header[4:], order)
        if header[:4] == b"data":
            # RF64 keeps the true length elsewhere and writes the same mark as a pipe does.
            return 0 if chunk_bytes == UNKNOWN_RIFF_SIZE else max(0, position + 8 + chunk_bytes - size_bytes)
        position += 8 + chunk_bytes + chunk_bytes % 2
    # A file without a data chunk was cut inside its header.
    return max(1, position - size_bytes)


def _missing_in_mp4(stream: BinaryIO, size_bytes: int) -> int:
    position, has_index = 0, False
    while position + 8 <= size_bytes:
        stream.seek(position)
        header = stream.read(16)
        atom_bytes = int.from_bytes(header[:4], "big")
        if atom_bytes == 1:
            atom_bytes = int.from_bytes(header[8:16], "big")
        elif atom_bytes == 0:
            atom_bytes = size_bytes - position
        has_index |= header[4:8] in (b"moov", b"moof")
        position += max(8, atom_bytes)
    return max(0, position - size_bytes, 0 if has_index else 1)


def _missing_in_ogg(stream: BinaryIO, size_bytes: int) -> int:
    """The last page must be whole and carry the end-of-stream mark."""
    stream.seek(max(0, size_bytes - OGG_TAIL_BYTES))
    tail = stream.read(OGG_TAIL_BYTES)
    start = tail.rfind(b"OggS")
    page = tail[start:] if start >= 0 else b""
    if len(page) < 27 or len(page) < 27 + page[26]:
        return 1
    page_bytes = 27 + page[26] + sum(page[27 : 27 + page[26]])
    is_last = bool(page[5] & 0x04)
    return max(page_bytes - len(page), 0 if is_last else 1)
