"""What the front-end makes of one text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class Token(NamedTuple):
    """One phone as a model reads it."""

    phone: str
    """In ``inventory.PHONES``."""
    tone: int = 0
    """Position in ``inventory.TONES``."""
    language: str = "none"
    """In ``inventory.LANGUAGES``."""


@dataclass(frozen=True)
class Word:
    """A stretch of tokens that was one written word; ranges never overlap and go up."""

    text: str
    start: int
    """First token."""
    end: int
    """One past the last token."""


@dataclass
class Utterance:
    """One text, how it is read, and its phones."""

    text: str
    normalized: str
    """Numbers, signs and abbreviations written out as they are spoken."""
    tokens: list[Token] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)

    @property
    def phones(self) -> list[str]:
        """The phones alone."""
        return [token.phone for token in self.tokens]
