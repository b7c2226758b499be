"""Makes ``data/cmudict.txt.xz`` and ``data/letters.txt.xz`` from the CMU pronouncing dictionary's own text file.

    python -m clock_train.text.english.compile_data cmudict.dict

Kept: the first pronunciation of every word of letters and apostrophes. Left out: alternative readings
(``heteronyms.py`` has those that matter) and the dictionary's entries for abbreviations with full stops.
Takes a minute.
"""

from __future__ import annotations

import lzma
import re
import sys
from pathlib import Path

from clock_train.text.english.dictionary import FIRST_SYMBOL
from clock_train.text.english.letter_rules import learn_rules

_WORD = re.compile(r"[a-z']+")


def read_cmudict(text: str) -> dict[str, list[str]]:
    """Words of a ``cmudict.dict`` with their ARPAbet; comments after ``#`` are dropped."""
    entries: dict[str, list[str]] = {}
    for line in text.splitlines():
        word, *phones = line.partition("#")[0].split() or [""]
        if _WORD.fullmatch(word) and phones:
            entries.setdefault(word, phones)
    return entries


def pack_dictionary(entries: dict[str, list[str]]) -> bytes:
    """The dictionary file's bytes; the same entries give the same bytes."""
    alphabet = sorted({phone for phones in entries.values() for phone in phones})
    symbols = {phone: chr(FIRST_SYMBOL + number) for number, phone in enumerate(alphabet)}
    lines = [f"{word} {''.join(symbols[phone] for phone in phones)}" for word, phones in sorted(entries.items())]
    return _compress("\n".join([" ".join(alphabet), *lines]))


def pack_rules(rules: dict[str, str]) -> bytes:
    """The letter rules' file."""
    return _compress("\n".join(f"{letters} {phones}" for letters, phones in sorted(rules.items())))


def _compress(text: str) -> bytes:
    return lzma.compress(text.encode("ascii"), preset=9 | lzma.PRESET_EXTREME)


if __name__ == "__main__":
    read = read_cmudict(Path(sys.argv[1]).read_text(encoding="utf-8"))
    data = Path(__file__).parent.parent / "data"
    (data / "cmudict.txt.xz").write_bytes(pack_dictionary(read))
    (data / "letters.txt.xz").write_bytes(pack_rules(learn_rules(read)))
