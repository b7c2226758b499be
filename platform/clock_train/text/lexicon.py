"""Pronunciation lexicons: how words of a product, a firm or a family are said, wherever they stand in a text.

An entry turns into an override such as ``<ClockTrain|/ˈklɒk tɹeɪn/>``, or into other words. Two forms are read, our own
JSON and the W3C's PLS 1.0; ``docs/ssml.md`` has both.
"""

from __future__ import annotations

import json
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from clock_train.errors import LexiconInvalid, TextOverrideInvalid
from clock_train.text.overrides import ALPHABETS, override_of, override_spans
from clock_train.text.scripts import is_han
from clock_train.text.xml_reading import Bounds, End, Start, Text, read_xml

SCHEMA_VERSION = 1
PLS = "http://www.w3.org/2005/01/pronunciation-lexicon"
MAX_ENTRIES = 10_000
MAX_BYTES = 1 << 20
MAX_GRAPHEME_CHARACTERS = 200
_BOUNDS = Bounds(characters=MAX_BYTES, elements=8 * MAX_ENTRIES, depth=16)


@dataclass(frozen=True)
class Entry:
    """How one word, or several, are said."""

    grapheme: str
    said: str
    """What stands in the text instead: an override or other words."""
    is_case_sensitive: bool = False


@dataclass(frozen=True)
class Applied:
    """A text in which a lexicon's words are said its way."""

    text: str
    places: list[int]
    """Where each character and the end stand in what was sent."""
    marks: list[tuple[int, str]] = field(default_factory=list)


class Lexicon:
    """Entries; of two for the same word the last counts.

    Args:
        entries: checked ones, of ``entry``.
    """

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._entries: dict[str, list[Entry]] = {}
        for one in entries:
            key = _folded(one.grapheme)
            same = [other for other in self._entries.get(key, []) if other.grapheme != one.grapheme]
            self._entries[key] = [one, *same]
        self._tree: dict[str, Any] = {}
        """By letters, so that a text is not compared with every length of an entry."""
        for key in self._entries:
            branch = self._tree
            for letter in key:
                branch = branch.setdefault(letter, {})
            branch[""] = key

    def __len__(self) -> int:
        return sum(map(len, self._entries.values()))

    def over(self, other: Lexicon) -> Lexicon:
        """Both; where they have the same word, this one counts."""
        own = {key for key, entries in self._entries.items() if not all(one.is_case_sensitive for one in entries)}
        others = (entries for key, entries in other._entries.items() if key not in own)
        return Lexicon(one for entries in (*others, *self._entries.values()) for one in reversed(entries))

    def applied(self, text: str, places: Sequence[int] | None = None, marks: Sequence[tuple[int, str]] = ()) -> Applied:
        """A text with the entries in it: the longest first, Latin words whole, and none in an override.

        Args:
            text: as the front-end takes it.
            places: where its characters and its end stand in what was sent; None: it is what was sent.
            marks: names of places, by character.
        """
        places = range(len(text) + 1) if places is None else places
        found = list(self._found(text))
        written: list[str] = []
        new_places: list[int] = []
        moved: list[int] = []
        """Where each character of the text went."""
        end = 0
        for start, stop, said in found:
            moved.extend(range(len(new_places), len(new_places) + start - end))
            new_places.extend(places[end:start])
            moved.extend([len(new_places)] * (stop - start))
            written.extend((text[end:start], said))
            new_places.extend(_places_of(said, text[start:stop], places[start:stop], places[stop]))
            end = stop
        moved.extend(range(len(new_places), len(new_places) + len(text) - end + 1))
        new_places.extend(places[end:])
        return Applied("".join([*written, text[end:]]), new_places, [(moved[at], name) for at, name in marks])

    def _found(self, text: str) -> Iterable[tuple[int, int, str]]:
        """Start, end and what is said instead, rising."""
        folded, spans = _folded(text), override_spans(text)
        starts = [start for start, _ in spans]
        at = 0
        while at < len(text):
            inside = bisect_right(starts, at) - 1
            if inside >= 0 and at < spans[inside][1]:
                at = spans[inside][1]
                continue
            limit = starts[inside + 1] if inside + 1 < len(starts) else len(text)
            found = self._at(text, folded, at, limit)
            if found is None:
                at += 1
                continue
            end = at + len(found.grapheme)
            # an override shows its word as it is written here
            yield at, end, found.said.replace(f"<{found.grapheme}|", f"<{text[at:end]}|", 1)
            at = end

    def _at(self, text: str, folded: str, at: int, limit: int) -> Entry | None:
        if _is_joined(text, at):
            return None
        branch, keys = self._tree, []
        for letter in folded[at : min(limit, at + MAX_GRAPHEME_CHARACTERS)]:
            branch = branch.get(letter)
            if branch is None:
                break
            if "" in branch:
                keys.append(branch[""])
        for key in reversed(keys):
            end = at + len(key)
            if _is_joined(text, end):
                continue
            exact = (one for one in self._entries[key] if one.grapheme == text[at:end])
            loose = (one for one in self._entries[key] if not one.is_case_sensitive)
            found = next(exact, None) or next(loose, None)
            if found is not None:
                return found
        return None


