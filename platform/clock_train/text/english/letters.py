"""Letters to sounds for English words that no dictionary has."""

from __future__ import annotations


def guess(word: str) -> tuple[str, ...]:
    """ARPAbet with stress guessed from the spelling, or nothing where the word has no letters."""
    return ()
