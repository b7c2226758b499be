"""Numbers, dates, times, money, units, signs and abbreviations of an English text written out in words.

Rules run from the most specific form to bare digits, as in the Mandarin half. American reading: month before day, no
"and" inside numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from clock_train.text.english.abbreviations import ABBREVIATIONS
from clock_train.text.english.numbers import cardinal, decimal, digits, ordinal, plural, year
from clock_train.text.english.units import CURRENCIES, SIGNS, UNITS

MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_MONTH_ABBREVIATIONS = {month[:3]: month for month in MONTHS if month != "May"} | {"Sept": "September"}

_SCALES = {"k": "thousand", "K": "thousand", "M": "million", "B": "billion", "bn": "billion"}
_ROMAN = {"II": 2, "III": 3, "IV": 4, "VI": 6, "VII": 7, "VIII": 8, "IX": 9, "XI": 11, "XII": 12, "XIII": 13, "XIV": 14}
_KINGS = (
    "King|Queen|Pope|Emperor|Henry|Louis|Charles|Elizabeth|George|Edward|William|James|Paul|Richard|Catherine|Philip"
)
_SINGULAR_FRACTIONS = {"2": "half", "4": "quarter"}


def normalize(text: str) -> str:
    """The text as it is spoken: words, apostrophes and punctuation only.

    Args:
        text: cleaned text (``cleaning.clean``).
    """
    for pattern, speak in _RULES:
        text = pattern.sub(speak, text)
    return re.sub(r" +", " ", text).strip()


def _amount(number: str, one: str, many: str) -> str:
    return f"{decimal(number)} {one if number == '1' else many}"


def _money(match: re.Match[str]) -> str:
    one, many, cent, cents = CURRENCIES[match["sign"]]
    whole, _, fraction = match["amount"].partition(".")
    if match["scale"]:
        return f"{decimal(match['amount'])} {_SCALES.get(match['scale'], match['scale'])} {many}"
    if len(fraction) == 2 and cent:
        parts = [_amount(whole, one, many)] if int(whole) else []
        if int(fraction):
            parts.append(_amount(str(int(fraction)), cent, cents))
        return " and ".join(parts) if parts else f"zero {many}"
    return _amount(match["amount"], one, many)


def _clock(match: re.Match[str]) -> str:
    hour, minute = cardinal(match["hour"]), match["minute"]
    half = (match["half"] or "").lower().replace(".", "")
    if minute and int(minute):
        spoken = f"{hour} {'oh ' if int(minute) < 10 else ''}{cardinal(minute)}"
    else:
        spoken = hour if half else f"{hour} o'clock" if 0 < int(match["hour"]) <= 12 else f"{hour} hundred"
    if match["second"]:
        spoken += f" and {_amount(str(int(match['second'])), 'second', 'seconds')}"
    # the full stop of "p.m." ends the sentence too where nothing or a capital follows
    ends = (match["half"] or "").endswith(".") and re.match(r"\s*($|[A-Z])", match.string[match.end() :])
    return spoken + (f" {half[0].upper()} M{'.' if ends else ''}" if half else "")


def _iso_date(match: re.Match[str]) -> str:
    return f"{MONTHS[int(match['month']) - 1]} {ordinal(match['day'])}, {year(match['year'])}"


def _month_day(match: re.Match[str]) -> str:
    month = _full_month(match["month"])
    spoken = f"{month} {ordinal(match['day'])}"
    return spoken + (f", {year(match['year'])}" if match["year"] else "")


def _day_month(match: re.Match[str]) -> str:
    spoken = f"{'' if match['the'] else 'the '}{ordinal(match['day'])} of {_full_month(match['month'])}"
    return (match["the"] or "") + spoken + (f" {year(match['year'])}" if match["year"] else "")


def _full_month(name: str) -> str:
    return _MONTH_ABBREVIATIONS.get(name.rstrip("."), name.rstrip("."))


def _fraction(match: re.Match[str]) -> str:
    whole, low, high = match["whole"], match["low"], match["high"]
    if int(high) == 0:
        return f"{whole or ''} {cardinal(low)} over zero"
    one = _SINGULAR_FRACTIONS.get(high, ordinal(high))
    if int(low) == 1:
        part = f"{'a' if whole else 'one'} {one}"
    else:
        part = f"{cardinal(low)} {'halves' if high == '2' else one + 's'}"
    return f"{cardinal(whole)} and {part}" if whole else part


def _telephone(match: re.Match[str]) -> str:
    return ", ".join(digits(part, zero="oh") for part in re.findall(r"\d+", match[0]))


def _decade(match: re.Match[str]) -> str:
    number = match["number"]
    spoken = year(number) if len(number) == 4 else cardinal(number)
    head, _, last = spoken.rpartition(" ")
    return f"{head} {plural(last)}".strip()


def _bare(match: re.Match[str]) -> str:
    number = match["number"]
    sign = "minus " if match["minus"] else ""
    whole = number.partition(".")[0]
    if (len(whole) > 1 and whole.startswith("0")) or len(whole) > 12:
        return sign + digits(whole) + (f" point {digits(number.partition('.')[2])}" if "." in number else "")
    return sign + decimal(number)


def _year_or_quantity(match: re.Match[str]) -> str:
    return year(match["year"])


def _mixed_id(match: re.Match[str]) -> str:
    """``B2B``, ``A4``, ``MP3``: letters and digits apart; the letters go on as a word of their own."""
    parts = re.findall(r"[A-Za-z]+|\d+", match[0])
    return " ".join(digits(part) if part.isdigit() and len(part) > 2 else part for part in parts)


def _abbreviation(match: re.Match[str]) -> str:
    """A closing "etc." ends the sentence as well; a title never does."""
    after = match.string[match.end() :]
    closes = match[0] in ("etc.", "Inc.", "Ltd.", "Co.", "Corp.") and re.match(r"\s*[A-Z]", after)
    ends = match[0].endswith(".") and (closes or not after.strip())
    return ABBREVIATIONS[match[0]] + ("." if ends else "")


def _initials(match: re.Match[str]) -> str:
    """``U.S.`` as US, whose capitals are spelled; its last full stop ends a sentence only before a capital or the
    end."""
    ends = re.match(r"\s*$|\s+[A-Z][a-z]+ [a-z]", match.string[match.end() :])
    letters = match[0].replace(".", "").upper()
    return (letters if len(letters) < 4 else " ".join(letters)) + ("." if ends else "")


def _king(match: re.Match[str]) -> str:
    number = {**_ROMAN, "I": 1, "V": 5, "X": 10}.get(match["roman"])
    return f"{match['king']} the {ordinal(str(number))}" if number else match[0]


def _roman(match: re.Match[str]) -> str:
    number = _ROMAN.get(match["roman"])
    return cardinal(str(number)) if number else match[0]


def _version(match: re.Match[str]) -> str:
    return " point ".join(cardinal(part) for part in match[0].split("."))


# only from a first digit on: trying each digit of a long run would take quadratic time
_NUMBER = r"(?<!\d)\d+(?:\.\d+)?"
_BEFORE = r"(?<![\d.\w])"
_MINUS = r"(?P<minus>(?<![\d\w)])-)?"
_MONTH = "(?P<month>" + "|".join([*MONTHS, *(f"{short}\\.?" for short in _MONTH_ABBREVIATIONS)]) + ")"
_UNIT_NAMES = "|".join(sorted(map(re.escape, UNITS), key=len, reverse=True))
_CURRENCY_NAMES = "|".join(sorted(map(re.escape, CURRENCIES), key=len, reverse=True))
_HALF = r"(?P<half>[aApP]\.?[mM]\b\.?)"
_ABBREVIATION = "|".join(sorted(map(re.escape, ABBREVIATIONS), key=len, reverse=True))
_DAY = r"(?P<day>3[01]|[12]\d|0?[1-9])"

_Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]
_RULES: tuple[_Rule, ...] = (
    # brackets of markup are silent; only between numbers are they comparisons
    (re.compile(r"(?<!\d)(?<!\d )[<>](?!=?\s?-?\d)|->|=>"), lambda _: " "),
    (re.compile(r"[<>]="), lambda match: "≤" if match[0] == "<=" else "≥"),
    (re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?!\d)"), lambda match: match[0].replace(",", "")),
    (
        re.compile(r"(?i)\b(?:https?://)?(?:www\.)[\w.-]+|\b[\w.+-]+@[\w-]+\.[\w.]+\b|\bhttps?://\S+"),
        lambda match: _address(match[0]),
    ),
    (re.compile(r"\b(24/7|50/50)\b"), lambda match: " ".join(cardinal(part) for part in match[1].split("/"))),
    (re.compile(r"\bC#(?!\w)"), lambda _: "C sharp"),
    (re.compile(r"(?<=[a-z] )St\.(?=\s*([a-z,;]|$))"), lambda match: "Street" if match[1] else "Street."),
    (re.compile(r"(?<=[A-Za-z])\.(?=[a-z]{2,})"), lambda _: " dot "),
    (re.compile(r"~\s?(?=\d)"), lambda _: "about "),
    (re.compile(r"(?<=[ap]m|\d\d)\s?[-–]\s?(?=\d{1,2}(?::\d\d)?\s?[ap]m\b)"), lambda _: " to "),
    (re.compile(_BEFORE + r"(?P<year>\d{4})[-/](?P<month>0?[1-9]|1[0-2])[-/]" + _DAY + r"(?!\d)"), _iso_date),
    (re.compile(_BEFORE + r"(?P<month>0?[1-9]|1[0-2])/" + _DAY + r"/(?P<year>\d{4})(?!\d)"), _iso_date),
    (re.compile(rf"\b{_MONTH} {_DAY}(?:st|nd|rd|th)?(?:,? (?P<year>[12]\d{{3}}))?(?![\d:])"), _month_day),
    (
        re.compile(
            rf"(?P<the>\b[Tt]he )?{_BEFORE}{_DAY}(?:st|nd|rd|th)?(?: of)? {_MONTH}\b(?:,? (?P<year>[12]\d{{3}}))?(?!\d)"
        ),
        _day_month,
    ),
    (
        re.compile(rf"\b{_MONTH},? (?P<year>[12]\d{{3}})(?!\d)"),
        lambda match: f"{_full_month(match['month'])} {year(match['year'])}",
    ),
    (
        re.compile(
            _BEFORE
            + r"(?P<hour>[01]?\d|2[0-4]):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?(?:\s*"
            + _HALF
            + r")?(?![\d:])"
        ),
        _clock,
    ),
    (re.compile(_BEFORE + r"(?P<hour>1[0-2]|[1-9])(?P<minute>)(?P<second>)\s*" + _HALF), _clock),
    (
        re.compile(
            rf"(?P<sign>{_CURRENCY_NAMES})\s?(?P<amount>{_NUMBER})"
            r"(?:\s?(?P<scale>thousand|million|billion|trillion|[kKMB]|bn)\b)?"
        ),
        _money,
    ),
    (re.compile(rf"(?P<amount>{_NUMBER})(?P<scale>)\s?(?P<sign>[€£])"), _money),
    (
        re.compile(
            r"(?:(?:\+|\b)1[- ])?\(?\b\d{3}\)?[- .]\d{3}[- .]\d{4}\b|\b\d{3}-\d{4}\b|\+\d{1,3}(?:[- ]\d{2,4}){2,4}\b"
        ),
        _telephone,
    ),
    (re.compile(r"(?<![\d/.])(?:(?P<whole>\d+) )?(?P<low>\d{1,3})/(?P<high>\d{1,3})(?![\d/])"), _fraction),
    (re.compile(r"\b(?P<number>\d+)(?:st|nd|rd|th)\b"), lambda match: ordinal(match["number"])),
    (re.compile(r"(?<!\d)'?(?P<number>[12]\d{2}0|\d0)'?s\b"), _decade),
    (
        re.compile(rf"(?<![\d.\w-])({_NUMBER})\s?[-–~]\s?(?={_NUMBER}\s?(?:%|(?:{_UNIT_NAMES})(?!\w)))"),
        lambda match: f"{match[1]} to ",
    ),
    (re.compile(rf"\b({_NUMBER})(M|B|bn)\b"), lambda match: f"{decimal(match[1])} {_SCALES[match[2]]}"),
    (
        re.compile(rf"{_MINUS}(?P<number>{_NUMBER})\s?%"),
        lambda m: f"{'minus ' if m['minus'] else ''}{decimal(m['number'])} percent",
    ),
    (
        re.compile(rf"{_MINUS}(?P<number>{_NUMBER})\s?(?P<unit>{_UNIT_NAMES})(?![\w²³])"),
        lambda m: ("minus " if m["minus"] else "") + _amount(m["number"], *UNITS[m["unit"]]),
    ),
    (re.compile(r"#(?=\d)"), lambda _: "number "),
    (re.compile(rf"\b(?P<king>{_KINGS}) (?P<roman>[IVX]{{1,5}})\b"), _king),
    (re.compile(r"(?<=[a-z] )(?P<roman>[IVX]{2,5})\b"), _roman),
    (re.compile(r"(?<![\w.])\d+(?:\.\d+){2,}(?![\w])"), _version),
    (
        re.compile(rf"(?<![\d.\w-])(?P<low>{_NUMBER})\s?[-–~]\s?(?P<high>{_NUMBER})(?![\d\w-]|\.\d)"),
        lambda m: f"{_year_like(m['low'])} to {_year_like(m['high'])}",
    ),
    (re.compile(r"(?<![\w.])(?!e\.g\.|i\.e\.)(?:[A-Za-z]\.){2,}"), _initials),
    (
        re.compile(r"(?<![\d.\w])(\d+)'\s?(\d+)\""),
        lambda match: f"{cardinal(match[1])} feet {cardinal(match[2])} inches",
    ),
    (re.compile(r"(?<![\w.])(?:[A-Za-z]+-?\d|\d+[A-Za-z])[A-Za-z\d]*\b"), _mixed_id),
    (re.compile(rf"(?<![\w.])(?:{_ABBREVIATION})(?!\w)"), _abbreviation),
    (re.compile(r"(?<![\d.,\w-])(?P<year>1[1-9]\d{2}|20\d{2})(?![\d,\w-]|\.\d)"), _year_or_quantity),
    (re.compile(r"(?<![\d:])(\d+):(\d+)(?![\d:])"), lambda match: f"{cardinal(match[1])} to {cardinal(match[2])}"),
    (re.compile(rf"{_MINUS}(?P<number>{_NUMBER})"), _bare),
    (re.compile("[" + "".join(map(re.escape, SIGNS)) + "]"), lambda match: f" {SIGNS[match[0]]} "),
)


def _year_like(number: str) -> str:
    return year(number) if len(number) == 4 and number[0] in "12" else decimal(number)


def _address(text: str) -> str:
    text = re.sub(r"(?i)^https?://", "", text).rstrip("/.")
    names = {".": " dot ", "@": " at ", "/": " slash ", "-": " dash ", "_": " underscore ", ":": " colon "}
    return "".join(names.get(char, char) for char in text)
