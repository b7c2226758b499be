"""English words to ARPAbet: own list, dictionary, word parts, spelling, and letters at last."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from clock_train.text.data_files import named_lists, rows
from clock_train.text.english.dictionary import lookup
from clock_train.text.english.heteronyms import heteronym
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

_OWN = {word: tuple(phones.split()) for word, phones in rows("english_own.csv")}
_SPELLED = named_lists("english_words.txt")["spelled"]
"""Capitals that are spelled although they might be read, or although the dictionary has a word of these letters."""

_VOICELESS = frozenset(["P", "T", "K", "F", "TH"])
_HISSING = frozenset(["S", "Z", "SH", "ZH", "CH", "JH"])
_PREFIXES: dict[str, str] = {
    **{
        "un": "AH0 N",
        "re": "R IY0",
        "non": "N AA0 N",
        "pre": "P R IY0",
        "mis": "M IH0 S",
        "over": "OW1 V ER0",
        "under": "AH1 N D ER0",
    },
    **{
        "anti": "AE1 N T IY0",
        "multi": "M AH1 L T IY0",
        "micro": "M AY1 K R OW0",
        "super": "S UW1 P ER0",
        "sub": "S AH1 B",
        "dis": "D IH0 S",
    },
    **{
        "inter": "IH1 N T ER0",
        "out": "AW1 T",
        "semi": "S EH1 M IY0",
        "cyber": "S AY1 B ER0",
        "hyper": "HH AY1 P ER0",
        "mega": "M EH1 G AH0",
    },
}
_SUFFIXES: dict[str, str] = {
    **{
        "ing": "IH0 NG",
        "er": "ER0",
        "ers": "ER0 Z",
        "ly": "L IY0",
        "ness": "N AH0 S",
        "less": "L AH0 S",
        "ment": "M AH0 N T",
    },
    **{
        "able": "AH0 B AH0 L",
        "ful": "F AH0 L",
        "ish": "IH0 SH",
        "ist": "IH0 S T",
        "ism": "IH2 Z AH0 M",
        "like": "L AY2 K",
        "wise": "W AY2 Z",
    },
}
_MIN_PART = 3
"""Shortest part of a compound; two-letter words would cut names to pieces."""


def pronounce_words(words: Sequence[str]) -> list[tuple[str, ...]]:
    """ARPAbet of the words of one clause, each in the light of its neighbours; none is empty."""
    is_shouted = len(words) > 2 and all(word.isupper() for word in words)
    lowered = [word.lower() for word in words]
    spoken = []
    for index, word in enumerate(words):
        before = lowered[index - 1] if index else ""
        after = lowered[index + 1] if index + 1 < len(words) else ""
        special = heteronym(lowered[index], before, after)
        spoken.append(special or pronounce(lowered[index] if is_shouted else word))
    for index, word in enumerate(lowered[:-1]):
        if word == "the" and spoken[index + 1][0][-1] in "012":
            spoken[index] = ("DH", "IY0")
    return spoken


@lru_cache(maxsize=65536)
def pronounce(word: str) -> tuple[str, ...]:
    """ARPAbet of one written word of Latin letters and apostrophes; never empty.

    Capitals matter: ``XML`` is spelled, ``NASA`` is read since the dictionary knows it.
    """
    bare = _plain(word).strip("'") or word
    lower = bare.lower()
    if (len(bare) == 1 and bare != "a" and lower in LETTERS) or bare.removesuffix("'s").removesuffix("s") in _SPELLED:
        return _spell(bare)
    known = _known(lower)
    if known is None and not _is_spelled(bare):
        known = _from_parts(lower) or guess(lower)
    return known or _spell(bare) or ("AH0",)


def _plain(word: str) -> str:
    """Without accents: the dictionary writes cafe."""
    return "".join(letter for letter in unicodedata.normalize("NFKD", word) if letter.isascii())


def _known(word: str) -> tuple[str, ...] | None:
    if word in _OWN:
        return _OWN[word]
    found = lookup(word)
    if found is not None or len(word) < 3:
        return found
    for ending in ("'s", "s"):
        stem = _OWN.get(word.removesuffix(ending)) or lookup(word.removesuffix(ending))
        if word.endswith(ending) and stem:
            return (*stem, *_ending_s(stem[-1]))
    if word.endswith("ed"):
        for stem_word in (word[:-2], word[:-1]):
            stem = lookup(stem_word)
            if stem is not None:
                return (*stem, *_ending_d(stem[-1]))
    return None


def _ending_s(last: str) -> tuple[str, ...]:
    if last in _HISSING:
        return ("IH0", "Z")
    return ("S",) if last in _VOICELESS else ("Z",)


def _ending_d(last: str) -> tuple[str, ...]:
    if last in ("T", "D"):
        return ("IH0", "D")
    return ("T",) if last in _VOICELESS | {"S", "SH", "CH"} else ("D",)


def _from_parts(word: str) -> tuple[str, ...] | None:
    """A word built of words: suffix, prefix, or two words written as one."""
    for suffix, sound in _SUFFIXES.items():
        stem = word.removesuffix(suffix)
        if stem != word and len(stem) >= _MIN_PART:
            found = _known(stem) or (_known(stem + "e") if suffix[0] in "aei" else None)
            if found is None and len(stem) > _MIN_PART and stem[-1] == stem[-2]:
                found = _known(stem[:-1])
            if found is not None:
                return (*found, *sound.split())
    for prefix, sound in _PREFIXES.items():
        stem = word.removeprefix(prefix)
        if stem != word and len(stem) > _MIN_PART:
            found = _known(stem)
            if found is not None:
                return (*sound.replace("1", "2").split(), *found)
    for cut in range(len(word) - _MIN_PART, _MIN_PART - 1, -1):
        left, right = _known(word[:cut]), _known(word[cut:])
        if left is not None and right is not None and not word[cut:].startswith("'"):
            return (*left, *(phone.replace("1", "2") for phone in right))
    return None


def _is_spelled(word: str) -> bool:
    letters = word.removesuffix("'s").removesuffix("s")
    return letters.isupper() or not any(letter in "aeiouy" for letter in word.lower())


def _spell(word: str) -> tuple[str, ...]:
    stem = word.removesuffix("'s")
    if stem == word and word[:-1].isupper() and len(word) > 2:
        stem = word.removesuffix("s")
    phones = [phone for letter in stem.lower() for phone in LETTERS.get(letter, "").split()]
    return (*phones, *(_ending_s(phones[-1]) if stem != word and phones else ()))
