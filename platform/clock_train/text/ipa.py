"""The IPA that espeak-ng writes, to phones of the shared inventory.

espeak-ng's symbols are not the same sound in every language: its Russian ``y`` is ы and its ``ʃ`` the retroflex ш, so
each language may rename some first. Sounds outside the inventory go to the nearest one in it; ``docs/text.md`` lists
them.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from clock_train.text.inventory import CONSONANTS, MODIFIERS, STRESS_TONES, VOWELS
from clock_train.text.utterance import Token

_NEAREST: dict[str, tuple[str, ...]] = {
    **{
        "g": ("ɡ",),
        "c": ("k", "ʲ"),
        "ɟ": ("ɡ", "ʲ"),
        "q": ("k",),
        "ɢ": ("ɡ",),
        "ʈ": ("t",),
        "ɖ": ("d",),
        "ɓ": ("b",),
        "ɗ": ("d",),
    },
    **{
        "ɱ": ("m",),
        "ɳ": ("n",),
        "ɴ": ("ŋ",),
        "ɸ": ("f",),
        "ʋ": ("v",),
        "ʝ": ("j",),
        "ħ": ("h",),
        "ɦ": ("h",),
        "ʕ": ("ʔ",),
        "χ": ("x",),
    },
    **{
        "ʍ": ("w",),
        "ɰ": ("w",),
        "ɬ": ("l",),
        "ɮ": ("l",),
        "ɭ": ("l",),
        "ʟ": ("l",),
        "ɻ": ("ɹ",),
        "ʀ": ("ʁ",),
        "ɽ": ("ɾ",),
        "ɺ": ("ɾ",),
    },
    **{"dʑ": ("dʒ",), "ɖʐ": ("dʒ",), "pf": ("p", "f"), "kx": ("k", "x"), "ɧ": ("ʃ",), "sx": ("ʃ",)},
    **{
        "ʏ": ("y",),
        "ɵ": ("o",),
        "ɘ": ("ə",),
        "ɜ": ("ɝ",),
        "ɞ": ("œ",),
        "ɯ": ("ɨ",),
        "ɤ": ("ɤ",),
        "ɒ": ("ɔ",),
        "ɶ": ("a",),
        "ä": ("a",),
    },
    **{
        "ᵻ": ("ɪ",),
        "oɪ": ("ɔɪ",),
        "ɔø": ("ɔɪ",),
        "ɔʏ": ("ɔɪ",),
        "əʊ": ("oʊ",),
        "ɑɪ": ("aɪ",),
        "ai": ("aɪ",),
        "ei": ("eɪ",),
    },
}
_RENAMED: dict[str, dict[str, str]] = {
    "ru": {"tʃʲ": "tɕ", "ɭʲ": "lʲ", "ɭ": "ɫ", "ʃ": "ʂ", "ʒ": "ʐ", "y": "ɨ", 'u"': "ʉ", "ʌ": "ɐ"},
    "de": {"ɜ": "ɐ"},
}
SYMBOLS: dict[str, tuple[str, ...]] = {
    **{phone: (phone,) for phone in (*CONSONANTS, *VOWELS, *MODIFIERS)},
    **_NEAREST,
}
"""What is written in IPA, to phones."""
_LONGEST = max(map(len, SYMBOLS))
_VOWELS = frozenset(VOWELS)
_STRESS = {"ˈ": STRESS_TONES["1"], "ˌ": STRESS_TONES["2"]}
_LANGUAGE_SWITCH = re.compile(r"\([a-z0-9-]+\)")


def ipa_tokens(word: str, voice: str, language: str) -> list[Token]:
    """Tokens of one word of espeak-ng's ``--ipa --sep=_`` output.

    Args:
        word: segments joined by ``_``, stress marks before the vowels that carry them.
        voice: espeak-ng's voice, whose habits are renamed.
        language: the language number's name to write into the tokens.
    """
    tokens: list[Token] = []
    stress = STRESS_TONES["0"]
    for segment in _LANGUAGE_SWITCH.sub("", word).split("_"):
        for phone in _segment_phones(segment, voice.partition("-")[0]):
            if phone in _STRESS:
                stress = _STRESS[phone]
            elif phone in _VOWELS:
                tokens.append(Token(phone, stress, language))
                stress = STRESS_TONES["0"]
            elif phone not in MODIFIERS or tokens:
                tokens.append(Token(phone, 0, language))
    return tokens


@lru_cache(maxsize=4096)
def _segment_phones(segment: str, voice: str) -> tuple[str, ...]:
    """Phones and stress marks of one segment; marks that the inventory lacks (tone digits, pauses, diacritics) are
    dropped."""
    text = segment
    for theirs, ours in _RENAMED.get(voice, {}).items():
        text = text.replace(theirs, ours)
    # decomposed, so that a nasal vowel is a vowel and its tilde; the other composed letters are taken apart but for ç
    text = "".join(char if char == "ç" else unicodedata.normalize("NFD", char) for char in text)
    phones: list[str] = []
    position = 0
    while position < len(text):
        for length in range(min(_LONGEST, len(text) - position), 0, -1):
            piece = text[position : position + length]
            if piece in SYMBOLS or piece in _STRESS:
                phones.extend(SYMBOLS.get(piece, (piece,)))
                position += length
                break
        else:
            position += 1
    return tuple(phones)