def entry(
    grapheme: str, *, phones: str | None = None, alias: str | None = None, is_case_sensitive: bool = False,
    alphabet: str = "x-clocktrain",
) -> Entry:  # fmt: skip
    """An entry that can be said.

    Args:
        grapheme: as it is written.
        phones: as they stand behind the bar of an override; or else
        alias: the words to say instead.
        is_case_sensitive: whether Latin letters are only meant as they are written.
        alphabet: of the phones.
    Raises:
        LexiconInvalid: it cannot be said, and why.
    """
    grapheme = " ".join(unicodedata.normalize("NFC", grapheme).split())
    shown = f'"{grapheme[:40]}"'
    if not grapheme or len(grapheme) > MAX_GRAPHEME_CHARACTERS or any(sign in grapheme for sign in "<>|"):
        raise LexiconInvalid(
            f'{shown} is no word; write 1 to {MAX_GRAPHEME_CHARACTERS} characters without "<", "|", ">"'
        )
    if (phones is None) == (alias is None):
        raise LexiconInvalid(f"{shown} needs either phones or an alias; give one of them")
    if alias is not None:
        alias = " ".join(unicodedata.normalize("NFC", alias).split())
        if not alias or len(alias) > MAX_GRAPHEME_CHARACTERS or any(sign in alias for sign in "<>|"):
            raise LexiconInvalid(f"the alias of {shown} is no text; write up to {MAX_GRAPHEME_CHARACTERS} characters")
        return Entry(grapheme, alias, is_case_sensitive)
    try:
        said = override_of(grapheme, " ".join((phones or "").split()), alphabet)
    except TextOverrideInvalid as error:
        raise LexiconInvalid(f"{shown}: {str(error).partition(': ')[2]}") from error
    return Entry(grapheme, said, is_case_sensitive)


def read_lexicon(content: bytes, name: str) -> Lexicon:
    """A lexicon of a file's content.

    Args:
        content: JSON of ours, or PLS where it begins as XML does.
        name: of the file, for messages.
    Raises:
        LexiconInvalid: what in it cannot be read.
    """
    if len(content) > MAX_BYTES:
        raise LexiconInvalid(f"{name} has {len(content)} bytes, the limit is {MAX_BYTES}; make two of it")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise LexiconInvalid(f"{name} is not UTF-8 at byte {error.start}; save it as UTF-8") from error
    try:
        entries = list(_pls_entries(text) if text.lstrip().startswith("<") else _json_entries(text))
    except LexiconInvalid as error:
        raise LexiconInvalid(f"{name}: {str(error).partition(': ')[2]}") from error
    return Lexicon(entries)


def _json_entries(text: str) -> Iterable[Entry]:
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise LexiconInvalid(f"it is no JSON ({error})"[:200]) from None
    if not isinstance(told, dict) or not isinstance(told.get("entries"), list):
        raise LexiconInvalid('it has no "entries"; write {"schemaVersion": 1, "entries": [...]}')
    if told.get("schemaVersion") != SCHEMA_VERSION:
        raise LexiconInvalid(f'"schemaVersion" is not {SCHEMA_VERSION}; this reader knows no other')
    _refuse_others(told, "the file", ("schemaVersion", "language", "entries"))
    _refuse_many(len(told["entries"]))
    for number, one in enumerate(told["entries"], 1):
        try:
            yield _json_entry(one)
        except LexiconInvalid as error:
            raise LexiconInvalid(f"entry {number}: {str(error).partition(': ')[2]}") from None


