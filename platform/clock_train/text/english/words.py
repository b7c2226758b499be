"""One English word to ARPAbet: dictionary, then word parts, then letters."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from clock_train.text.english.dictionary import lookup
from clock_train.text.english.letters import guess

LETTERS: dict[str, str] = {
    **{
        "a": "EY1",
        "b": "B IY1",
        "c": "S IY1",
        "d": "D IY1",
        "e": "IY1",
        "f": "EH1 F",
        "g": "JH IY1",
        "h": "EY1 CH",
        "i": "AY1",
    },
    **{
        "j": "JH EY1",
        "k": "K EY1",
        "l": "EH1 L",
        "m": "EH1 M",
        "n": "EH1 N",
        "o": "OW1",
        "p": "P IY1",
        "q": "K Y UW1",
        "r": "AA1 R",
    },
    **{
        "s": "EH1 S",
        "t": "T IY1",
        "u": "Y UW1",
        "v": "V IY1",
        "w": "D AH1 B AH0 L Y UW0",
        "x": "EH1 K S",
        "y": "W AY1",
        "z": "Z IY1",
    },
}
"""Names of the letters."""

_VOICELESS = frozenset(["P", "T", "K", "F", "TH"])
_HISSING = frozenset(["S", "Z", "SH", "ZH", "CH", "JH"])
_OWN: dict[str, str] = {
    "a": "AH0",
    "clocktrain": "K L AA1 K T R EY2 N",
    "miz": "M IH1 Z",
    "i'm": "AY1 M",
    "gonna": "G AA1 N AH0",
    "o'clock": "AH0 K L AA1 K",
}


def pronounce_words(words: Sequence[str]) -> list[tuple[str, ...]]:
    """ARPAbet of the words of one clause, each in the light of its neighbours."""
    return [pronounce(word) for word in words]


@lru_cache(maxsize=65536)
def pronounce(word: str) -> tuple[str, ...]:
    """ARPAbet of one written word of Latin letters and apostrophes; never empty.

    Capitals matter: ``IBM`` is spelled, ``NASA`` is read since the dictionary knows it.
    """
    bare = word.strip("'")
    lower = bare.lower()
    if len(bare) == 1 and bare != "a" and bare.lower() in LETTERS:
        return tuple(LETTERS[lower].split())
    known = _known(lower)
    if known is not None:
        return known
    if _is_spelled(bare):
        return _spell(bare)
    return guess(lower) or _spell(lower)


def _known(word: str) -> tuple[str, ...] | None:
    if word in _OWN:
        return tuple(_OWN[word].split())
    found = lookup(word)
    if found is not None:
        return found
    for ending in ("'s", "s'", "s"):
        stem = word[: -len(ending)] + ("s" if ending == "s'" else "")
        if word.endswith(ending) and len(stem) > 1:
            found = lookup(stem)
            if found is not None:
                return found if ending == "s'" else (*found, *_ending_s(found[-1]))
    return None


def _ending_s(last: str) -> tuple[str, ...]:
    if last in _HISSING:
        return ("IH0", "Z")
    return ("S",) if last in _VOICELESS else ("Z",)


def _is_spelled(word: str) -> bool:
    letters = word.rstrip("s'") if word[:-1].isupper() else word
    return letters.isupper() or not any(letter in "aeiouy" for letter in word.lower())


def _spell(word: str) -> tuple[str, ...]:
    stem, ending = word, ""
    if len(word) > 2 and word.endswith("s") and word[:-1].rstrip("'").isupper():
        stem, ending = word[:-1].rstrip("'"), "s"
    phones = [phone for letter in stem.lower() for phone in LETTERS.get(letter, "").split()]
    if ending:
        phones.extend(_ending_s(phones[-1]))
    return tuple(phones)
