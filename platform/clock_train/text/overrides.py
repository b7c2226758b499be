"""Pronunciations written into the text: ``银<行|hang2>`` and ``<tomato|T AH0 M AA1 T OW2>``.

Each is taken out before the text is cleaned and stands as one private-use character until its phones are needed, so
that no rule for numbers or words can touch it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from clock_train.errors import TextOverrideInvalid
from clock_train.text.english.arpabet import is_arpabet
from clock_train.text.mandarin.phones import syllable_phones

_FIRST_PLACE = 0xE000
_LAST_PLACE = 0xF8FF
_PRIVATE = re.compile("[\ue000-\uf8ff\U000f0000-\U0010ffff]")
_OPEN = re.compile(r"<([^<>|]*)\|([^<>|]*)(>?)")


@dataclass(frozen=True)
class Override:
    """One pronunciation given by the writer."""

    text: str
    """What is written between ``<`` and ``|``."""
    sounds: tuple[str, ...]
    """Pinyin syllables with tone digits, or ARPAbet phones."""
    language: str
    """``zh`` or ``en``."""


def take_overrides(text: str) -> tuple[str, dict[str, Override]]:
    """The text with one private-use character for each override, and what each stands for.

    Raises:
        TextOverrideInvalid: an override that is not closed, is empty, or names a sound that does not exist.
    """
    overrides: dict[str, Override] = {}

    def _take(match: re.Match[str]) -> str:
        place = chr(_FIRST_PLACE + len(overrides))
        if ord(place) > _LAST_PLACE:
            raise TextOverrideInvalid(
                f"more than {_LAST_PLACE - _FIRST_PLACE} overrides in one text; split it into sentences"
            )
        overrides[place] = _read(match)
        return place

    marked = _OPEN.sub(_take, _PRIVATE.sub(lambda found: " " * len(found[0]), text))
    return marked, overrides


def _read(match: re.Match[str]) -> Override:
    where = f"override {match[0]!r} at character {match.start() + 1}"
    written, sounds = match[1].strip(), tuple(match[2].split())
    if not match[3]:
        raise TextOverrideInvalid(
            f'{where} is not closed; write it as <行|hang2>, and a plain "<" without "|" after it'
        )
    if not written or not sounds:
        raise TextOverrideInvalid(
            f"{where} has nothing on one side of the bar; write <text|sounds>, such as <行|hang2>"
        )
    is_pinyin = [syllable_phones(sound) is not None for sound in sounds]
    is_english = [is_arpabet(sound) for sound in sounds]
    has_latin = any(char.isascii() and char.isalpha() for char in written)
    readings = [("zh", is_pinyin), ("en", is_english)]
    for language, fits in reversed(readings) if has_latin else readings:
        if all(fits):
            return Override(written, tuple(sound.lower() for sound in sounds) if language == "zh" else sounds, language)
    fits = is_english if has_latin else is_pinyin
    wrong = sounds[fits.index(False)]
    kind = (
        "an ARPAbet phone (vowels end in 0, 1 or 2, such as AH0)"
        if has_latin
        else "a pinyin syllable with its tone 1-5 (such as hang2)"
    )
    raise TextOverrideInvalid(f'{where}: "{wrong}" is not {kind}')
