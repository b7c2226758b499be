"""Text that is still being written, given out in whole sentences."""

from __future__ import annotations

from clock_train.text.sentences import split_sentences

_NEXT = "A"
"""A sentence that would begin here: what is before it is whole. Abbreviations and numbers show in what is between."""


class LiveText:
    """Takes pieces of any size.

    Args:
        language: as for ``split_sentences``.
    """

    def __init__(self, language: str = "auto") -> None:
        self._language, self._waiting = language, ""

    def add(self, text: str) -> str:
        """The sentences that are whole with this piece, as they were written; empty where there are none.

        A full stop ends one once a space follows, other signs at once; what is longer than a sentence may be is cut.
        """
        self._waiting += text
        pieces = split_sentences(self._waiting + _NEXT, self._language)
        end = len(self._waiting) + len(_NEXT) - len(pieces[-1])
        return self._taken(end) if self._waiting[:end].strip() else ""

    def rest(self) -> str:
        """What is left, whole or not."""
        return self._taken(len(self._waiting))

    def _taken(self, count: int) -> str:
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        return taken
