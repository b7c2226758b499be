"""How long a text takes to speak, in phones: what lengths and speaking rates are compared with."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from clock_train.errors import TextLanguageUnsupported
from clock_train.text.frontend import phonemize
from clock_train.text.inventory import MODIFIERS, PAUSES, SILENCE

PHONES_PER_LETTER = 0.85
"""Where no front-end knows the language; alphabetic scripts lie between 0.8 (French) and 1 (Italian)."""
PHONES_PER_IDEOGRAPH = 2.5
_NO_PHONES = {SILENCE, *PAUSES, *MODIFIERS}


@dataclass(frozen=True, kw_only=True)
class SpokenLength:
    """What one text asks of a reader."""

    num_phones: float
    num_pauses: int
    """Places inside the text where a reader may pause."""
    is_estimated: bool = False
    """Counted in letters, because no front-end knows the language on this machine."""


def spoken_length(text: str, language: str) -> SpokenLength:
    """Phones of a text, pauses not counted.

    Raises:
        TextEmpty, TextTooLong, TextOverrideInvalid: the front-end refuses the text.
    """
    try:
        phones = phonemize(text, language).phones
    except TextLanguageUnsupported:
        return estimated_length(text)
    num_pauses = sum(phone in PAUSES for phone in phones[:-2])
    return SpokenLength(num_phones=float(sum(phone not in _NO_PHONES for phone in phones)), num_pauses=num_pauses)


def estimated_length(text: str) -> SpokenLength:
    """The same from letters alone."""
    num_phones = 0.0
    for sign in text:
        if unicodedata.category(sign)[0] == "L":
            name = unicodedata.name(sign, "")
            num_phones += PHONES_PER_IDEOGRAPH if "IDEOGRAPH" in name else PHONES_PER_LETTER
        elif sign.isdigit():
            num_phones += 4.0
    return SpokenLength(
        num_phones=num_phones, num_pauses=sum(sign in ",.;:!?，。；：！？、" for sign in text[:-1]), is_estimated=True
    )
