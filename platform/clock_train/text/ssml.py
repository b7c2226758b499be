"""SSML 1.1 as segments that a voice speaks one after the other: text, who says it and how, the pause before it, marks.

``docs/ssml.md`` has the table of what is obeyed. Every character of a segment knows where it stands in the SSML. A
pause or another voice in the middle of a sentence cuts it there, and adds no full stop: neither part gets a sign of its
own, and what follows begins after the pause that was asked for, or none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NoReturn

from clock_train.errors import SsmlInvalid, TextOverrideInvalid
from clock_train.text.frontend import resolve_language
from clock_train.text.overrides import ALPHABETS, override_of
from clock_train.text.say_as import KINDS, NotSaidAs, said_as
from clock_train.text.scripts import is_han, is_latin
from clock_train.text.ssml_values import break_s, faster
from clock_train.text.xml_reading import XML, Bounds, End, Place, Start, Text, read_xml

SSML = "http://www.w3.org/2001/10/synthesis"
BOUNDS = Bounds(characters=100_000, elements=2_000, depth=16)
MAX_BREAK_S, MAX_BREAKS_S = 10.0, 60.0
PARAGRAPH_S = 0.5
"""Before a paragraph; a medium break."""
MAX_NAME_CHARACTERS = 200
MAX_CONTENT_CHARACTERS = 1_000
"""Of say-as, and of a phoneme's phones."""
SEEN_CHARACTERS = 200
"""Of a sentence, to know its language by."""

OBEYED: dict[str, tuple[str, ...]] = {
    "speak": ("xml:lang",),
    "p": ("xml:lang",),
    "s": ("xml:lang",),
    "break": ("time", "strength"),
    "prosody": ("rate",),
    "phoneme": ("alphabet", "ph"),
    "sub": ("alias",),
    "say-as": ("interpret-as", "format"),
    "voice": ("name", "xml:lang"),
    "lang": ("xml:lang",),
    "mark": ("name",),
}
"""Elements, with the attributes that have an effect."""
PASSED_OVER: dict[str, tuple[str, ...]] = {
    "speak": ("version", "onlangfailure", "startmark", "endmark", "xml:base"),
    "p": ("onlangfailure", "xml:id"),
    "s": ("onlangfailure", "xml:id"),
    "prosody": ("pitch", "contour", "range", "duration", "volume", "onlangfailure"),
    "phoneme": ("type",),
    "say-as": ("detail",),
    "voice": ("gender", "age", "variant", "languages", "required", "ordering", "onvoicefailure", "onlangfailure"),
    "lang": ("onlangfailure",),
}
"""Other attributes of theirs that the W3C names."""
OTHERS = ("audio", "desc", "emphasis", "lexicon", "lookup", "meta", "metadata", "token", "w")
"""Elements of the W3C whose text is spoken as if they were not there, but for ``UNSPOKEN``."""
UNSPOKEN = ("desc", "metadata")
"""Text about the sound, which is no text to say."""
_SILENT_ATTRIBUTES = ("version", "xml:base", "xml:id")
"""Without effect anywhere, and not worth a word."""
_CONTENT_ONLY = ("phoneme", "sub", "say-as")
_ENDINGS, _CLOSING, _COMMAS = frozenset(".!?。！？…；｡"), frozenset("\"'”’」』》〉)）】] "), frozenset(",，、;:：")


@dataclass(frozen=True, kw_only=True)
class Segment:
    """Some text said in one manner; as ``api.orders.Line`` takes it."""

    text: str
    voice: str | None
    """None: the request's, as for the language."""
    language: str | None
    speed: float
    pause_s: float | None
    """Silence before it; None is what usually stands between sentences."""
    places: Sequence[int]
    """Where each character and the end stand in the SSML."""
    marks: Sequence[tuple[int, str]]
    """Names of places, by character of the text."""


@dataclass(frozen=True)
class Ssml:
    """What one SSML text says."""

    segments: list[Segment]
    ignored: list[str]
    """What came and has no effect, such as ``emphasis`` and ``prosody@pitch``."""
    shown: str
    """As long as the SSML, with U+0000 for all that is not said as it is written: a caption's text."""


def read_ssml(ssml: str, *, language: str = "auto") -> Ssml:
    """The segments of an SSML text.

    Args:
        ssml: up to 100,000 characters, 2,000 elements, 16 of them in each other.
        language: of what names none.
    Raises:
        SsmlInvalid: with the line and column of what is wrong.
    """
    events = read_xml(ssml, BOUNDS, _refuse)
    document = "".join(event.characters for event in events if isinstance(event, Text))
    reading = _Reading(ssml, document, language)
    for event in events:
        if isinstance(event, Start):
            reading.start(event)
        elif isinstance(event, End):
            reading.end(event)
        else:
            reading.characters(event)
    return reading.ended()


