"""Identity cards, passports and bank cards among the digits of a text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from clock_train.compliance.personal_data.checksums import is_bank_card, is_identity_card, looks_like_identity_card
from clock_train.compliance.personal_data.cues import has_cue
from clock_train.compliance.personal_data.digits import Run
from clock_train.compliance.personal_data.kinds import Finding, Kind

_CHECK_X = re.compile(r"[\s,，、\-]{0,3}(?:[XxＸｘ](?![A-Za-z])|ex\b|埃克斯|艾克斯|叉)", re.IGNORECASE)
_LETTERS_BEFORE = re.compile(r"(?<![A-Za-z])([A-Za-z](?:[\s\-]?[A-Za-z])?)[\s,，、\-]{0,3}$")
_CHINESE_PASSPORT = re.compile(r"(?:[DEGHKMPS]\d{8}|E[A-HJ-NP-Z]\d{7})")
_SOCIAL_SECURITY = (3, 2, 4)
LEAST_DIGITS = 6


def find_identity_numbers(text: str, run: Run) -> Iterator[Finding]:
    """Findings of one run of digits; they may overlap."""
    if len(run.digits) < LEAST_DIGITS:
        return
    yield from _passport(text, run)
    yield from _identity_card(text, run)
    yield from _bank_card(text, run)


def _identity_card(text: str, run: Run) -> Iterator[Finding]:
    digits = run.digits
    if check := _CHECK_X.match(text, run.end):
        for start, _ in _windows(run, 17, at_end=True):
            number = digits[-17:] + "X"
            if is_identity_card(number):
                yield _found(Kind.ID_CARD, start, check.end(), 0.99)
    for (start, end), number in _parts(run, 18):
        if is_identity_card(number):
            yield _found(Kind.ID_CARD, start, end, 0.99)
        elif len(digits) == 18 and looks_like_identity_card(number) and has_cue(text, Kind.ID_CARD, start, end):
            yield _found(Kind.ID_CARD, start, end, 0.7)  # misheard by one digit
    if len(digits) == 15 and looks_like_identity_card(digits):
        is_said = has_cue(text, Kind.ID_CARD, run.start, run.end)
        yield _found(Kind.ID_CARD, run.start, run.end, 0.97 if is_said else 0.8)
    if len(digits) == 9 and digits[:3] not in ("000", "666") and digits[0] != "9":
        is_form = run.groups() == _SOCIAL_SECURITY
        if is_form or has_cue(text, Kind.ID_CARD, run.start, run.end):
            yield _found(Kind.ID_CARD, run.start, run.end, 0.9 if is_form else 0.8)


def _bank_card(text: str, run: Run) -> Iterator[Finding]:
    digits = run.digits
    if text[max(0, run.start - 1) : run.start] in "+＋" and run.start:
        return  # a telephone number with its country
    is_said = has_cue(text, Kind.BANK_CARD, run.start, run.end)
    if 13 <= len(digits) <= 19:
        if is_bank_card(digits):
            yield _found(Kind.BANK_CARD, run.start, run.end, 0.97)
        elif len(digits) >= 15 and is_said:
            yield _found(Kind.BANK_CARD, run.start, run.end, 0.75)  # an account, or misheard
        return
    for size in (19, 16) if len(digits) > 19 else ():
        for (start, end), number in _parts(run, size):
            if is_bank_card(number):
                yield _found(Kind.BANK_CARD, start, end, 0.85)


def _passport(text: str, run: Run) -> Iterator[Finding]:
    digits = run.digits
    if not 6 <= len(digits) <= 9:
        return
    before = _LETTERS_BEFORE.search(text, max(0, run.start - 6), run.start)
    letters = re.sub(r"[^A-Za-z]", "", before[1]).upper() if before else ""
    start = before.start(1) if before else run.start
    is_said = has_cue(text, Kind.PASSPORT, start, run.end)
    if letters and _CHINESE_PASSPORT.fullmatch(letters + digits):
        yield _found(Kind.PASSPORT, start, run.end, 0.98 if is_said else 0.85)
    elif is_said and (letters or len(digits) >= 8):
        yield _found(Kind.PASSPORT, start, run.end, 0.95)


def _windows(run: Run, size: int, *, at_end: bool = False) -> Iterator[tuple[int, int]]:
    """Where ``size`` digits that begin and end with an atom stand."""
    for (start, end), _ in _parts(run, size):
        if not at_end or end == run.end:
            yield start, end


def _parts(run: Run, size: int) -> Iterator[tuple[tuple[int, int], str]]:
    """Stretches of ``size`` digits of a run that is at most twice as long, and the digits."""
    if len(run.digits) > 4 * size:
        return
    for first in range(len(run.atoms)):
        digits = ""
        for atom in run.atoms[first:]:
            digits += atom.digits
            if len(digits) >= size:
                if len(digits) == size:
                    yield (run.atoms[first].start, atom.end), digits
                break


def _found(kind: Kind, start: int, end: int, confidence: float) -> Finding:
    return Finding(kind=kind, start=start, end=end, confidence=confidence)
