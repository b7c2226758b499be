"""Makes ``data/cmudict.txt.xz`` from the CMU pronouncing dictionary's own text file.

    python -m clock_train.text.english.compile_data cmudict.dict

Kept: the first pronunciation of every word of letters and apostrophes. Left out: alternative readings (``english/words.py``
has those that matter) and the dictionary's entries for abbreviations with full stops.
"""

from __future__ import annotations

import lzma
import re
import sys
from pathlib import Path

from clock_train.text.english.dictionary import FIRST_SYMBOL

_WORD = re.compile(r"[a-z']+")


def read_cmudict(text: str) -> dict[str, list[str]]:
    """Words of a ``cmudict.dict`` with their ARPAbet; comments after ``#`` are dropped."""
    entries: dict[str, list[str]] = {}
    for line in text.splitlines():
        word, *phones = line.partition("#")[0].split()[:64] or [""]
        if _WORD.fullmatch(word) and phones:
            entries.setdefault(word, phones)
    return entries


def pack(entries: dict[str, list[str]]) -> bytes:
    """The packed file's bytes; the same entries give the same bytes."""
    alphabet = sorted({phone for phones in entries.values() for phone in phones})
    symbols = {phone: chr(FIRST_SYMBOL + number) for number, phone in enumerate(alphabet)}
    lines = [f"{word} {''.join(symbols[phone] for phone in phones)}" for word, phones in sorted(entries.items())]
    text = "\n".join([" ".join(alphabet), *lines])
    return lzma.compress(text.encode("ascii"), preset=9 | lzma.PRESET_EXTREME)


if __name__ == "__main__":
    source = Path(sys.argv[1]).read_text(encoding="utf-8")
    target = Path(__file__).parent.parent / "data" / "cmudict.txt.xz"
    target.write_bytes(pack(read_cmudict(source)))