def _json_entry(told: Any) -> Entry:
    if not isinstance(told, dict):
        raise LexiconInvalid("it is no object; write one with a grapheme, and phones or an alias")
    _refuse_others(told, "an entry", ("grapheme", "phones", "alias", "caseSensitive"))
    for key, kind in (("grapheme", str), ("phones", str | None), ("alias", str | None), ("caseSensitive", bool | None)):
        if not isinstance(told.get(key), kind):
            raise LexiconInvalid(f'"{key}" is missing or of another type; see docs/ssml.md')
    return entry(
        told["grapheme"],
        phones=told.get("phones"),
        alias=told.get("alias"),
        is_case_sensitive=bool(told.get("caseSensitive")),
    )


def _refuse_others(told: dict[str, Any], what: str, known: tuple[str, ...]) -> None:
    others = [key for key in told if key not in known]
    if others:
        raise LexiconInvalid(f'{what} has "{others[0][:40]}"; there are {", ".join(known)}')


def _refuse_many(count: int) -> None:
    if count > MAX_ENTRIES:
        raise LexiconInvalid(f"it has more than {MAX_ENTRIES} entries; make two of it")


def _pls_entries(text: str) -> Iterable[Entry]:
    """Each lexeme's graphemes with its first or preferred phones, or else its alias."""
    alphabet, found = "ipa", 0
    lexeme: dict[str, Any] = {}
    inside: list[str] = []
    for event in read_xml(text, _BOUNDS, _refuse_pls):
        if isinstance(event, Start):
            name = event.name.local if event.name.space in ("", PLS) else ""
            attributes = {key.local: value for key, value in event.attributes.items() if not key.space}
            if not inside:
                if name != "lexicon":
                    _refuse_pls("it does not begin with <lexicon>", event.place.line, event.place.column)
                alphabet = attributes.get("alphabet", "ipa")
            if name == "lexeme":
                lexeme = {"graphemes": [], "phones": None, "alias": None, "preferred": False}
            inside.append(name)
            lexeme |= {"text": "", "attributes": attributes}
        elif isinstance(event, Text):
            lexeme["text"] = lexeme.get("text", "") + event.characters
        elif inside.pop() == "lexeme":
            found += len(lexeme["graphemes"])
            _refuse_many(found)
            for grapheme in lexeme["graphemes"]:
                phones, own = lexeme["phones"] or (None, alphabet)
                if own not in ALPHABETS:
                    place = f"line {event.place.line}"
                    raise LexiconInvalid(f'{place}: there is no alphabet "{own[:40]}"; give {", ".join(ALPHABETS)}')
                alias = lexeme["alias"] if phones is None else None
                try:
                    yield entry(grapheme, phones=phones, alias=alias, alphabet=own)
                except LexiconInvalid as error:
                    raise LexiconInvalid(f"line {event.place.line}: {str(error).partition(': ')[2]}") from None
        elif isinstance(event, End) and "graphemes" in lexeme:
            _keep(lexeme, event.name.local, alphabet)


def _keep(lexeme: dict[str, Any], name: str, alphabet: str) -> None:
    text, attributes = lexeme["text"].strip(), lexeme["attributes"]
    is_preferred = attributes.get("prefer") == "true"
    if name == "grapheme":
        lexeme["graphemes"].append(text)
    elif name == "phoneme" and (lexeme["phones"] is None or (is_preferred and not lexeme["preferred"])):
        lexeme["phones"], lexeme["preferred"] = (text, attributes.get("alphabet", alphabet)), is_preferred
    elif name == "alias" and lexeme["alias"] is None:
        lexeme["alias"] = text


def _refuse_pls(what: str, line: int, column: int) -> NoReturn:
    raise LexiconInvalid(f"line {line}, column {column}: {what}")


def _folded(text: str) -> str:
    """In small letters, as long as it was."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(low if len(low := char.lower()) == 1 else char for char in text)


def _is_joined(text: str, at: int) -> bool:
    """Whether a word of letters or digits goes on here; Han has no ends of words."""
    pair = text[max(0, at - 1) : at + 1]
    return len(pair) == 2 and pair.isalnum() and not is_han(pair)


def _places_of(said: str, written: str, places: Sequence[int], end: int) -> list[int]:
    """An override's word keeps its places; other words share those of what they stand for."""
    if said.startswith("<"):
        return [places[0], *places, *[end] * (len(said) - 1 - len(written))]
    return [places[number * len(written) // len(said)] for number in range(len(said))]
