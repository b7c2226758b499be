"""Pronunciations written into the text: ``银<行|hang2>``, ``<tomato|T AH0 M AA1 T OW2>``, ``<tomato|/təˈmɑːtoʊ/>``.

Each is taken out before the text is cleaned and stands as one private-use character until its phones are needed, so
that no rule for numbers or words can touch it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from clock_train.errors import TextOverrideInvalid
from clock_train.text.english.arpabet import arpabet_tokens, is_arpabet
from clock_train.text.mandarin.phones import syllable_phones
from clock_train.text.phone_spelling import is_spelled, spelled_tokens
from clock_train.text.utterance import Token

_FIRST_PLACE = 0xE000
_LAST_PLACE = 0xF8FF
_PRIVATE = re.compile("[\ue000-\uf8ff\U000f0000-\U0010ffff]")
_OPEN = re.compile(r"<([^<>|]*)\|([^<>|]*)(>?)")

ALPHABETS = ("ipa", "x-clocktrain", "pinyin")
"""That ``override_of`` takes."""


@dataclass(frozen=True)
class Override:
    """One pronunciation given by the writer."""

    text: str
    """What is written between ``<`` and ``|``."""
    sounds: tuple[str, ...]
    """Pinyin syllables with tone digits, or ARPAbet phones, or one spelling of ``phone_spelling``."""
    language: str
    """``zh`` or ``en``, or ``phones`` for a spelling."""

    def tokens(self, language: str) -> list[Token]:
        """What is spoken, in a text of this language."""
        if self.language == "phones":
            return spelled_tokens(self.sounds[0], language)
        if self.language == "en":
            return arpabet_tokens(self.sounds)
        return [Token(phone, int(sound[-1]), "zh") for sound in self.sounds for phone in syllable_phones(sound) or ()]


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


def without_sounds(text: str) -> str:
    """The text with the written word of each override alone."""
    return _OPEN.sub(lambda match: match[1], text)


def override_of(word: str, phones: str, alphabet: str) -> str:
    """A word with its phones, as the front-end takes it.

    Args:
        word: without ``<``, ``|`` and ``>``.
        phones: in one of ``ALPHABETS``; ``x-clocktrain`` is what may stand behind the bar of an override, or phones of
            the inventory apart by spaces.
    Raises:
        TextOverrideInvalid: sounds that there are not.
    """
    if any(sign in phones for sign in "<>|") or (alphabet == "ipa" and "/" in phones):
        raise TextOverrideInvalid(f'"{phones}" holds a sign that is no phone')
    if alphabet == "ipa":
        phones = f"/{phones}/"
    elif alphabet == "pinyin":
        phones = phones.lower()
    override = f"<{word}|{phones}>"
    try:
        take_overrides(override)
    except TextOverrideInvalid:
        if alphabet != "x-clocktrain" or phones.startswith(("/", "[")):
            raise
        override = f"<{word}|[{phones}]>"
        try:
            take_overrides(override)
        except TextOverrideInvalid:
            raise TextOverrideInvalid(
                f'"{phones}" is neither pinyin with tones, ARPAbet, nor phones of docs/text.md apart by spaces'
            ) from None
    return override


def override_spans(text: str) -> list[tuple[int, int]]:
    """Where overrides stand in a text, open ones too: (start, end) in characters, rising."""
    return [match.span() for match in _OPEN.finditer(text)]


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
    if is_spelled(match[2].strip()):
        override = Override(written, (match[2].strip(),), "phones")
        override.tokens("en")  # says what is no phone
        return override
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
