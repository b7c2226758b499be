"""Languages beyond Mandarin and English: clauses through espeak-ng, its IPA onto the shared inventory."""

from __future__ import annotations

import re
from collections.abc import Sequence

from clock_train.errors import TextLanguageUnsupported
from clock_train.text.espeak import find_voice, read_clauses
from clock_train.text.inventory import LANGUAGES
from clock_train.text.ipa import ipa_tokens
from clock_train.text.overrides import Override
from clock_train.text.scripts import is_han
from clock_train.text.token_line import TokenLine

# Marks between digits (3,5 or 10:30) belong to the number, which espeak-ng reads.
_PIECE = re.compile(r"(?P<pause>(?<!\d)[,.:;?!…—–()]|[,.:;?!…—–()](?!\d))|(?P<override>[\ue000-\uf8ff])")
_HAN_READERS = ("ja", "yue", "hak", "ko", "vi")


def speak_all(texts: Sequence[tuple[str, dict[str, Override]]], language: str) -> list[TokenLine]:
    """Tokens of cleaned texts with their overrides; one espeak-ng call for all of them.

    Raises:
        TextLanguageUnsupported: no espeak-ng, no such voice, or Han characters in a language that has none.
    """
    voice = find_voice(language)
    name = language if language in LANGUAGES else voice.partition("-")[0]
    name = name if name in LANGUAGES else "other"
    for text, _ in texts:
        found = is_han(text)
        if found and voice.partition("-")[0] not in _HAN_READERS:
            raise TextLanguageUnsupported(
                f'"{found[0]}" is a Han character in a text of language "{language}"; use zh or auto'
            )
    pieces = [_pieces(text) for text, _ in texts]
    clauses = [piece for line in pieces for kind, piece in line if kind == "clause"]
    spoken = iter(read_clauses(clauses, voice))
    lines = []
    for (_, overrides), text_pieces in zip(texts, pieces, strict=True):
        line = TokenLine()
        for kind, piece in text_pieces:
            if kind == "clause":
                _add_clause(line, piece, next(spoken), voice, name)
            elif kind == "pause":
                line.add_pause(piece)
            elif piece in overrides:
                line.add_word(overrides[piece].text, overrides[piece].tokens(name))
        line.close()
        lines.append(line)
    return lines


def _pieces(text: str) -> list[tuple[str, str]]:
    """Clauses, pauses and overrides in order."""
    pieces: list[tuple[str, str]] = []
    end = 0
    for match in _PIECE.finditer(text):
        pieces.extend([("clause", text[end : match.start()]), (str(match.lastgroup), match[0])])
        end = match.end()
    pieces.append(("clause", text[end:]))
    return [(kind, piece) for kind, piece in pieces if piece.strip()]


def _add_clause(line: TokenLine, clause: str, ipa: str, voice: str, name: str) -> None:
    """Add word by word where espeak-ng's words match the written ones; a clause whose words it joined or split is one
    word."""
    written = clause.replace('"', " ").split()
    spoken = [tokens for word in ipa.split() if (tokens := ipa_tokens(word, voice, name))]
    if len(written) == len(spoken):
        for text, tokens in zip(written, spoken, strict=True):
            line.add_word(text, tokens)
    else:
        line.add_word(" ".join(written), [token for tokens in spoken for token in tokens])
