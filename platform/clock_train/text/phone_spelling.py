"""Phones that a writer spells: ``/təˈmɑːtoʊ/`` as a dictionary would, or ``[tʰ ə ˈm ɑ tʰ oʊ]``, phone by phone.

Between slashes stands IPA, in which one symbol is not the same sound in every language: an English ``t`` is breathed,
its ``e`` open. Between brackets stand phones of ``inventory``, apart by spaces, and nothing is changed. In both, tone
letters or a digit 1-5 end a Mandarin syllable, and ``ˈ`` and ``ˌ`` stress the next vowel.
"""

from __future__ import annotations

import re
import unicodedata

from clock_train.errors import TextOverrideInvalid
from clock_train.text.inventory import CONSONANTS, MODIFIERS, STRESS_TONES, VOWELS
from clock_train.text.ipa import SYMBOLS
from clock_train.text.utterance import Token

_LONGEST = max(map(len, SYMBOLS))
_PHONES = frozenset((*CONSONANTS, *VOWELS, *MODIFIERS))
_STRESS = {"ˈ": STRESS_TONES["1"], "'": STRESS_TONES["1"], "ˌ": STRESS_TONES["2"]}
_TONE = re.compile("[˥˦˧˨˩]+|[1-5]")
_HEIGHTS = dict(zip("˥˦˧˨˩", (5, 4, 3, 2, 1), strict=True))
_SYLLABIC = "\u0329"
_WITHOUT_EFFECT = frozenset(" .‿ˑ\u0361\u035c\u032f\u0325\u032a\u031a\u0306")
"""Ends of syllables, ties and marks finer than the inventory."""
_ENGLISH = {"p": "pʰ", "t": "tʰ", "k": "kʰ", "r": "ɹ", "e": "ɛ", "a": "æ", "o": "oʊ", "ɐ": "ʌ"}
"""What an English dictionary means by a symbol that is another sound here."""


def is_spelled(sounds: str) -> bool:
    """Whether this is such a spelling, and not pinyin or ARPAbet."""
    return len(sounds) > 1 and (sounds[0], sounds[-1]) in (("/", "/"), ("[", "]"))


def spelled_tokens(sounds: str, language: str) -> list[Token]:
    """Tokens of one spelling.

    Args:
        sounds: with its slashes or brackets.
        language: of ``inventory.LANGUAGES``, for syllables without a tone.
    Raises:
        TextOverrideInvalid: a symbol that is no phone, or no phone at all.
    """
    is_ipa = sounds[0] == "/"
    units = _ipa_units(sounds[1:-1]) if is_ipa else _exact_units(sounds[1:-1])
    tokens: list[Token] = []
    begin, stress = 0, STRESS_TONES["0"]
    for unit in units:
        if unit in _STRESS:
            stress = _STRESS[unit]
        elif unit.isdigit():
            tokens[begin:] = [Token(token.phone, int(unit), "zh") for token in tokens[begin:]]
            begin = len(tokens)
        elif unit in VOWELS:
            tokens.append(Token(unit, stress, language))
            stress = STRESS_TONES["0"]
        elif unit not in MODIFIERS or tokens:
            tokens.append(Token(unit, 0, language))
    if not tokens:
        raise TextOverrideInvalid(f'"{sounds}" has no phone; write some, as in /həˈloʊ/')
    toneless = [token for token in tokens if token.language != "zh"]
    if language == "en" and toneless and is_ipa:
        tokens = _as_in_english(tokens)
    return _stressed(tokens) if language == "en" and not begin else tokens


def _ipa_units(text: str) -> list[str]:
    # decomposed, as in ``ipa``: a nasal vowel is a vowel and its tilde
    text = "".join(char if char == "ç" else unicodedata.normalize("NFD", char) for char in text)
    units: list[str] = []
    position = 0
    while position < len(text):
        tone = _TONE.match(text, position)
        if tone is not None:
            units.append(_tone(tone[0]))
            position = tone.end()
            continue
        piece = next(
            (piece for length in range(_LONGEST, 0, -1) if (piece := text[position : position + length]) in SYMBOLS),
            text[position],
        )
        if piece in SYMBOLS:
            units.extend(SYMBOLS[piece])
        elif piece in _STRESS:
            units.append(piece)
        elif piece == _SYLLABIC and units and units[-1] in CONSONANTS:
            units.insert(-1, "ə")
        elif piece not in _WITHOUT_EFFECT:
            raise TextOverrideInvalid(f'"{piece}" (U+{ord(piece):04X}) in /{text}/ is no IPA symbol that is known here')
        position += len(piece)
    return units


def _exact_units(text: str) -> list[str]:
    units: list[str] = []
    for written in text.split():
        stress, phone, tone = re.fullmatch(r"([ˈˌ]?)(.*?)([1-5]?)", written).groups()  # type: ignore[union-attr]
        if phone not in _PHONES:
            raise TextOverrideInvalid(f'"{written}" in [{text}] is no phone; docs/text.md has the table')
        units.extend(part for part in (stress, phone, tone) if part)
    return units


def _tone(written: str) -> str:
    """The Mandarin tone of a digit, or of tone letters by their shape."""
    if written.isdigit():
        return written
    heights = [_HEIGHTS[letter] for letter in written]
    first, last = heights[0], heights[-1]
    if last > first:
        return "3" if min(heights) < first else "2"
    if last < first:
        return "4" if first >= 4 else "3"
    return "1" if first >= 4 else "5" if first == 3 else "3"


def _as_in_english(tokens: list[Token]) -> list[Token]:
    """English has no long vowels of their own, and ``p t k`` are breathed but after ``s``."""
    adapted: list[Token] = []
    for token in tokens:
        if token.language == "zh":
            adapted.append(token)
        elif token.phone != "ː":
            is_after_s = token.phone in ("p", "t", "k") and bool(adapted) and adapted[-1].phone == "s"
            phone = token.phone if is_after_s else _ENGLISH.get(token.phone, token.phone)
            adapted.append(Token(phone, token.tone, token.language))
    return adapted


def _stressed(tokens: list[Token]) -> list[Token]:
    """An English word without a mark, as one of one syllable is written, is stressed on its first vowel."""
    vowels = [number for number, token in enumerate(tokens) if token.phone in VOWELS]
    if vowels and all(tokens[number].tone == STRESS_TONES["0"] for number in vowels):
        first = tokens[vowels[0]]
        tokens[vowels[0]] = Token(first.phone, STRESS_TONES["1"], first.language)
    return tokens
