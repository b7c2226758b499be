"""pypinyin's tables of phrases and characters, and its tone marks as numbers."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

_TONE_MARKS = {
    mark: (plain, tone)
    for plain, marks in {
        **{"a": "āáǎà", "o": "ōóǒò", "e": "ēéěè", "i": "īíǐì", "u": "ūúǔù", "v": "ǖǘǚǜ"},
    }.items()
    for tone, mark in enumerate(marks, start=1)
} | {"ü": ("v", 5), "ń": ("n", 2), "ň": ("n", 3), "ǹ": ("n", 4), "ḿ": ("m", 2)}


def is_word(text: str) -> bool:
    """Whether jieba's dictionary has this word."""
    import rjieba

    return rjieba.has_word(text)


def numbered(marked: str) -> tuple[str, int]:
    """``háng`` as (``hang``, 2); without a mark the tone is 5."""
    spelling, tone = [], 5
    for letter in marked.replace("ê̄", "ê").replace("m̀", "m"):
        plain, letter_tone = _TONE_MARKS.get(letter, (letter, 5))
        spelling.append(plain)
        tone = letter_tone if letter_tone != 5 else tone
    return "".join(letter for letter in spelling if letter.isalpha()), tone


@lru_cache(maxsize=1)
def phrase_table() -> dict[str, Any]:
    """Phrases with one list of readings a character."""
    from pypinyin.phrases_dict import phrases_dict

    return phrases_dict


@lru_cache(maxsize=1)
def character_table() -> dict[int, str]:
    """Code points with their readings, comma-separated, the most frequent first."""
    from pypinyin.pinyin_dict import pinyin_dict

    return pinyin_dict
