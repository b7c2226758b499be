"""English names of persons: after a title or words that introduce one, or a given name of the census with a surname.

In a text without capitals, as recognisers write it, only a name after such words counts, and a given name with a
surname that are both of the census.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from clock_train.compliance.personal_data.kinds import Finding, Kind
from clock_train.compliance.personal_data.word_lists import census_names, word_lists

_WORD = re.compile(r"[A-Za-zÀ-ÖØ-öø-ÿ]+(?:['’\-][A-Za-zÀ-ÖØ-öø-ÿ]+)*")
_INTRODUCED = re.compile(
    r"(?:\bnames? (?:is|was|are)|\bname:|\bnamed|\bi am|\bi'm|\bi’m|\bthis is|\bcall me|\bcalled|\bknown as|"
    r"\bname's|\bsigned by|"
    r"\bsigned,|\bfull name|\bholder|\bholder is|\bholder:|\bpatient|\bpatient:|\bcontact|\bcontact:|"
    r"\battention|\battn:?|\bc/o|\bowner is|"
    r"\baddressed to|\bbelongs to|\bissued to|\bregistered to|\bmade out to|\bin the name of|\bon behalf of|"
    r"\bunder the name(?: of)?)\s*$",
    re.IGNORECASE,
)
_STRONG = re.compile(
    r"(?:\bnames? (?:is|was)|\bname:|\bnamed|\bname's|\bfull name|\bin the name of|\bunder the name(?: of)?|"
    r"\bcall me|\bissued to|\bregistered to)\s*$",
    re.IGNORECASE,
)
_TOWARDS = re.compile(
    r"\b(?:with|to|from|by|for|ask|asked|call|calling|met|meet|meeting|tell|told|email|emailed|text|texted|"
    r"dear|hi|hello|hey|"
    r"thanks|thank you|and|contact|reach|about|of|that|when|because|while|invite|invited|interview|interviewed|welcome|"
    r"send|sent|give|gave|visit|visited|see|saw|know|knows|remember|marry|married|hired|paid|pay|introduce)\s*$",
    re.IGNORECASE,
)
_KIN = re.compile(
    r"\b(?:my|your|his|her|our|their)\s+(?:\w+\s)?(?:husband|wife|son|daughter|mother|father|mom|mum|dad|"
    r"brother|sister|friend|"
    r"boss|colleague|partner|neighbou?r|cousin|uncle|aunt|nephew|niece|girlfriend|boyfriend|fiancée?|"
    r"assistant|teacher)\s$",
    re.IGNORECASE,
)
_TOLD = re.compile(r"\b(?:tell|ask|told|asked|remind|reminded|dear|hi|hello|hey)\s$", re.IGNORECASE)


def find_english_names(text: str) -> Iterator[Finding]:
    """Findings, which may overlap."""
    words = list(_WORD.finditer(text))
    has_capitals = sum(word[0][0].isupper() for word in words) > 0
    for index, word in enumerate(words):
        before = text[max(0, word.start() - 40) : word.start()]
        previous = words[index - 1][0].lower() if index and _is_close(text, words[index - 1], word) else ""
        if previous in _listed("titles"):
            yield from _after_title(text, words, index, previous, has_capitals)
        if _INTRODUCED.search(before):
            yield from _introduced(text, words, index, has_capitals, is_strong=bool(_STRONG.search(before)))
        if has_capitals:
            yield from _capitalised(text, words, index, before)
        else:
            yield from _without_capitals(text, words, index)


def _after_title(
    text: str, words: list[re.Match[str]], index: int, title: str, has_capitals: bool
) -> Iterator[Finding]:
    last = _name_end(text, words, index, has_capitals)
    if last is None:
        return
    is_sure = title in _listed("sure titles") or _is_known(words[index][0])
    if is_sure and (has_capitals or _is_known(words[index][0])):
        yield _found(words[index].start(), words[last].end(), 0.92)


def _introduced(
    text: str, words: list[re.Match[str]], index: int, has_capitals: bool, *, is_strong: bool
) -> Iterator[Finding]:
    last = _name_end(text, words, index, has_capitals)
    if last is None:
        return
    name = [word[0].lower() for word in words[index : last + 1]]
    if is_strong and (has_capitals or any(_is_given(each) or _is_surname(each) for each in name)):
        yield _found(words[index].start(), words[last].end(), 0.93)
    elif (_is_given(name[0]) and name[0] not in _listed("doubtful")) or (
        len(name) > 1 and any(_is_known(each) for each in name)
    ):
        yield _found(words[index].start(), words[last].end(), 0.88)


def _capitalised(text: str, words: list[re.Match[str]], index: int, before: str) -> Iterator[Finding]:
    word = words[index]
    if not _is_name_like(word[0]) or word[0].lower() in _listed("titles"):
        return
    last = _name_end(text, words, index, True)
    if last is None:
        return
    name = [each[0].lower() for each in words[index : last + 1]]
    if _is_place(text, words[last]):
        return
    begins = not re.search(r"\S", before) or bool(re.search(r"[.!?:]\s*[\"“']?$", before))
    if len(name) > 1:
        is_given, is_surname = _is_given(name[0]), _is_surname(name[-1])
        if is_given and is_surname:
            yield _found(word.start(), words[last].end(), 0.9 if name[0] not in _listed("doubtful") else 0.7)
        elif (is_given or is_surname) and not (begins and name[0] in _listed("doubtful")):
            yield _found(word.start(), words[last].end(), 0.75)
        elif not begins and _TOWARDS.search(before):
            yield _found(word.start(), words[last].end(), 0.62)
    elif _KIN.search(before) or _TOLD.search(before):
        yield _found(word.start(), word.end(), 0.7)
    elif _is_given(name[0]) and name[0] not in _listed("doubtful") and (not begins or _speaks(text, word)):
        yield _found(word.start(), word.end(), 0.6)


def _without_capitals(text: str, words: list[re.Match[str]], index: int) -> Iterator[Finding]:
    if index + 1 >= len(words) or not _is_close(text, words[index], words[index + 1]):
        return
    first, second = words[index][0], words[index + 1][0]
    if (
        first in _listed("doubtful")
        or second in _listed("doubtful")
        or first in _listed("no names")
        or second in _listed("no names")
    ):
        return
    if _rank_given(first) < 800 and _rank_surname(second) < 4000 and len(first) > 2 and len(second) > 3:
        yield _found(words[index].start(), words[index + 1].end(), 0.7)


def _name_end(text: str, words: list[re.Match[str]], index: int, has_capitals: bool) -> int | None:
    """The last word of the name that begins with a word; None where none does."""
    if not _fits(words[index][0], has_capitals):
        return None
    last = index
    while last + 1 < len(words) and last - index < 4:
        between = text[words[last].end() : words[last + 1].start()]
        following = words[last + 1][0]
        is_initial = len(words[last][0]) == 1 and between in (". ", " ")
        if not (between == " " or is_initial):
            break
        if (
            following.lower() in _listed("particles")
            and last + 2 < len(words)
            and has_capitals
            and _is_name_like(words[last + 2][0])
        ):
            last += 2
            continue
        is_letter = has_capitals and len(following) == 1 and following.isupper() and following != "I"
        if not (is_letter or _fits(following, has_capitals)):
            break
        if not has_capitals and (not _is_known(following) or last - index >= 1):
            break
        last += 1
    if len(words[last][0]) == 1 and last > index:
        last -= 1
    return last


def _fits(word: str, has_capitals: bool) -> bool:
    plain = word.lower()
    if plain in _listed("no names") or plain in _listed("titles"):
        return False
    return _is_name_like(word) if has_capitals else _is_known(plain)


def _is_name_like(word: str) -> bool:
    """Capitalised, and no abbreviation in capitals."""
    plain = re.split(r"['’]s$", word)[0]
    return len(plain) > 1 and plain[0].isupper() and not plain.isupper() and plain.lower() not in _listed("no names")


def _is_place(text: str, word: re.Match[str]) -> bool:
    """Whether what follows makes it a street, a firm or a town."""
    following = re.match(r"\s+([A-Z][a-z]+)\b", text[word.end() : word.end() + 20])
    return bool(following and following[1].lower() in _listed("no names"))


def _speaks(text: str, word: re.Match[str]) -> bool:
    """Whether what follows the first word of a sentence is what a person does."""
    rest = text[word.end() : word.end() + 14]
    return bool(
        re.match(r"(?:['’]s\b|\s+(?:is|was|has|had|said|says|will|called|asked|lives|and|can|does|did)\b|,)", rest)
    )


def _is_close(text: str, before: re.Match[str], after: re.Match[str]) -> bool:
    return text[before.end() : after.start()] in (" ", ". ", "\t")


def _is_known(word: str) -> bool:
    plain = _bare(word)
    return (
        plain not in _listed("no names")
        and plain not in _listed("doubtful")
        and (_is_given(plain) or _is_surname(plain))
    )


def _is_given(word: str) -> bool:
    return _bare(word) in census_names()[0] and _bare(word) not in _listed("no names")


def _is_surname(word: str) -> bool:
    plain = _bare(word)
    return (
        plain in census_names()[1] or any(part in census_names()[1] for part in plain.split("-"))
    ) and plain not in _listed("no names")


def _rank_given(word: str) -> int:
    return census_names()[0].get(_bare(word), 1 << 30)


def _rank_surname(word: str) -> int:
    return census_names()[1].get(_bare(word), 1 << 30)


def _bare(word: str) -> str:
    return re.sub(r"['’]s$", "", word.lower()).replace("'", "").replace("’", "")


def _listed(title: str) -> frozenset[str]:
    return word_lists("english_names")[title]


def _found(start: int, end: int, confidence: float) -> Finding:
    return Finding(kind=Kind.NAME, start=start, end=end, confidence=confidence)
