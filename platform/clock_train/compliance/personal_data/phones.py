"""Telephone numbers among the digits of a text: Chinese mobiles and landlines, American, British, and with a country.

A number without a form of its own (seven or eight digits, ten in a row) counts only near a word that says what it is,
or in groups as such numbers are written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from clock_train.compliance.personal_data.cues import has_cue
from clock_train.compliance.personal_data.digits import Run
from clock_train.compliance.personal_data.kinds import Finding, Kind

_MOBILE = re.compile(r"(?:0?0?86)?1[3-9]\d{9}")
_LANDLINE = re.compile(r"(?:86)?0?(?:10|2[0-57-9]|[3-9]\d{2})[2-8]\d{6,7}(?:\d{1,4})?")
_AREA = re.compile(r"(?:0?0?86)?0(?:10|2[0-57-9]|[3-9]\d{2})[2-8]\d{6,7}")
_SERVICE = re.compile(r"[48]00\d{7}")
_AMERICAN = re.compile(r"1?[2-9]\d{2}[2-9]\d{6}")
_AMERICAN_GROUPS = {(3, 3, 4), (1, 3, 3, 4), (3, 7), (3, 4), (1, 10)}
_BRITISH = re.compile(r"0(?:1\d{8,9}|2\d{9}|3\d{9}|7\d{9}|8\d{8,9})")
_PLUS = re.compile(r"(?:\+|＋|\bplus\b|加号?)[\s(（]{0,2}$", re.IGNORECASE)
_OPENING = re.compile(r"[(（]$")
FEWEST, MOST = 7, 15
"""Digits, of E.164 and of a local number."""


def find_phones(text: str, run: Run) -> Iterator[Finding]:
    """Findings of one run of digits; they may overlap."""
    digits = run.digits
    if not FEWEST <= len(digits) <= MOST + 5:
        return
    start = run.start
    if re.search(r"[A-Za-z]$", text[max(0, start - 1) : start]):
        return  # a number of an order or a part
    if opening := _OPENING.search(text, max(0, start - 1), start):
        start = opening.start()
    if plus := _PLUS.search(text, max(0, start - 7), start):
        if FEWEST < len(digits) <= MOST and digits[0] != "0":
            yield _found(plus.start(), run.end, 0.96)
        return
    confidence = _confidence(text, run)
    if confidence:
        yield _found(start, run.end, confidence)
    elif len(digits) > 11:
        yield from _inside(run)


def _confidence(text: str, run: Run) -> float:
    digits, groups = run.digits, run.groups()
    is_said = has_cue(text, Kind.PHONE, run.start, run.end)
    if _MOBILE.fullmatch(digits):
        return 0.97
    if _AREA.fullmatch(digits):
        return 0.93 if is_said or len(groups) > 1 or run.is_spoken else 0.85
    if digits.startswith("00") and 10 <= len(digits) <= MOST:
        return 0.9
    if _SERVICE.fullmatch(digits):
        return 0.9
    if _BRITISH.fullmatch(digits):
        return 0.9 if is_said or len(groups) > 1 else 0.7
    if _AMERICAN.fullmatch(digits):
        if is_said or groups in _AMERICAN_GROUPS or run.is_spoken:
            return 0.92
        return 0.6
    if not is_said:
        return 0.65 if groups == (3, 4) and len(digits) == 7 and not run.is_spoken else 0.0
    if _LANDLINE.fullmatch(digits) and len(digits) >= 10:
        return 0.85
    return 0.8 if len(digits) <= 12 else 0.0


def _inside(run: Run) -> Iterator[Finding]:
    """A mobile among other digits, such as an extension behind it, where a group begins."""
    for first, atom in enumerate(run.atoms):
        if first and run.atoms[first - 1].end == atom.start:
            continue
        digits = ""
        for last in run.atoms[first:]:
            digits += last.digits
            if len(digits) >= 11:
                if _MOBILE.fullmatch(digits):
                    yield _found(atom.start, last.end, 0.85)
                break


def _found(start: int, end: int, confidence: float) -> Finding:
    return Finding(kind=Kind.PHONE, start=start, end=end, confidence=confidence)
