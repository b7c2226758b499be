"""Reads the tables of texts with their expected readings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Case:
    """One line of a table."""

    text: str
    normalized: tuple[str, ...]
    """Right ways to speak it; empty where the text stays as it is."""
    sounds: tuple[str, ...]
    """Right pronunciations; empty where the line asks for none."""
    is_known_wrong: bool


def read_cases(name: str) -> list[Case]:
    lines = (Path(__file__).parent / name).read_text(encoding="utf-8").splitlines()
    return [_case(line) for line in lines if line and not line.startswith("# ")]


def _case(line: str) -> Case:
    text, normalized, sounds = line.split("\t")
    is_english = any("A" <= letter <= "Z" for letter in sounds)
    return Case(
        text=text.removeprefix("! "),
        normalized=() if normalized == "-" else tuple(normalized.split("|")),
        sounds=() if sounds == "-" else tuple(sounds.split("|")) if is_english else (sounds,),
        is_known_wrong=text.startswith("! "),
    )
