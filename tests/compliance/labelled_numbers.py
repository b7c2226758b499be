"""Numbers and how people say them, for the labelled lines; written for them alone, from the standards."""

from __future__ import annotations

import random
from collections.abc import Callable

HAN = dict(zip("0123456789", "零一二三四五六七八九", strict=True))
ENGLISH = dict(
    zip("0123456789", ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"], strict=True)
)
REGIONS = ["110108", "310115", "320583", "440305", "510104", "330106", "420111", "610113", "370202", "210202", "652301"]
CARD_STARTS = ["622848", "621700", "621226", "6217", "4", "51", "53", "55", "37"]
MOBILE_STARTS = [
    "130",
    "135",
    "138",
    "139",
    "147",
    "150",
    "157",
    "159",
    "166",
    "177",
    "182",
    "186",
    "188",
    "191",
    "198",
    "199",
]
AREA_CODES = ["010", "021", "020", "0755", "0571", "025", "028", "0512", "0431", "029", "023", "0991"]
COUNTRIES = ["44", "49", "33", "1", "81", "61", "65", "91", "39"]


def _some(rng: random.Random, count: int) -> str:
    return "".join(str(rng.randrange(10)) for _ in range(count))


def resident_number(rng: random.Random) -> str:
    """Eighteen characters by GB 11643."""
    body = (
        rng.choice(REGIONS) + f"{rng.randint(1945, 2009)}{rng.randint(1, 12):02}{rng.randint(1, 28):02}" + _some(rng, 3)
    )
    rest = sum(int(c) * pow(2, 17 - place, 11) for place, c in enumerate(body)) % 11
    check = (12 - rest) % 11
    return body + ("X" if check == 10 else str(check))


def old_resident_number(rng: random.Random) -> str:
    """Fifteen digits, as issued until 1999."""
    return rng.choice(REGIONS) + f"{rng.randint(40, 85)}{rng.randint(1, 12):02}{rng.randint(1, 28):02}" + _some(rng, 3)


def card_number(rng: random.Random) -> str:
    """A bank card with its check digit."""
    start = rng.choice(CARD_STARTS)
    size = 15 if start == "37" else 19 if start.startswith("62") and rng.random() < 0.6 else 16
    body = start + _some(rng, size - 1 - len(start))
    doubled = [int(c) * (2 if (len(body) - place) % 2 else 1) for place, c in enumerate(body)]
    return body + str(-sum(sum(divmod(each, 10)) for each in doubled) % 10)


def mobile(rng: random.Random) -> str:
    """Eleven digits."""
    return rng.choice(MOBILE_STARTS) + _some(rng, 8)


def landline(rng: random.Random) -> tuple[str, str]:
    """Area code and number."""
    area = rng.choice(AREA_CODES)
    return area, str(rng.randint(2, 8)) + _some(rng, 7 if len(area) == 3 else rng.choice((6, 7)))


def american(rng: random.Random) -> tuple[str, str, str]:
    """Area, exchange and line."""
    return f"{rng.randint(201, 989)}", f"{rng.randint(200, 999)}", _some(rng, 4)


def passport(rng: random.Random) -> str:
    """As the People's Republic issues them."""
    if rng.random() < 0.3:
        return "E" + rng.choice("ABCDEFGHJKLM") + _some(rng, 7)
    return rng.choice("EGDSP") + _some(rng, 8)


def grouped(rng: random.Random, digits: str, sizes: list[int]) -> str:
    """With spaces or hyphens between groups."""
    mark, place, parts = rng.choice([" ", "-", " "]), 0, []
    for size in [*sizes, len(digits)]:
        if place < len(digits):
            parts.append(digits[place : place + size])
        place += size
    return mark.join(parts)


def said_in_chinese(rng: random.Random, digits: str) -> str:
    """Digit by digit, 1 as 幺 where numbers are told by telephone, sometimes with pauses."""
    one = rng.choice(["幺", "幺", "一"])
    pause = rng.choice(["", "", "，", "、", " "])
    said = "".join({"1": one, "X": "叉"}.get(c) or HAN[c] for c in digits)
    cuts = [3, 4, 4, 4, 4] if len(digits) == 11 else [4] * 5
    parts, place = [], 0
    for size in cuts:
        parts.append(said[place : place + size])
        place += size
    return pause.join(part for part in parts if part)


def said_in_english(rng: random.Random, digits: str) -> str:
    """Word by word, or with ``double`` and ``oh``; sometimes with commas at groups."""
    zero = rng.choice(["oh", "zero", "zero"])
    word: Callable[[str], str] = lambda c: zero if c == "0" else "X" if c == "X" else ENGLISH[c]  # noqa: E731
    words: list[str] = []
    place, shortens, comma = 0, rng.random() < 0.3, rng.random() < 0.4
    while place < len(digits):
        if shortens and digits[place : place + 2] == digits[place] * 2 and digits[place] != "X":
            words.append(f"double {word(digits[place])}")
            place += 2
        else:
            words.append(word(digits[place]))
            place += 1
        if comma and len(words) in (3, 6, 10) and place < len(digits):
            words[-1] += ","
    return " ".join(words)
