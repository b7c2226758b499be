"""One spoken Mandarin syllable."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Syllable:
    """One spoken syllable; ``tone`` is what sandhi changes."""

    char: str
    spelling: str
    tone: int
    is_fixed: bool = False
    """Given by the writer or a phrase: never changed."""

    @property
    def pinyin(self) -> str:
        """Such as ``hang2``."""
        return f"{self.spelling}{self.tone}"
