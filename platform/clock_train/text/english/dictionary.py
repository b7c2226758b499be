"""The CMU pronouncing dictionary, packed into the package.

The file is xz of one text: the phone alphabet on the first line, then one ``word<space>phones`` a line with one
character a phone. Reading it into a dict takes about 0.1 s, once a process. ``compile_data.py`` makes it;
``data/NOTICE`` names its licence.
"""

from __future__ import annotations

import lzma
from functools import lru_cache
from importlib import resources

FIRST_SYMBOL = 0x23
"""Symbols are consecutive characters from here on, in the order of the file's first line."""


def lookup(word: str) -> tuple[str, ...] | None:
    """ARPAbet of a lower-case word, or None."""
    alphabet, entries = _load()
    packed = entries.get(word)
    return None if packed is None else tuple(alphabet[ord(symbol) - FIRST_SYMBOL] for symbol in packed)


def entries() -> dict[str, list[str]]:
    """Every word with its ARPAbet."""
    return {word: list(lookup(word) or ()) for word in _load()[1]}


@lru_cache(maxsize=1)
def _load() -> tuple[tuple[str, ...], dict[str, str]]:
    packed = resources.files("clock_train.text").joinpath("data/cmudict.txt.xz").read_bytes()
    header, _, body = lzma.decompress(packed).decode("ascii").partition("\n")
    entries = dict(line.split(" ", 1) for line in body.split("\n"))  # type: ignore[arg-type]
    return tuple(header.split()), entries
