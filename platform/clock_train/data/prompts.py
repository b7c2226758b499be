"""The lines that ``clocktrain corpus record`` asks a person to read.

Own sentences, free to use with any voice. Together they hold every phone of the language, statements, questions and
exclamations, and three paces, and reading them all gives the article's smallest tier of ten minutes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from importlib.resources import files
from pathlib import Path

from clock_train.data.spoken_length import spoken_length
from clock_train.data.transcripts import plain_lines, read_text
from clock_train.errors import ConfigError, TranscriptMissing

LANGUAGES = ("zh", "en")
PHONES_PER_S = {"zh": 10.0, "en": 11.5}
"""Unhurried reading aloud."""
OTHER_PHONES_PER_S = 11.0
PAUSE_S = 0.25
"""At a comma."""
STYLE_MARKS = {"?": "question", "？": "question", "!": "exclamation", "！": "exclamation"}


class Pace(Enum):
    """How fast the line is to be read; its value is the column of the table."""

    SLOW = "slow"
    NORMAL = "normal"
    FAST = "fast"

    @property
    def time_factor(self) -> float:
        """Against unhurried reading."""
        return {Pace.SLOW: 1.35, Pace.NORMAL: 1.0, Pace.FAST: 0.8}[self]


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """One line to read."""

    name: str
    """The recording's file name without extension, such as ``zh-017``."""
    text: str
    style: str
    """statement, question or exclamation."""
    pace: Pace
    language: str

    @property
    def expected_seconds(self) -> float:
        """How long the reading will take, within a third for most people."""
        length = spoken_length(self.text, self.language)
        rate = PHONES_PER_S.get(self.language, OTHER_PHONES_PER_S)
        return (length.num_phones / rate + PAUSE_S * length.num_pauses) * self.pace.time_factor


def prompts(language: str) -> list[Prompt]:
    """Our own lines of a language, kinds and paces mixed, so that a reader who stops early has some of each.

    Raises:
        ConfigError: a language for which there are none.
    """
    if language not in LANGUAGES:
        raise ConfigError(
            f'there are no prompts in "{language}". Choose {" or ".join(LANGUAGES)}, or bring your own, one sentence a '
            "line, with --prompts FILE"
        )
    table = (files("clock_train.data") / "prompt_lines" / f"{language}.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in table.splitlines() if line]
    found = [
        Prompt(name=f"{language}-{number:03d}", text=text, style=style, pace=Pace(pace), language=language)
        for number, (style, pace, text) in enumerate(rows, 1)
    ]
    return _mixed(found)


def prompts_from(path: Path, language: str) -> list[Prompt]:
    """A person's own lines, in their order; the last mark of each says what it is.

    Args:
        path: UTF-8, one sentence a line.
        language: for the expected length; "auto" looks at each line.
    Raises:
        TranscriptMissing: no such file, or no line in it.
        TranscriptEncoding: not UTF-8.
    """
    lines = plain_lines(read_text(path)) if path.is_file() else []
    if not lines:
        raise TranscriptMissing(f'"{path}" has no lines to read. Write one sentence a line.')
    return [
        Prompt(name=f"line-{number:04d}", text=text, style=style_of(text), pace=Pace.NORMAL, language=language)
        for number, text in enumerate(lines, 1)
    ]


def style_of(text: str) -> str:
    """What the last mark of a sentence says: question, exclamation or statement."""
    return STYLE_MARKS.get(text.rstrip("\"'”’」』）) ")[-1:], "statement")


def _mixed(found: list[Prompt]) -> list[Prompt]:
    """Each kind of line spread evenly over the whole; within a kind the order stays."""
    kinds: dict[tuple[str, Pace], list[Prompt]] = {}
    for prompt in found:
        kinds.setdefault((prompt.style, prompt.pace), []).append(prompt)
    placed = [((index + 0.5) / len(kind), prompt) for kind in kinds.values() for index, prompt in enumerate(kind)]
    return [prompt for _, prompt in sorted(placed, key=lambda place: place[0])]
