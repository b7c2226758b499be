"""How the words of a request are said: SSML as lines, and lexicons over all of them. Both doors' requests come here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from clock_train.api.orders import MAX_CHARACTERS, Line
from clock_train.errors import LexiconInvalid, RequestInvalid
from clock_train.text.lexicon import Lexicon, entry
from clock_train.text.lexicon_folder import LexiconFolder
from clock_train.text.ssml import Ssml

MAX_PRONUNCIATIONS = 1_000
"""Of one request."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """How one phrase of a request is said."""

    phrase: str
    phones: str | None = None
    alias: str | None = None


@dataclass(frozen=True)
class Wording:
    """Where the words of a caller are found: the server's lexicons, and whose of them.

    Args:
        lexicons: of all tenants.
        tenant: who asks.
    """

    lexicons: LexiconFolder
    tenant: str

    def said(self, lines: Sequence[Line], *, lexicon: str, pronunciations: Sequence[Said]) -> list[Line]:
        """Lines with what a lexicon and the request itself say of their words; the request goes first.

        Raises:
            LexiconNotFound, LexiconInvalid: no such lexicon, or one that cannot be read.
            RequestInvalid: a pronunciation that cannot be said.
        """
        if not lexicon and not pronunciations:
            return list(lines)
        if sum(line.num_characters for line in lines) > MAX_CHARACTERS:
            return list(lines)  # it is refused for that, and would only take long here
        words = _of_request(pronunciations)
        if lexicon:
            words = words.over(self.lexicons.find(self.tenant, lexicon))
        return [_said(line, words) for line in lines]


def ssml_lines(ssml: Ssml, request: Line) -> list[Line]:
    """The segments of an SSML text, in the manner of the request where they name none.

    Args:
        ssml: that was read.
        request: its voice, language, style and emotion.
    """
    return [
        replace(
            request,
            text=segment.text,
            voice=segment.voice or request.voice,
            language=segment.language or request.language,
            speed=segment.speed,
            pause_s=segment.pause_s,
            places=segment.places,
            marks=segment.marks,
        )
        for segment in ssml.segments
    ]


def _of_request(pronunciations: Sequence[Said]) -> Lexicon:
    if len(pronunciations) > MAX_PRONUNCIATIONS:
        raise RequestInvalid(
            f"there are {len(pronunciations)} pronunciations; send {MAX_PRONUNCIATIONS} or fewer",
            field="pronunciations",
        )
    try:
        return Lexicon(entry(one.phrase, phones=one.phones, alias=one.alias) for one in pronunciations)
    except LexiconInvalid as error:
        raise RequestInvalid(f"pronunciations: {str(error).partition(': ')[2]}", field="pronunciations") from error


def _said(line: Line, lexicon: Lexicon) -> Line:
    applied = lexicon.applied(line.text, line.places, line.marks)
    return replace(line, text=applied.text, places=applied.places, marks=applied.marks)
