"""Arabic digits read in Mandarin."""

from __future__ import annotations

DIGITS = "零一二三四五六七八九"
_UNITS = ("", "十", "百", "千")
_GROUPS = ("", "万", "亿", "万亿")

MAX_CARDINAL_DIGITS = 16
"""Longer whole numbers are read digit by digit: nobody says them as a quantity."""


def digits(number: str, *, one: str = "一") -> str:
    """Digit by digit: ``2026`` as 二零二六. ``one`` is 幺 in telephone and room numbers."""
    return "".join(one if digit == "1" else DIGITS[int(digit)] for digit in number)


def cardinal(number: str) -> str:
    """A whole number as a quantity: ``10086`` as 一万零八十六."""
    number = number.lstrip("0") or "0"
    if number == "0":
        return DIGITS[0]
    if len(number) > MAX_CARDINAL_DIGITS:
        return digits(number)
    padded = number.zfill(-(-len(number) // 4) * 4)
    groups = [padded[start : start + 4] for start in range(0, len(padded), 4)]
    spoken = ""
    was_skipped = False
    for index, group in enumerate(groups):
        rank = len(groups) - 1 - index
        if int(group) == 0:
            was_skipped = bool(spoken)
            # 万亿 shares its 亿 with the group below it
            continue
        if spoken and (was_skipped or group[0] == "0"):
            spoken += DIGITS[0]
        spoken += _four_digits(group) + _GROUPS[rank]
        was_skipped = False
    if len(groups) == 4 and int(groups[1]):
        spoken = spoken.replace("万亿", "万", 1)
    if spoken.startswith(("二千", "二万", "二亿")):
        return "两" + spoken[1:]
    return spoken.removeprefix("一") if spoken.startswith("一十") else spoken


def decimal(number: str) -> str:
    """``3.14`` as 三点一四; a whole number as a quantity."""
    whole, _, fraction = number.partition(".")
    return cardinal(whole or "0") + ("点" + digits(fraction) if fraction else "")


def counted(number: str) -> str:
    """A number in front of a measure word: 2 is 两, and so are leading 2s of 千, 万 and 亿 in speech only when
    alone."""
    return "两" if number.lstrip("0") == "2" else decimal(number)


def _four_digits(group: str) -> str:
    spoken = ""
    for index, digit in enumerate(group):
        if digit == "0":
            if spoken and int(group[index:]) and not spoken.endswith(DIGITS[0]):
                spoken += DIGITS[0]
            continue
        spoken += DIGITS[int(digit)] + _UNITS[3 - index]
    return spoken
