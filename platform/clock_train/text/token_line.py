"""Phones, words and pauses put together into one utterance's line of tokens."""

from __future__ import annotations

from collections.abc import Sequence

from clock_train.text.inventory import SILENCE
from clock_train.text.utterance import Token, Word

_PAUSE_OF = {**dict.fromkeys(",;:…—–()-", ","), ".": ".", "?": "?", "!": "!"}
_STRENGTH = {",": 0, ".": 1, "!": 2, "?": 3}


class TokenLine:
    """Tokens in speaking order, from the first silence to the last."""

    def __init__(self) -> None:
        self.tokens: list[Token] = [Token(SILENCE)]
        self.words: list[Word] = []

    def add_word(self, text: str, tokens: Sequence[Token]) -> None:
        """Add the tokens of one written word; nothing where there are none."""
        if tokens:
            self.words.append(Word(text, len(self.tokens), len(self.tokens) + len(tokens)))
            self.tokens.extend(tokens)

    def add_pause(self, mark: str) -> None:
        """Add what a punctuation mark becomes; of several in a row the strongest stays, and none before the first
        word."""
        phone, last = _PAUSE_OF[mark], self.tokens[-1].phone
        if last == SILENCE:
            return
        if last not in _STRENGTH:
            self.tokens.append(Token(phone))
        elif _STRENGTH[phone] > _STRENGTH[last]:
            self.tokens[-1] = Token(phone)

    def close(self) -> None:
        """End with silence; a comma at the very end says nothing more."""
        if self.tokens[-1].phone == ",":
            self.tokens.pop()
        self.tokens.append(Token(SILENCE))
