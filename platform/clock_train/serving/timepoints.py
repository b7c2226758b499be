"""When each sentence, word and phone of a sound is spoken, from the durations that its own voice predicted.

Nothing is aligned afterwards: the decoder speaks each frame where the durations put it, so times are exact to a frame
(16 ms) before a sample was heard. Characters are counted in the text that was asked for; a number that is read as
several words gives each of them the number's own place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from clock_train.models.sentences import Sentence
from clock_train.text.inventory import MODIFIERS, PAUSES, SILENCE
from clock_train.text.utterance import Utterance
from clock_train.text.visemes import visemes_of


class Kind(StrEnum):
    """What is timed."""

    SENTENCE = "sentence"
    WORD = "word"
    PHONE = "phone"
    VISEME = "viseme"
    MARK = "mark"


@dataclass(frozen=True, kw_only=True)
class Timepoint:
    """One of them; times in seconds from the first sample on."""

    kind: Kind
    value: str
    start_s: float
    end_s: float
    char_start: int
    char_end: int
    """Offsets in the text, in characters."""


def timepoints(
    sentence: Sentence, durations_L: np.ndarray, *, start_s: float, frame_s: float, kinds: Sequence[Kind]
) -> list[Timepoint]:
    """Of one sentence, in the order of their beginnings.

    Args:
        sentence: read here, with its utterance.
        durations_L: frames of each phone.
        start_s: of its first frame.
        frame_s: length of a frame.
        kinds: which to give.
    """
    assert sentence.utterance is not None, "phones that were given have no words"
    utterance = sentence.utterance
    edges_s = start_s + frame_s * np.concatenate([[0], np.cumsum(durations_L)])
    spans = [(sentence.start + start, sentence.start + end) for start, end in word_spans(utterance)]
    found: list[Timepoint] = []

    def add(kind: Kind, value: str, first: int, last: int, span: tuple[int, int]) -> None:
        if kind in kinds:
            found.append(_point(kind, value, float(edges_s[first]), float(edges_s[last]), span))

    whole = (sentence.start, sentence.start + len(utterance.text))
    add(Kind.SENTENCE, utterance.text, 0, len(durations_L), whole)
    for word, span in zip(utterance.words, spans, strict=True):
        add(Kind.WORD, word.text, word.start, word.end, span)
    within = _words_of_tokens(utterance)
    for number, token in enumerate(utterance.tokens):
        span = spans[within[number]] if within[number] >= 0 else (whole[1], whole[1])
        if token.phone != SILENCE and token.phone not in PAUSES:
            add(Kind.PHONE, token.phone, number, number + 1, span)
        if Kind.VISEME in kinds:
            found.extend(_visemes(token.phone, float(edges_s[number]), float(edges_s[number + 1]), span, found))
    return sorted(found, key=lambda point: (point.start_s, -point.end_s))


def word_spans(utterance: Utterance) -> list[tuple[int, int]]:
    """Where each word stands in the utterance's text: (start, end) in characters, rising.

    Words that are not written so (a number, an abbreviation) share what stands between their neighbours.
    """
    lowered, cursor = utterance.text.lower(), 0
    if len(lowered) != len(utterance.text):  # a few letters change their length; then by the letter as it is
        lowered = utterance.text
    spans: list[tuple[int, int] | None] = []
    for word in utterance.words:
        at = lowered.find(word.text.lower(), cursor)
        if at < 0 or not _stands_alone(lowered, at, at + len(word.text)):
            spans.append(None)
            continue
        cursor = at + len(word.text)
        spans.append((at, cursor))
    return _filled(spans, utterance.text)


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Whether Latin letters do not go on beyond it: "a" is not the one in "cat"."""
    joined = (text[start - 1 : start] + text[start : start + 1], text[end - 1 : end] + text[end : end + 1])
    return not any(len(pair) == 2 and pair.isascii() and pair.isalpha() for pair in joined)


def _filled(spans: list[tuple[int, int] | None], text: str) -> list[tuple[int, int]]:
    filled: list[tuple[int, int]] = []
    for number, span in enumerate(spans):
        if span is not None:
            filled.append(span)
            continue
        start = next((known[1] for known in reversed(spans[:number]) if known is not None), 0)
        end = next((known[0] for known in spans[number:] if known is not None), len(text))
        between = text[start:end]
        start += len(between) - len(between.lstrip())
        filled.append((start, max(start, start + len(between.strip()))))
    return filled


def _words_of_tokens(utterance: Utterance) -> list[int]:
    """The word of each token, -1 between words."""
    within = [-1] * len(utterance.tokens)
    for number, word in enumerate(utterance.words):
        within[word.start : word.end] = [number] * (word.end - word.start)
    return within


def _visemes(
    phone: str, start_s: float, end_s: float, span: tuple[int, int], found: list[Timepoint]
) -> list[Timepoint]:
    if phone in MODIFIERS:
        before = next((at for at in reversed(range(len(found))) if found[at].kind is Kind.VISEME), None)
        if before is not None:
            point = found[before]
            found[before] = _point(Kind.VISEME, point.value, point.start_s, end_s, (point.char_start, point.char_end))
        return []
    shapes = visemes_of(phone)
    edges_s = np.linspace(start_s, end_s, len(shapes) + 1)
    return [
        _point(Kind.VISEME, shape, float(begin), float(end), span)
        for shape, begin, end in zip(shapes, edges_s[:-1], edges_s[1:], strict=True)
    ]


def _point(kind: Kind, value: str, start_s: float, end_s: float, span: tuple[int, int]) -> Timepoint:
    return Timepoint(
        kind=kind,
        value=value,
        start_s=round(start_s, 4),
        end_s=round(end_s, 4),
        char_start=span[0],
        char_end=span[1],
    )
