"""XML of strangers, as a list of what stands in it and where: no DOCTYPE, no entities of their own, nothing fetched.

expat is asked directly, since what makes XML dangerous (entities, external files) begins with a declaration that is
refused here as it opens. Depth, elements and characters are bounded, so that time and memory are too.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import NoReturn
from xml.parsers import expat

XML = "http://www.w3.org/XML/1998/namespace"

_HINTS = {
    2: "; is it XML?",  # a syntax error
    3: "; is it XML?",  # no element
    4: '; write "&" as &amp; and "<" as &lt;',  # an invalid token
    11: '; write the character itself, or "&" as &amp;',  # an undefined entity
}
"""By expat's code."""


@dataclass(frozen=True)
class Place:
    """Where something stands in what was sent."""

    offset: int
    """In characters."""
    line: int
    column: int
    """Both from 1."""


@dataclass(frozen=True)
class Name:
    """A name and its namespace, ``""`` for none."""

    space: str
    local: str


@dataclass(frozen=True)
class Start:
    """An element begins."""

    name: Name
    attributes: Mapping[Name, str]
    place: Place


@dataclass(frozen=True)
class End:
    """An element ends."""

    name: Name
    place: Place


@dataclass(frozen=True)
class Text:
    """Characters between tags."""

    characters: str
    place: Place
    end: int
    """Offset behind them; where that is not as many characters further, they are written as an entity."""


Event = Start | End | Text
Refuse = Callable[[str, int, int], NoReturn]
"""Told what is wrong, the line and the column; raises its reader's own error."""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """How much is read."""

    characters: int
    elements: int
    depth: int


def read_xml(text: str, bounds: Bounds, refuse: Refuse) -> list[Event]:
    """What stands in a document, in its order."""
    if len(text) > bounds.characters:
        refuse(f"{len(text)} characters are more than {bounds.characters}", 1, 1)
    try:
        content = text.encode()
    except UnicodeEncodeError as error:
        refuse("half of a surrogate pair stands in it", text.count("\n", 0, error.start) + 1, 1)
    return _Reading(text, content, bounds, refuse).events


class _Reading:
    def __init__(self, text: str, content: bytes, bounds: Bounds, refuse: Refuse) -> None:
        self._text, self._bounds, self._refuse = text, bounds, refuse
        self._starts = None if text.isascii() else list(accumulate((len(char.encode()) for char in text), initial=0))
        self._num_elements = self._depth = 0
        self.events: list[Event] = []
        self._parser = parser = expat.ParserCreate("utf-8", namespace_separator=" ")
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = lambda *_: self._refuse_here("a DOCTYPE is not taken; leave it out")
        parser.EntityDeclHandler = lambda *_: self._refuse_here("entities are not declared here; write the characters")
        parser.ProcessingInstructionHandler = lambda *_: self._refuse_here(
            "a processing instruction is not taken; leave it out"
        )
        try:
            parser.Parse(content, True)
        except expat.ExpatError as error:
            hint = _HINTS.get(error.code, "")
            refuse(f"it is not well formed ({expat.ErrorString(error.code)}){hint}", error.lineno, error.offset + 1)

    def _place(self) -> Place:
        at = self._parser.CurrentByteIndex
        offset = at if self._starts is None else bisect_left(self._starts, at)
        return Place(offset, self._parser.CurrentLineNumber, self._parser.CurrentColumnNumber + 1)

    def _refuse_here(self, what: str) -> NoReturn:
        self._refuse(what, self._parser.CurrentLineNumber, self._parser.CurrentColumnNumber + 1)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._num_elements += 1
        self._depth += 1
        if self._num_elements > self._bounds.elements:
            self._refuse_here(f"there are more than {self._bounds.elements} elements; send it in parts")
        if self._depth > self._bounds.depth:
            self._refuse_here(f"elements stand more than {self._bounds.depth} deep in each other; make it flatter")
        own = {_name(key): value for key, value in attributes.items()}
        self.events.append(Start(_name(name), own, self._place()))

    def _end(self, name: str) -> None:
        self._depth -= 1
        self.events.append(End(_name(name), self._place()))

    def _characters(self, data: str) -> None:
        place = self._place()
        end = place.offset + len(data)
        if self._text[place.offset : end] != data:
            # an entity, or the two characters of a line's end
            is_entity = self._text[place.offset : place.offset + 1] == "&"
            end = self._text.index(";", place.offset) + 1 if is_entity else place.offset + 2
        self.events.append(Text(data, place, end))


def _name(written: str) -> Name:
    space, _, local = written.rpartition(" ")
    return Name(space, local)