@dataclass(frozen=True)
class _Manner:
    voice: str | None = None
    language: str | None = None
    speed: float = 1.0


@dataclass
class _Content:
    """Of an element that holds text only."""

    element: Start
    attributes: Mapping[str, str]
    text: str = ""
    start: int = 0
    end: int = 0


@dataclass
class _Buffer:
    """The segment that is being written."""

    manner: _Manner = field(default_factory=_Manner)
    pause_s: float | None = None
    text: list[str] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    marks: list[tuple[int, str]] = field(default_factory=list)


class _Reading:
    def __init__(self, ssml: str, document: str, language: str) -> None:
        self._language = language
        self._language_of_all = resolve_language(document, "auto")
        self._manners = [_Manner()]
        self._elements: list[str] = []
        self._content: _Content | None = None
        self._buffer = _Buffer()
        self._segments: list[Segment] = []
        self._ignored: dict[str, None] = {}
        self._shown = ["\0"] * len(ssml)
        self._end = 0
        """Of the last character that is said, in the SSML."""
        self._sentence = ""
        """The beginning of a sentence that is not at its end yet."""
        self._break_s: float | None = None
        self._breaks_s = 0.0
        self._is_paragraph = self._is_apart = False
        self._marks: list[str] = []
        """Before the next character."""

    def start(self, event: Start) -> None:
        name = self._name_of(event)
        attributes = self._attributes(event, name)
        if self._content is not None:
            _refuse_at(event.place, f"{self._content.element.name.local} holds text only; take {name} out of it")
        self._elements.append(name)
        self._manners.append(self._manner(name, attributes, event.place))
        if name in OTHERS:
            self._ignored[name] = None
        if name == "break":
            self._pause(attributes, event.place)
        elif name == "mark":
            self._mark(attributes, event.place)
        elif name in ("p", "s"):
            self._end_sentence(is_paragraph=name == "p")
        elif name in _CONTENT_ONLY:
            self._content = _Content(event, attributes, start=-1)

    def end(self, event: End) -> None:
        name = self._elements.pop()
        if self._content is not None:
            content, self._content = self._content, None
            self._say_content(name, content, event.place)
        elif name in ("p", "s"):
            self._end_sentence(is_paragraph=name == "p")
        self._manners.pop()

    def characters(self, event: Text) -> None:
        if any(name in UNSPOKEN for name in self._elements):
            return
        is_plain = event.end - event.place.offset == len(event.characters)
        if self._content is not None:
            content = self._content
            if content.start < 0:
                content.start = event.place.offset
            content.text, content.end = content.text + event.characters, event.end
            self._show(event, is_plain)
            return
        self._show(event, is_plain)
        for number, char in enumerate(event.characters):
            place = event.place.offset + (number if is_plain else 0)
            # "|" makes an override of what stands in angle brackets; the wide one never does, and is as silent
            self._put("｜" if char == "|" else char, place, place + 1 if is_plain else event.end)

    def ended(self) -> Ssml:
        self._flush()
        if self._break_s:
            self._ignored["break@end"] = None
        if self._marks and self._segments:
            last = self._segments[-1]
            marks = [*last.marks, *((len(last.text), name) for name in self._marks)]
            self._segments[-1] = replace(last, marks=marks)
        return Ssml(self._segments, list(self._ignored), "".join(self._shown))

    def _name_of(self, event: Start) -> str:
        name = event.name.local
        if not self._elements and name != "speak":
            _refuse_at(event.place, f'it begins with "{name[:40]}"; put all of it into <speak>')
        if event.name.space not in ("", SSML) or (name not in OBEYED and name not in OTHERS):
            if "metadata" in self._elements:
                return "metadata"
            _refuse_at(event.place, f'there is no element "{name[:40]}"; GET /v1/audio/ssml lists those that there are')
        if name == "speak" and self._elements:
            _refuse_at(event.place, "speak stands in another element; begin with it, once")
        return name

    def _attributes(self, event: Start, name: str) -> dict[str, str]:
        given: dict[str, str] = {}
        for key, value in event.attributes.items():
            own = f"xml:{key.local}" if key.space == XML else key.local
            if name in OTHERS:
                continue
            if key.space not in ("", XML):
                self._ignore(f"{name}@{key.local}", is_listed=key.local != "schemaLocation")
            elif own in OBEYED[name]:
                given[own] = value.strip()
            elif own in PASSED_OVER.get(name, ()) or key.space == XML:
                self._ignore(f"{name}@{own}", is_listed=own not in _SILENT_ATTRIBUTES)
            else:
                has = ", ".join((*OBEYED[name], *PASSED_OVER.get(name, ())))
                _refuse_at(event.place, f'{name} has no attribute "{own[:40]}"; it has {has}')
        return given

    def _ignore(self, what: str, *, is_listed: bool) -> None:
        if is_listed:
            self._ignored[what] = None

    def _manner(self, name: str, attributes: Mapping[str, str], place: Place) -> _Manner:
        manner = self._manners[-1]
        if name == "lang" and "xml:lang" not in attributes:
            _refuse_at(place, "lang has no xml:lang; name a language, such as en-US")
        if "xml:lang" in attributes:
            if len(attributes["xml:lang"]) > 40:
                _refuse_at(place, "xml:lang has more than 40 characters; name a language, such as en-US")
            manner = replace(manner, language=attributes["xml:lang"] or None)
        if name == "voice" and "name" in attributes:
            if not 0 < len(attributes["name"]) <= MAX_NAME_CHARACTERS:
                _refuse_at(place, "the name of a voice is empty or too long; take one of GET /v1/audio/voices")
            manner = replace(manner, voice=attributes["name"])
        if name == "prosody" and "rate" in attributes:
            try:
                manner = replace(manner, speed=faster(manner.speed, attributes["rate"]))
            except ValueError as error:
                _refuse_at(place, str(error))
        return manner

    def _pause(self, attributes: Mapping[str, str], place: Place) -> None:
        try:
            seconds = break_s(attributes)
        except ValueError as error:
            _refuse_at(place, str(error))
        if seconds == 0 and self._sentence:
            return  # no pause where none would be
        self._flush()
        self._breaks_s += seconds
        self._break_s = (self._break_s or 0.0) + seconds
        if self._break_s > MAX_BREAK_S:
            _refuse_at(place, f"a break is {self._break_s:g} s; give at most {MAX_BREAK_S:g} at one place")
        if self._breaks_s > MAX_BREAKS_S:
            _refuse_at(place, f"the breaks are over {MAX_BREAKS_S:g} s in all; make them shorter")

    def _mark(self, attributes: Mapping[str, str], place: Place) -> None:
        name = attributes.get("name", "")
        if not 0 < len(name) <= MAX_NAME_CHARACTERS:
            _refuse_at(place, f"mark needs a name of 1 to {MAX_NAME_CHARACTERS} characters")
        if self._buffer.text:
            self._buffer.marks.append((len(self._buffer.text), name))
        else:
            self._marks.append(name)

    def _end_sentence(self, *, is_paragraph: bool) -> None:
        if is_paragraph:
            self._flush()
            self._is_paragraph = bool(self._segments)
        elif self._buffer.text and self._buffer.text[-1] != "\n":
            self._buffer.text.append("\n")  # where the front-end cuts
            self._buffer.places.append(max(self._end, self._buffer.places[-1]))  # white space may lie behind the end
        self._sentence, self._is_apart = "", False

    def _say_content(self, name: str, content: _Content, place: Place) -> None:
        written = " ".join(content.text.split())
        if content.start < 0:
            content.start = content.end = place.offset
        else:
            content.start += len(content.text) - len(content.text.lstrip())
            content.end -= len(content.text) - len(content.text.rstrip())
        attributes, place = content.attributes, content.element.place
        length = max(len(written) if name != "sub" else 0, len(attributes.get("ph", "")))
        if length > MAX_CONTENT_CHARACTERS:
            _refuse_at(place, f"{name} has {length} characters, the limit is {MAX_CONTENT_CHARACTERS}; cut it")
        if name == "phoneme":
            self._say_phones(written, content, place)
            return
        if name == "sub":
            if "alias" not in attributes:
                _refuse_at(place, "sub has no alias; write what is said instead")
            self._say(attributes["alias"].replace("|", "｜"), content)
            return
        kind, language = attributes.get("interpret-as", ""), self._language_here()
        if not kind:
            _refuse_at(place, f"say-as has no interpret-as; give one of {', '.join(KINDS)}")
        if kind not in KINDS or language not in ("zh", "en"):
            self._ignored[f"say-as@{kind[:40]}"] = None
            self._say(written.replace("|", "｜"), content)
            return
        try:
            said = said_as(written, kind, attributes.get("format", ""), language)
        except NotSaidAs as error:
            _refuse_at(place, f'"{written[:40]}" is said as {kind}: {error}')
        self._say(said, content)

    def _say_phones(self, written: str, content: _Content, place: Place) -> None:
        alphabet = content.attributes.get("alphabet") or "ipa"
        phones = " ".join(content.attributes.get("ph", "").split())
        if alphabet not in ALPHABETS:
            _refuse_at(place, f'there is no alphabet "{alphabet[:40]}"; give one of {", ".join(ALPHABETS)}')
        word = "".join(char for char in written if char not in "<>|").strip() or "~"
        try:
            override = override_of(word, phones, alphabet)
        except TextOverrideInvalid as error:
            _refuse_at(place, f"phoneme: {str(error).partition(': ')[2]}")
        self._say_override(override, len(word), content)

    def _say_override(self, override: str, length: int, content: _Content) -> None:
        places = [content.start, *_spread(content, length)]
        for number, char in enumerate(override):
            self._put(char, places[number] if number < len(places) else content.end, content.end, is_exact=True)
        for char in override[1 : 1 + length]:
            self._follow(char)

    def _say(self, text: str, content: _Content) -> None:
        """Words in the place of others, with which those beside them do not run together."""
        self._is_apart = bool(text)
        for char, place in zip(text, _spread(content, len(text)), strict=True):
            self._put(char, place, content.end)
        self._is_apart = bool(text)

    def _language_here(self) -> str:
        named = self._manners[-1].language or self._language
        if named != "auto":
            return resolve_language("", named)
        is_decided = is_han(self._sentence) or is_latin(self._sentence)
        return resolve_language(self._sentence, "auto") if is_decided else self._language_of_all

    def _put(self, char: str, place: int, end: int, *, is_exact: bool = False) -> None:
        buffer = self._buffer
        is_closing = char in _CLOSING or char in _ENDINGS or char in _COMMAS  # it is of the word before
        is_other = buffer.manner != self._manners[-1] and not char.isspace()
        if buffer.text and is_other and (buffer.text[-1].isspace() or not is_closing):
            said = len("".join(buffer.text).rstrip())
            self._marks = [name for at, name in buffer.marks if at >= said]  # they are of what comes now
            buffer.marks = [mark for mark in buffer.marks if mark[0] < said]
            self._flush()
            buffer = self._buffer
        if char.isspace() and not is_exact:
            if not buffer.text or buffer.text[-1].isspace():
                return
            char = " "
        if not buffer.text:
            self._begin(buffer)
        last = buffer.text[-1] if buffer.text else ""
        if self._is_apart and _run_together(last, char):
            buffer.text.append(" ")
            buffer.places.append(self._end)
        self._is_apart = self._is_apart and char.isspace()
        if place > self._end and last.isalnum() and not char.isalnum() and not is_exact:
            place = self._end  # behind a tag: the word before ends before it
        buffer.text.append(char)
        buffer.places.append(place)
        if not char.isspace():
            self._end = end
        if not is_exact:
            self._follow(char)

    def _begin(self, buffer: _Buffer) -> None:
        buffer.manner = self._manners[-1]
        buffer.pause_s = self._break_s
        if self._is_paragraph:
            buffer.pause_s = max(self._break_s or 0.0, PARAGRAPH_S)
        elif self._break_s is None and self._sentence and self._segments:
            is_same_voice = self._segments[-1].voice == buffer.manner.voice
            buffer.pause_s = 0.0 if is_same_voice else None  # in the middle of a sentence
        buffer.marks = [(0, name) for name in self._marks]
        self._break_s, self._is_paragraph, self._marks = None, False, []

    def _follow(self, char: str) -> None:
        """Know whether a sentence is at its end."""
        if char in _ENDINGS:
            self._sentence = ""
        elif len(self._sentence) < SEEN_CHARACTERS and (self._sentence or char not in _CLOSING):
            self._sentence += char

    def _flush(self) -> None:
        buffer, self._buffer = self._buffer, _Buffer()
        text = "".join(buffer.text).rstrip()
        if not text:
            return
        self._segments.append(
            Segment(
                text=text,
                voice=buffer.manner.voice,
                language=buffer.manner.language,
                speed=buffer.manner.speed,
                pause_s=buffer.pause_s,
                places=(*buffer.places[: len(text)], self._end),
                marks=[(min(at, len(text)), name) for at, name in buffer.marks],
            )
        )

    def _show(self, event: Text, is_plain: bool) -> None:
        at = event.place.offset
        if is_plain:
            self._shown[at : event.end] = event.characters
        else:
            self._shown[at] = event.characters[:1]


def _run_together(last: str, char: str) -> bool:
    return last.isalnum() and char.isalnum() and not is_han(last) and not is_han(char)


def _spread(content: _Content, count: int) -> list[int]:
    """Places of characters that stand for an element's content, one after the other."""
    width = content.end - content.start
    return [content.start + number * width // count for number in range(count)]


def _refuse_at(place: Place, what: str) -> NoReturn:
    _refuse(what, place.line, place.column)


def _refuse(what: str, line: int, column: int) -> NoReturn:
    raise SsmlInvalid(f"SSML, line {line}, column {column}: {what}") from None
