"""English words that are spelled alike and spoken two ways, told apart by the word before them.

The dictionary's own reading stands where no rule speaks. After ``to``, a modal verb or a person the verb is meant,
after an article or a possessive the noun; ``read`` and a few more have their own rule. That is a guess without
grammar, so a writer who means the other one has the override.
"""

from __future__ import annotations

from clock_train.text.data_files import named_lists, rows

_LISTS = named_lists("english_words.txt")
_NOUN_BEFORE = _LISTS["noun_before"]
_VERB_BEFORE = _LISTS["verb_before"]
_PAIRS = {word: (noun.split(), verb.split(), alone) for word, noun, verb, alone in rows("heteronyms.csv")}


def heteronym(word: str, before: str, after: str) -> tuple[str, ...] | None:
    """ARPAbet of a word that is spoken two ways, or None for every other word.

    Args:
        word: lower case.
        before: the word before it, lower case; empty at the start of a clause.
        after: the word after it, lower case; empty at the end of a clause.
    """
    if word == "read":
        is_now = not before or before in _LISTS["read_before"] or before.endswith(("'ll", "n't"))
        return ("R", "IY1", "D") if is_now else ("R", "EH1", "D")
    if word not in _PAIRS:
        return None
    noun, verb, alone = _PAIRS[word]
    is_verb = _is_verb(word, before, after)
    if is_verb is None:
        return {"n": tuple(noun), "v": tuple(verb)}.get(alone)
    return tuple(verb if is_verb else noun)


def _is_verb(word: str, before: str, after: str) -> bool | None:
    if before in _NOUN_BEFORE:
        return False
    if before in _VERB_BEFORE or before.endswith("'ll"):
        return True
    if word == "close" and (
        after in ("the", "your", "this", "it") or (before in _LISTS["close_before"] and after != "to")
    ):
        return after != "to"
    if not before and word in _LISTS["verb_at_start"] and after in _NOUN_BEFORE | {"it", "them", "him", "me", "us"}:
        return True
    return None
