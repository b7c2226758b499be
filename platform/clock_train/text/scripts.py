"""Which writing a character belongs to, and cutting a normalised text into runs of one writing."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af〇々"
_LATIN = r"A-Za-z\u00aa\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff"
_PLACE = "\ue000-\uf8ff"
_RUN = re.compile(
    rf"(?P<han>[{HAN}]+)|(?P<latin>[{_LATIN}][{_LATIN}\u0300-\u036f]*(?:'[{_LATIN}]+)*'?)|(?P<override>[{_PLACE}])"
    r"|(?P<pause>[,;:.?!…—–()]|(?<=\s)-(?=\s))"
)
_SCRIPTS = ("CYRILLIC", "GREEK", "ARABIC", "HEBREW", "HANGUL", "HIRAGANA", "KATAKANA", "THAI", "DEVANAGARI")

is_han = re.compile(f"[{HAN}]").search
is_latin = re.compile(f"[{_LATIN}]").search
is_cyrillic = re.compile("[\u0400-\u052f]").search


class Run(NamedTuple):
    """A stretch of one kind: ``han``, ``latin`` (one word), ``override`` (one character), ``pause`` or ``unread``."""

    kind: str
    text: str
    start: int


def split_runs(text: str) -> list[Run]:
    """Runs of a normalised text in order; spaces and signs that have no sound are left out, unread letters are not."""
    runs: list[Run] = []
    end = 0
    for match in _RUN.finditer(text):
        runs.extend(_unread(text, end, match.start()))
        runs.append(Run(str(match.lastgroup), match[0], match.start()))
        end = match.end()
    runs.extend(_unread(text, end, len(text)))
    return runs


def script_name(char: str) -> str:
    """``Cyrillic``, ``Hiragana`` ..., or the first word of the character's Unicode name."""
    name = unicodedata.name(char, "UNKNOWN")
    return next((script for script in _SCRIPTS if script in name), name.split()[0]).capitalize()


def _unread(text: str, start: int, end: int) -> list[Run]:
    return [Run("unread", char, start + offset) for offset, char in enumerate(text[start:end]) if char.isalpha()]
