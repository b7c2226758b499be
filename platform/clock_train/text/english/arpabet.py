"""ARPAbet, the alphabet of the CMU dictionary, to phones of the shared inventory."""

from __future__ import annotations

from collections.abc import Sequence

from clock_train.text.inventory import STRESS_TONES
from clock_train.text.utterance import Token

CONSONANTS: dict[str, str] = {
    **{
        "B": "b",
        "CH": "tʃ",
        "D": "d",
        "DH": "ð",
        "F": "f",
        "G": "ɡ",
        "HH": "h",
        "JH": "dʒ",
        "K": "kʰ",
        "L": "l",
        "M": "m",
        "N": "n",
    },
    **{
        "NG": "ŋ",
        "P": "pʰ",
        "R": "ɹ",
        "S": "s",
        "SH": "ʃ",
        "T": "tʰ",
        "TH": "θ",
        "V": "v",
        "W": "w",
        "Y": "j",
        "Z": "z",
        "ZH": "ʒ",
    },
}
VOWELS: dict[str, str] = {
    **{
        "AA": "ɑ",
        "AE": "æ",
        "AH": "ʌ",
        "AO": "ɔ",
        "AW": "aʊ",
        "AY": "aɪ",
        "EH": "ɛ",
        "ER": "ɝ",
        "EY": "eɪ",
        "IH": "ɪ",
        "IY": "i",
    },
    **{"OW": "oʊ", "OY": "ɔɪ", "UH": "ʊ", "UW": "u"},
}
_UNSTRESSED = {"AH": "ə", "ER": "ɚ"}
_AFTER_S = {"pʰ": "p", "tʰ": "t", "kʰ": "k"}


def is_arpabet(phone: str) -> bool:
    """Whether this is a CMU phone: a consonant, or a vowel with a stress digit 0-2."""
    return phone in CONSONANTS or (phone[:-1] in VOWELS and phone[-1:] in STRESS_TONES)


def arpabet_tokens(phones: Sequence[str]) -> list[Token]:
    """Tokens of one word; ``p t k`` lose their breath after ``s``, as in ``spin``."""
    tokens: list[Token] = []
    for phone in phones:
        if phone in CONSONANTS:
            sound = CONSONANTS[phone]
            if tokens and tokens[-1].phone == "s":
                sound = _AFTER_S.get(sound, sound)
            tokens.append(Token(sound, 0, "en"))
            continue
        vowel, stress = phone[:-1], phone[-1]
        sound = _UNSTRESSED.get(vowel, VOWELS[vowel]) if stress == "0" else VOWELS[vowel]
        tokens.append(Token(sound, STRESS_TONES[stress], "en"))
    return tokens
