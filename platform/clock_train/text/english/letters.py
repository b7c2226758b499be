"""Letters to sounds for English words that no dictionary has.

The rules are learned from the CMU dictionary (``letter_rules.py``): a letter is sounded as in the widest window of
letters that the rules know. Stress comes with the vowels and is repaired to one primary stress a word.
"""

from __future__ import annotations

import lzma
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources

_WINDOW = (0, 1, -1, 2, -2, 3, -3, 4, 5, -4, 6)
"""Neighbouring letters by how much they tell about a letter's sound."""

_REDUCED = frozenset(("AH0", "ER0", "IH0"))


def guess(word: str, rules: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """ARPAbet of a lower-case word, by the shipped rules or by others.

    Empty where the word has no letter a-z, accents aside.
    """
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", word) if letter in _LETTERS)
    rules = _load() if rules is None else rules
    phones: list[str] = []
    for place in range(len(plain)):
        letters = window(plain, place)
        sound = next(rules[letters[:width]] for width in range(len(letters), 0, -1) if letters[:width] in rules)
        phones.extend(sound.split())
    return tuple(_with_one_stress(phones))


def window(word: str, place: int) -> str:
    """The letter at this place and its neighbours in the order of the rules' questions; ``_`` beyond the word."""
    padded = f"______{word}______"
    return "".join(padded[place + offset + 6] for offset in _WINDOW)


def _with_one_stress(phones: list[str]) -> list[str]:
    vowels = [place for place, phone in enumerate(phones) if phone[-1] in "012"]
    primary = [place for place in vowels if phones[place].endswith("1")]
    for place in primary[1:]:
        phones[place] = phones[place][:-1] + "2"
    if vowels and not primary:
        secondary = [place for place in vowels if phones[place].endswith("2")]
        full = [place for place in vowels if phones[place] not in _REDUCED]
        place = (secondary or full or vowels)[0]
        phones[place] = phones[place][:-1] + "1"
    return phones


_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz")


@lru_cache(maxsize=1)
def _load() -> dict[str, str]:
    packed = resources.files("clock_train.text").joinpath("data/letters.txt.xz").read_bytes()
    lines = lzma.decompress(packed).decode("ascii").split("\n")
    return {window_letters: sound for window_letters, _, sound in (line.partition(" ") for line in lines)}
