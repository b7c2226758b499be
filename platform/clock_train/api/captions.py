"""When words are spoken, as JSON, SubRip and WebVTT say it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from clock_train.serving.timepoints import Kind, Timepoint

NAMES = {
    Kind.SENTENCE: "sentences",
    Kind.WORD: "words",
    Kind.PHONE: "phones",
    Kind.VISEME: "visemes",
    Kind.MARK: "marks",
}
MOST_LINE_CHARACTERS = 60
"""Of one caption: two lines of a screen, or a third of a sentence."""


def entries(points: Sequence[Timepoint]) -> dict[str, list[dict[str, Any]]]:
    """Lists by kind, each entry with the thing, its time in seconds and its place in the text."""
    found: dict[str, list[dict[str, Any]]] = {}
    for point in points:
        entry = {
            point.kind.value: point.value, "start": point.start_s, "end": point.end_s, "char_start": point.char_start,
            "char_end": point.char_end,
        }  # fmt: skip
        found.setdefault(NAMES[point.kind], []).append(entry)
    return found


def subrip(points: Sequence[Timepoint], text: str) -> str:
    """An .srt of the words of a text; U+0000 stands for what is not shown."""
    blocks = [
        f"{number}\n{_time(start_s, ',')} --> {_time(end_s, ',')}\n{said}\n"
        for number, (start_s, end_s, said) in enumerate(_captions(points, text), 1)
    ]
    return "\n".join(blocks)


def web_vtt(points: Sequence[Timepoint], text: str) -> str:
    """A .vtt of the words of a text."""
    blocks = [
        f"{_time(start_s, '.')} --> {_time(end_s, '.')}\n{_escaped(said)}\n"
        for start_s, end_s, said in _captions(points, text)
    ]
    return "WEBVTT\n\n" + "\n".join(blocks)


def _captions(points: Sequence[Timepoint], text: str) -> list[tuple[float, float, str]]:
    """Stretches of the text that fit on a screen, none across two sentences."""
    captions: list[tuple[float, float, str]] = []
    words = [point for point in points if point.kind is Kind.WORD]
    for sentence in (point for point in points if point.kind is Kind.SENTENCE):
        own = [word for word in words if sentence.start_s <= word.start_s < sentence.end_s]
        starts = [0, *_breaks(own), len(own)]
        for first, last in pairwise(starts):
            if first < last:
                end = own[last].char_start if last < len(own) else sentence.char_end
                said = " ".join(text[own[first].char_start : end].replace("\0", "").split())
                captions.append((own[first].start_s, own[last - 1].end_s, said))
    return captions


def _breaks(words: Sequence[Timepoint]) -> list[int]:
    """Words that begin a new stretch."""
    breaks, begin = [], 0
    for number, word in enumerate(words):
        if number > begin and word.char_end - words[begin].char_start > MOST_LINE_CHARACTERS:
            breaks.append(number)
            begin = number
    return breaks


def _time(seconds: float, point: str) -> str:
    millis = round(seconds * 1000)
    return f"{millis // 3_600_000:02}:{millis // 60_000 % 60:02}:{millis // 1000 % 60:02}{point}{millis % 1000:03}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
