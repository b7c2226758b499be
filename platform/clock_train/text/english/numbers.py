"""Arabic digits read in English."""

from __future__ import annotations

_SMALL = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SCALES = ("", "thousand", "million", "billion", "trillion", "quadrillion")
_ORDINALS = {
    **{"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth"},
    "twelve": "twelfth",
}

MAX_CARDINAL_DIGITS = 18
"""Longer whole numbers are read digit by digit."""


def digits(number: str, *, zero: str = "zero") -> str:
    """Digit by digit; ``zero`` is ``oh`` in telephone numbers and years."""
    return " ".join(zero if digit == "0" else _SMALL[int(digit)] for digit in number)


def cardinal(number: str) -> str:
    """A whole number as a quantity: ``1250`` as one thousand two hundred fifty."""
    number = number.lstrip("0") or "0"
    if len(number) > MAX_CARDINAL_DIGITS:
        return digits(number)
    if number == "0":
        return _SMALL[0]
    padded = number.zfill(-(-len(number) // 3) * 3)
    groups = [int(padded[start : start + 3]) for start in range(0, len(padded), 3)]
    spoken = []
    for rank, group in zip(range(len(groups) - 1, -1, -1), groups, strict=True):
        if group:
            spoken.extend([_below_thousand(group), _SCALES[rank]])
    return " ".join(part for part in spoken if part)


def decimal(number: str) -> str:
    """``3.14`` as three point one four; a whole number as a quantity."""
    whole, _, fraction = number.partition(".")
    return cardinal(whole or "0") + (f" point {digits(fraction)}" if fraction else "")


def ordinal(number: str) -> str:
    """``21`` as twenty first."""
    head, _, last = cardinal(number).rpartition(" ")
    regular = last[:-1] + "ieth" if last.endswith("y") else last + "th"
    return f"{head} {_ORDINALS.get(last, regular)}".strip()


def year(number: str) -> str:
    """``1999`` as nineteen ninety nine, ``2005`` as two thousand five, ``1905`` as nineteen oh five."""
    value = int(number)
    if not 1000 <= value <= 2999 or value % 1000 < 10:
        return cardinal(number)
    century, rest = divmod(value, 100)
    if rest == 0:
        return f"{cardinal(str(century))} hundred"
    return f"{cardinal(str(century))} {'oh ' if rest < 10 else ''}{cardinal(str(rest))}"


def plural(word: str) -> str:
    """``ninety`` as nineties, ``six`` as sixes."""
    if word.endswith("y"):
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("x", "s")) else "s")


def _below_thousand(value: int) -> str:
    hundreds, rest = divmod(value, 100)
    parts = [f"{_SMALL[hundreds]} hundred"] if hundreds else []
    if rest >= 20:
        parts.append(_TENS[rest // 10] + (f" {_SMALL[rest % 10]}" if rest % 10 else ""))
    elif rest:
        parts.append(_SMALL[rest])
    return " ".join(parts)
