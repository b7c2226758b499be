"""Long text into sentences that one call can speak."""

from __future__ import annotations

import re

from clock_train.text.english.abbreviations import ABBREVIATIONS
from clock_train.text.scripts import is_han

MAX_SENTENCE_CHARACTERS = 400
"""A longer sentence is cut at a comma, else at a space, else anywhere: a minute of speech in one breath helps
nobody."""

_CLOSING = "\"'”’」』》〉）)】]"
_WIDE_END = re.compile(rf"(?:[。！？!?…；｡﹒﹖﹗]|\.{{3,}})[。！？!?…]*[{re.escape(_CLOSING)}]*|\n+")
_FULL_STOP = re.compile(rf"\.[{re.escape(_CLOSING)}]*(?=\s|$|[\u3400-\u9fff])")
_OVERRIDE = re.compile(r"<[^<>|]*\|[^<>|]*>")
_NO_END = frozenset(word[:-1].lower() for word in ABBREVIATIONS if word.endswith(".")) - {
    "etc",
    "inc",
    "ltd",
    "co",
    "no",
    "in",
}


def split_sentences(text: str, language: str = "auto") -> list[str]:
    """Sentences in order, none empty, none longer than ``MAX_SENTENCE_CHARACTERS`` unless one override is.

    Args:
        text: any length.
        language: as for ``phonemize``; a full stop ends a Mandarin sentence only in texts that write it so.
    Returns:
        Together they hold every character of the text but white space at the seams.
    """
    closed = [match.span() for match in _OVERRIDE.finditer(text)]
    ends = sorted({match.end() for match in _WIDE_END.finditer(text)} | _full_stops(text, language))
    pieces, start = [], 0
    for end in [*ends, len(text)]:
        if end <= start or any(low < end < high for low, high in closed):
            continue
        pieces.extend(_cut_long(text[start:end].strip()))
        start = end
    return [piece for piece in pieces if piece]


def _full_stops(text: str, language: str) -> set[int]:
    ends = set()
    for match in _FULL_STOP.finditer(text):
        before = re.search(r"[\w.]*$", text[max(0, match.start() - 20) : match.start()])
        word = before[0] if before else ""
        after = text[match.end() :].lstrip()[:1]
        if language.startswith("zh") and is_han(word[-1:]):
            ends.add(match.end())
        elif word.lower() in _NO_END or (len(word) == 1 and word.isupper() and after) or after.islower():
            continue
        else:
            ends.add(match.end())
    return ends


def _cut_long(sentence: str) -> list[str]:
    pieces = []
    while len(sentence) > MAX_SENTENCE_CHARACTERS:
        at = _cut_place(sentence)
        pieces.append(sentence[:at].strip())
        sentence = sentence[at:].strip()
    return [*pieces, sentence]


def _cut_place(sentence: str) -> int:
    """After the last comma of the first stretch, else after its last space, else at its end; never inside an
    override."""
    closed = [match.span() for match in _OVERRIDE.finditer(sentence)]
    for pattern in (r"[,，、;；:：—]", r"\s"):
        places = [match.end() for match in re.finditer(pattern, sentence[:MAX_SENTENCE_CHARACTERS])]
        for place in reversed(places):
            if place > MAX_SENTENCE_CHARACTERS // 8 and not any(low < place < high for low, high in closed):
                return place
    for low, high in closed:
        if low < MAX_SENTENCE_CHARACTERS < high:
            return low or high
    return MAX_SENTENCE_CHARACTERS
