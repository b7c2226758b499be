"""The package's own word lists, in ``data/NAME.txt``: a list's name and a colon, then its entries in indented lines."""

from __future__ import annotations

import lzma
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable


@lru_cache(maxsize=4)
def word_lists(name: str) -> dict[str, frozenset[str]]:
    """List → its entries, which white space separates; ``#`` begins a comment line."""
    lists: dict[str, set[str]] = {}
    current: set[str] = set()
    for line in _text(f"{name}.txt").splitlines():
        if line.startswith("#") or not line.strip():
            continue
        if not line[0].isspace():
            current = lists.setdefault(line.rstrip(": "), set())
            continue
        current.update(line.split())
    return {title: frozenset(entries) for title, entries in lists.items()}


@lru_cache(maxsize=16)
def characters(name: str, title: str) -> frozenset[str]:
    """A list of single characters that are written without anything between."""
    return frozenset("".join(word_lists(name)[title]))


@lru_cache(maxsize=1)
def census_names() -> tuple[dict[str, int], dict[str, int]]:
    """Given names and surnames of the census with their rank, 0 the most frequent; see ``data/NOTICE``."""
    packed = _file("english_names.txt.xz").read_bytes()
    given, surnames = lzma.decompress(packed).decode("ascii").splitlines()
    return (
        {name: rank for rank, name in enumerate(given.split())},
        {name: rank for rank, name in enumerate(surnames.split())},
    )


def _text(name: str) -> str:
    return _file(name).read_text(encoding="utf-8")


def _file(name: str) -> Traversable:
    return resources.files("clock_train.compliance.personal_data").joinpath("data", name)
