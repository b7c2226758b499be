"""Which syllables of a word lose their tone."""

from __future__ import annotations

from functools import lru_cache

from clock_train.text.data_files import listed

PARTICLES = frozenset("的了吗呢吧啊呀哇嘛啦喽咯们么麼嗎們")
"""Neutral as a word of their own; 着 and 过 are read by ``polyphones.py``."""

NEUTRAL_WORDS = frozenset(listed("neutral.txt"))
"""Words whose last syllable is neutral in standard speech; words that dictionaries give with a full tone first are
not in it."""

_CLOSING = "们們的了吗嗎呢吧嘛么麼着"
_FULL_ENDINGS = frozenset(listed("full_endings.txt"))
_FULL_PARTICLES = ("不着", "不了", "得了")
_FULL_ZI = frozenset(listed("full_zi.txt"))


@lru_cache(maxsize=16384)
def neutral_positions(word: str) -> tuple[int, ...]:
    """Places in the word whose syllable is spoken in the neutral tone."""
    if len(word) == 1:
        return (0,) if word in PARTICLES else ()
    positions: list[int] = []
    for start in range(len(word) - 1):
        if word[start : start + 2] in NEUTRAL_WORDS and (start == 0 or start + 2 == len(word)):
            positions.append(start + 1)
    last = len(word) - 1
    if word[last] in _CLOSING and word not in _FULL_ENDINGS and not word.endswith(_FULL_PARTICLES):
        positions.append(last)
    if word[last] == "子" and word not in _FULL_ZI and word[-2:] not in _FULL_ZI:
        positions.append(last)
    return tuple(dict.fromkeys(positions))
