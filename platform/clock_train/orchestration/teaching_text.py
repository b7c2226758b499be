"""Texts for a teacher to speak: those that it was trained on, then new ones, as many as are wanted.

New ones are a person's text file, or the corpus' own sentences taken apart and put together anew: phones then meet in
orders that no recording has. Held-out sentences give nothing to them: the judges hear those.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clock_train.data.packing import LONGEST_SECONDS, PackedCorpus
from clock_train.data.splits import TRAIN
from clock_train.errors import TeachingTextMissing, TextError, TextUnreadable
from clock_train.models.sentences import style_of
from clock_train.text.frontend import phonemize
from clock_train.text.inventory import token_ids
from clock_train.text.sentences import split_sentences

PAUSES = re.compile(r"(?<=[,;:，、；：])\s*")
ENDS = re.compile(r"[\s.!?,;:。！？，、；：…]+$")
MOST_PHONES = 160
"""More would last longer than the longest clip of a corpus."""
FRUITLESS = 50
"""Draws in a row that gave no new sentence, after which the parts are used up."""
assert MOST_PHONES <= LONGEST_SECONDS * 62.5


@dataclass(frozen=True)
class TeachingText:
    """One text as the front-end reads it."""

    text: str
    language: str
    ids_3L: np.ndarray
    style: str
    speaker: int
    """Index in the corpus' speakers."""


def teaching_texts(packed: PackedCorpus, *, count: int, seed: int, text_file: Path | None = None) -> list[TeachingText]:
    """At most ``count`` texts, speakers in turn.

    Args:
        packed: the corpus that the teacher was trained from; only its training split is read.
        count: how many.
        seed: of the order and of what is put together.
        text_file: UTF-8 text of any length to take after the corpus' own sentences, in place of their parts.

    Raises:
        TextUnreadable: the file is not there, or not UTF-8.
        TeachingTextMissing: nothing of it can be spoken.
    """
    own = {packed.texts[i]: packed.languages[i] for i in packed.of_split(TRAIN)}
    held_out = {packed.texts[i] for i in range(len(packed)) if packed.split_of[i] != TRAIN}
    pairs = [(text, language) for text, language in own.items() if text not in held_out]
    rng = np.random.default_rng(seed)
    rng.shuffle(pairs)
    new = _of_file(text_file) if text_file is not None else _recombined(pairs, rng)
    found: list[TeachingText] = []
    own_texts, seen = {text for text, _ in pairs}, set(held_out)
    fruitless = 0
    for text, language in _chained(pairs, new):
        if len(found) == count or fruitless == FRUITLESS:
            break
        fruitless += 1
        if text in seen:
            continue
        seen.add(text)
        try:
            utterance = phonemize(text, language)
        except TextError:
            continue
        ids = token_ids(utterance)
        if ids.shape[1] <= MOST_PHONES:
            fruitless = 0
            found.append(TeachingText(text, language, ids, style_of(utterance), len(found) % len(packed.speakers)))
    is_file_silent = text_file is not None and len(found) < count and all(text.text in own_texts for text in found)
    if not found or is_file_silent:
        where = f'of "{text_file}"' if text_file is not None else "of the corpus"
        raise TeachingTextMissing(
            f"the teacher has nothing to speak: no sentence {where} can be spoken and is no held-out one; give a text "
            "file with sentences in the voice's languages: --texts FILE"
        )
    return found


def _chained(pairs: Sequence[tuple[str, str]], new: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for text, language in pairs:
        yield str(text), str(language)
    yield from new


def lines_of(path: Path) -> list[str]:
    """The lines of a text file.

    Raises:
        TextUnreadable: it is not there, or not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise TextUnreadable(f'"{path}" cannot be read ({error.strerror}); name a text file with --texts') from error
    except UnicodeDecodeError as error:
        raise TextUnreadable(f'"{path}" is not UTF-8 ({error}); save it as UTF-8') from error


def _of_file(path: Path) -> Iterator[tuple[str, str]]:
    for line in lines_of(path):
        for sentence in split_sentences(line, "auto"):
            yield sentence, "auto"


def _recombined(pairs: Sequence[tuple[str, str]], rng: np.random.Generator) -> Iterator[tuple[str, str]]:
    """The beginning of one sentence and the end of another of the same language, endlessly."""
    by_language: dict[str, list[tuple[str, str]]] = {}
    for text, language in pairs:
        by_language.setdefault(str(language), []).append(_halves(str(text)))
    languages = sorted(by_language)
    while languages:
        language = languages[int(rng.integers(len(languages)))]
        halves = by_language[language]
        first, second = (halves[int(i)] for i in rng.integers(len(halves), size=2))
        start, end = first[0], second[1] or second[0]
        gap = " " if " " in start + end or start[-1:].isascii() else ""
        yield f"{start}{gap}{end}", language


def _halves(text: str) -> tuple[str, str]:
    """A sentence cut at the pause, or else the space, nearest its middle; whole where it has neither."""
    places = [match.end() for match in PAUSES.finditer(text) if match.end() < len(text)]
    places = places or [match.end() for match in re.finditer(r"\s+", text.strip())]
    if not places:
        return ENDS.sub("", text), ""
    at = min(places, key=lambda place: abs(place - len(text) / 2))
    return ENDS.sub("", text[:at]) if not PAUSES.search(text[:at]) else text[:at].strip(), text[at:].strip()
