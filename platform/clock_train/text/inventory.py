"""The phones, tones and languages that every voice shares, and their numbers.

A phone is written close to IPA. Two languages share a phone where a phonetician would write the same symbol for both:
Mandarin ``b`` and the ``p`` of English ``spin`` or of Spanish are one unaspirated ``p``. ``docs/text.md`` has the
table and ``docs/adr/0003-phones-and-dictionary.md`` the reasons. The numbers are positions in the tuples below, so a
model fits one inventory only: ``INVENTORY_ID`` changes with any change of the tables.
"""

from __future__ import annotations

import hashlib

import numpy as np

from clock_train.text.utterance import Utterance

SILENCE = "_"
PAUSES = (",", ".", "?", "!")
"""What punctuation becomes; ``?`` and ``!`` are kept apart because they change the melody before them."""

CONSONANTS = (
    *("p", "pʰ", "b", "t", "tʰ", "d", "k", "kʰ", "ɡ", "ʔ"),
    *("m", "n", "ɲ", "ŋ"),
    *("f", "v", "θ", "ð", "s", "z", "ʃ", "ʒ", "ɕ", "ʑ", "ʂ", "ʐ", "ç", "x", "ɣ", "h", "β"),
    *("ts", "tsʰ", "dz", "tʃ", "dʒ", "tɕ", "tɕʰ", "ʈʂ", "ʈʂʰ"),
    *("l", "ɫ", "ʎ", "ɹ", "r", "ɾ", "ʁ"),
    *("j", "w", "ɥ"),
)
VOWELS = (
    *("i", "ɪ", "y", "ɨ", "ʉ", "u", "ʊ", "e", "ø", "ɤ", "o", "ɛ", "œ", "ə", "ɚ", "ɝ", "ʌ", "ɔ", "æ", "a", "ɐ", "ɑ"),
    *("ɹ̩", "ɻ̩"),
    *("aɪ", "eɪ", "ɔɪ", "aʊ", "oʊ"),
)
"""``ɹ̩`` and ``ɻ̩`` are the buzzed vowels of Mandarin ``zi`` and ``zhi``; the last five are one phone each because
Mandarin ``ai ei ao ou`` and English ``AY EY AW OW`` glide the same way."""

MODIFIERS = ("ː", "ʲ", "̃")
"""Follow the phone that they change: length (Italian double letters), palatalised (Russian), nasal (French)."""

PHONES: tuple[str, ...] = (SILENCE, *PAUSES, *CONSONANTS, *VOWELS, *MODIFIERS)
LANGUAGES: tuple[str, ...] = ("none", "zh", "en", "es", "fr", "it", "ru", "other")
"""``none`` marks silence and pauses."""

TONES: tuple[str, ...] = ("none", "1", "2", "3", "4", "5", "unstressed", "primary", "secondary")
"""Mandarin's four tones and the neutral one on every phone of a syllable; stress on vowels of the other languages."""

NUM_TONES = len(TONES)
STRESS_TONES = {"0": 6, "1": 7, "2": 8}
"""ARPAbet's stress digit to its tone number."""

INVENTORY_ID = hashlib.sha256("\n".join((" ".join(PHONES), " ".join(TONES), " ".join(LANGUAGES))).encode()).hexdigest()[
    :12
]

_PHONE_IDS = {phone: number for number, phone in enumerate(PHONES)}
_LANGUAGE_IDS = {language: number for number, language in enumerate(LANGUAGES)}


def token_ids(utterance: Utterance) -> np.ndarray:
    """What a model reads: (3, L) int64, rows phone, tone and language numbers, L tokens."""
    rows = [[_PHONE_IDS[token.phone], token.tone, _LANGUAGE_IDS[token.language]] for token in utterance.tokens]
    return np.array(rows, dtype=np.int64).reshape(-1, 3).T.copy()


def is_known_phone(phone: str) -> bool:
    """Whether the inventory has this phone."""
    return phone in _PHONE_IDS
