"""What comes back: whole sounds, pieces of one, voices; plain values without anything of gRPC."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from clock_train.audio.writing import write_atomically

SUFFIXES = {
    ".mp3": "mp3",
    ".opus": "opus",
    ".ogg": "opus",
    ".flac": "flac",
    ".aac": "aac",
    ".wav": "wav",
    ".pcm": "pcm",
}


@dataclass(frozen=True, kw_only=True)
class Timed:
    """One sentence, word, phone, viseme or mark."""

    kind: str
    value: str
    start_s: float
    end_s: float
    char_start: int
    char_end: int


@dataclass(frozen=True, kw_only=True)
class SpokenPiece:
    """Some of a file, as it is spoken."""

    content: bytes
    timed: list[Timed] = field(default_factory=list)
    """What begins in it."""


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """A whole sound as a file."""

    content: bytes
    format: str
    sample_rate_hz: int
    voice: str
    """Name and version that spoke."""
    request_id: str
    """Stands in the server's log."""
    characters: int
    seconds: float
    timed: list[Timed] = field(default_factory=list)

    def save(self, path: str | Path) -> Path:
        """Write the file, whole or not at all.

        Raises:
            AudioUnwritable: no room, no permission, or no such folder.
        """
        write_atomically(Path(path), lambda stream: stream.write(self.content))
        return Path(path)


@dataclass(frozen=True, kw_only=True)
class VoiceFacts:
    """A voice that can be asked for."""

    name: str
    version: int
    aliases: list[str]
    languages: list[str]
    speakers: list[str]
    sample_rate_hz: int


def format_of(path: str | Path) -> str | None:
    """The format that a file's name asks for; None for another name."""
    return SUFFIXES.get(Path(path).suffix.lower())
