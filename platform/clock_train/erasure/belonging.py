"""Whose a thing is: what a run, voice or corpus says of itself, against the voice or speaker that is to be erased."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from clock_train.data.manifest import MANIFEST_NAME
from clock_train.erasure.receipt import RECORDINGS, SPEAKER, VOICE, Item, Kept

TAUGHT = ("", "-student", "-plain")
"""Behind a voice's name: the runs of its students (`orchestration.distillation`)."""


@dataclass(frozen=True)
class Subject:
    """Who or what is to be erased."""

    scope: str
    """``voice``; ``speaker``; or ``recordings`` of a speaker, with corpora, whose voices stay."""
    name: str

    @property
    def has_recordings(self) -> bool:
        """Whether recordings, corpora and packed corpora are the subject's."""
        return self.scope in (SPEAKER, RECORDINGS)

    def owns_run(self, name: str, speakers: Sequence[str]) -> bool:
        """Whether a training is the voice's, or heard the speaker."""
        if self.scope == SPEAKER:
            return self.name in speakers
        return self.scope == VOICE and name in {self.name + end for end in TAUGHT}

    def owns_facts(self, facts: Mapping[str, Any]) -> bool:
        """The same, by the ``run.json`` of an attempt or the ``run-UID.json`` of a folder."""
        return self.owns_run(str(facts.get("name", "")), [str(each) for each in facts.get("speakers") or []])

    def owns_card(self, card: Mapping[str, Any]) -> bool:
        """Whether a voice goes: the voice itself, or one that speaks as the speaker and is no base of others."""
        if self.scope == SPEAKER:
            return self.name in (card.get("speakers") or []) and not is_base(card)
        return self.scope == VOICE and card.get("name") == self.name

    def is_in_base(self, card: Mapping[str, Any]) -> bool:
        """Whether the speaker is in a base, which is retired."""
        return self.scope == SPEAKER and is_base(card) and self.name in (card.get("speakers") or [])


@dataclass
class Found:
    """What a place has of the subject."""

    items: list[Item] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    voices: set[str] = field(default_factory=set)
    """Names of voices that go, to take them from serving tables and from the registry of models."""
    bases: list[dict[str, str]] = field(default_factory=list)
    """Name, digest, corpus revision and place of each base that contains the speaker."""
    cards: list[tuple[dict[str, Any], str]] = field(default_factory=list)
    """Every voice that stays, with its place: some may have been made from such a base."""
    uids: set[str] = field(default_factory=set)
    """Of the subject's runs."""

    def add(self, other: Found) -> None:
        """Put what another place has to it."""
        self.items += other.items
        self.kept += other.kept
        self.voices |= other.voices
        self.bases += other.bases
        self.cards += other.cards
        self.uids |= other.uids


def is_base(card: Mapping[str, Any]) -> bool:
    """Whether a voice is one that others are fine-tuned from."""
    return card.get("kind") == "base"


def parsed(content: bytes) -> dict[str, Any]:
    """A JSON object; an empty one where it is none."""
    try:
        values = json.loads(content)
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}


def is_named(text: str, word: str) -> bool:
    """Whether a word is in a text, and not as a part of another."""
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None


def is_line_of(file_name: str, line: bytes, words: Collection[str]) -> bool:
    """Whether a line is of those words: of a corpus' manifest a clip of that speaker, else one that names them."""
    if file_name == MANIFEST_NAME:
        return parsed(line).get("speaker") in words
    text = line.decode("utf-8", errors="replace")
    return any(is_named(text, word) for word in words)


def speakers_of(manifest: bytes) -> dict[str, set[str]]:
    """Speaker → paths of their clips, by the manifest of a corpus."""
    found: dict[str, set[str]] = {}
    for line in manifest.splitlines():
        clip = parsed(line)
        if "speaker" in clip:
            found.setdefault(str(clip["speaker"]), set()).add(str(clip.get("path", "")))
    return found
