"""``say-as`` of SSML: what is written, as the words of Mandarin or English that say it as that kind of thing.

The front-end's own rules read dates, times and money once it is known that they are some; here that is known.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from clock_train.text import native
from clock_train.text.cleaning import clean
from clock_train.text.english import numbers as english
from clock_train.text.english.normalize import MONTHS
from clock_train.text.english.units import CURRENCIES as ENGLISH_CURRENCIES
from clock_train.text.english.words import LETTERS
from clock_train.text.mandarin import numbers as mandarin
from clock_train.text.mandarin.units import CURRENCIES as MANDARIN_CURRENCIES

_SIGNS = {
    ".": ("dot", "点"), "-": ("dash", "杠"), "_": ("underscore", "下划线"), "/": ("slash", "斜杠"),
    "\\": ("backslash", "反斜杠"), ":": ("colon", "冒号"), ",": ("comma", "逗号"), "'": ("apostrophe", "撇号"),
    "@": ("at", "at"), "#": ("hash", "井号"), "+": ("plus", "加"), "*": ("star", "星号"), "&": ("and", "和"),
    "?": ("question mark", "问号"),
    "!": ("exclamation mark", "叹号"), "=": ("equals", "等于"), "%": ("percent", "百分号"),
}  # fmt: skip
_NUMBER = re.compile(r"(?P<sign>[+-]?)(?P<whole>\d{1,3}(?:,\d{3})+|\d+)(?P<rest>\.\d+)?")
_TIME = re.compile(r"(?P<hour>\d{1,2})(?::(?P<minute>\d\d)(?P<second>:\d\d)?)?\s*(?P<half>[ap]\.?m\.?)?", re.IGNORECASE)
_MONEY = re.compile(r"(?P<minus>-?)(?P<before>[^\d\s.,-]*)\s*(?P<amount>\d[\d,]*(?:\.\d+)?)\s*(?P<after>[^\d\s.,-]*)")
_CODES = {
    "USD": "$", "US$": "$", "EUR": "€", "GBP": "£", "CNY": "¥", "RMB": "¥", "￥": "¥", "HKD": "HK$", "KRW": "₩",
    "INR": "₹", "RUB": "₽", "元": "¥",
}  # fmt: skip
_WITHOUT_SIGN = {"JPY": ("yen", "日元"), "TWD": ("New Taiwan dollars", "新台币"), "CHF": ("Swiss francs", "瑞士法郎")}
_DATE_ORDERS = ("ymd", "mdy", "dmy", "ydm", "ym", "my", "md", "dm", "y", "m", "d")


class NotSaidAs(ValueError):
    """What is written is no such thing; the message says what would be."""


def said_as(written: str, kind: str, form: str, language: str) -> str:
    """The words, or overrides such as ``<A|EY1>``.

    Args:
        written: the content of the element.
        kind: one of ``KINDS``.
        form: its attribute ``format``, such as ``dmy``.
        language: ``zh`` or ``en``.
    Raises:
        NotSaidAs: it is no such thing.
    """
    return KINDS[kind](clean(written), form, language == "zh")


def _characters(text: str, form: str, is_mandarin: bool) -> str:
    return " ".join(_character(char, is_mandarin) for char in text if char != " " or not form)


def _character(char: str, is_mandarin: bool) -> str:
    letter = unicodedata.normalize("NFD", char)[0].lower()
    if letter in LETTERS:
        return f"<{letter.upper()}|{LETTERS[letter]}>"
    if char.isdecimal():
        return mandarin.digits(char) if is_mandarin else english.digits(char)
    if char == " ":
        return ","
    return _SIGNS[char][is_mandarin] if char in _SIGNS else " " if char in "<>|" else char


def _digits(text: str, form: str, is_mandarin: bool) -> str:
    groups = re.findall(r"\d+", text)
    if not groups or re.search(r"[^\d\s.,:()+-]", text):
        raise NotSaidAs("write digits")
    return ", ".join(mandarin.digits(group) if is_mandarin else english.digits(group) for group in groups)


def _cardinal(text: str, form: str, is_mandarin: bool) -> str:
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise NotSaidAs("write a number, such as 1,250 or -3.5")
    number = match["whole"].replace(",", "") + (match["rest"] or "")
    if is_mandarin:
        return ("负" if match["sign"] == "-" else "") + mandarin.decimal(number)
    return ("minus " if match["sign"] == "-" else "") + english.decimal(number)


def _ordinal(text: str, form: str, is_mandarin: bool) -> str:
    match = re.fullmatch(r"第?(\d{1,16})(?:st|nd|rd|th)?", text)
    if match is None:
        raise NotSaidAs("write a whole number, such as 3")
    return f"第{mandarin.cardinal(match[1])}" if is_mandarin else english.ordinal(match[1])


def _date(text: str, form: str, is_mandarin: bool) -> str:
    if re.search(r"[^\d\s./年月日号-]", text):  # with the name of a month
        return native.normalize(text, "en" if re.search(r"[A-Za-z]{3}", text) else "zh" if is_mandarin else "en")
    parts = re.findall(r"\d+", text)
    order = form.lower() or _date_order(parts)
    if len(parts) == 1 and len(parts[0]) == 8 and order in ("ymd", "mdy", "dmy"):
        widths = [4 if letter == "y" else 2 for letter in order]
        parts = [parts[0][sum(widths[:at]) : sum(widths[: at + 1])] for at in range(3)]
    if order not in _DATE_ORDERS or len(parts) != len(order):
        raise NotSaidAs("write a date, such as 2026-11-23, and its order as the format, such as dmy")
    found = dict(zip(order, parts, strict=True))
    year, month, day = (found.get(letter, "") for letter in "ymd")
    if len(year) == 2 and len(found) > 1 and not is_mandarin:
        year = ("20" if int(year) < 70 else "19") + year
    if (month and not 1 <= int(month) <= 12) or (day and not 1 <= int(day) <= 31) or len(year) > 4:
        raise NotSaidAs(f"there is no such day in the order {order}; say which it is by the format, such as dmy")
    if is_mandarin:
        named = ((year, mandarin.digits, "年"), (month, mandarin.cardinal, "月"), (day, mandarin.cardinal, "日"))
        return "".join(read(number) + unit for number, read, unit in named if number)
    spoken = " ".join(part for part in (month and MONTHS[int(month) - 1], day and english.ordinal(day)) if part)
    return f"{spoken}{', ' if day and year else ' '}{english.year(year)}".strip() if year else spoken


def _date_order(parts: list[str]) -> str:
    if len(parts) == 3:
        return "ymd" if len(parts[0]) == 4 else "mdy"
    if len(parts) == 2:
        return "ym" if len(parts[0]) == 4 else "my" if len(parts[1]) == 4 else "md"
    return "ymd" if len(parts[0] if parts else "") == 8 else "y"


def _time(text: str, form: str, is_mandarin: bool) -> str:
    match = _TIME.fullmatch(text)
    if match is None or not (match["minute"] or match["half"]):
        raise NotSaidAs("write a time, such as 14:30 or 2:30 pm")
    minute, second, half = match["minute"] or "00", match["second"] or "", match["half"]
    if int(match["hour"]) > (12 if half else 24) or int(minute) > 59 or int(second[1:] or 0) > 59:
        raise NotSaidAs("there is no such time of a day")
    half = f" {half[0].lower()}m" if half else ""
    return native.normalize(f"{match['hour']}:{minute}{second}{half}", "zh" if is_mandarin else "en")


def _telephone(text: str, form: str, is_mandarin: bool) -> str:
    parts = re.findall(r"\d+|[A-Za-z]+|\+", text)
    if not any(part.isdigit() for part in parts) or re.search(r"[^\dA-Za-z\s.,()+/#*-]", text):
        raise NotSaidAs("write a telephone number, such as +86 10-5555-1234")
    spoken = [_telephone_part(part, is_mandarin) for part in parts]
    return ", ".join(spoken).replace("plus,", "plus").replace("加,", "加")


def _telephone_part(part: str, is_mandarin: bool) -> str:
    if part == "+":
        return "加" if is_mandarin else "plus"
    if part.isdigit():
        return mandarin.digits(part, one="幺") if is_mandarin else english.digits(part, zero="oh")
    return _characters(part, "", is_mandarin)


def _currency(text: str, form: str, is_mandarin: bool) -> str:
    match = _MONEY.fullmatch(text)
    name = (match["before"] or match["after"]) if match is not None else ""
    if match is None or not name or (match["before"] and match["after"]):
        raise NotSaidAs("write an amount of money, such as $3.50 or EUR 20")
    amount, code = match["amount"].replace(",", ""), name.upper()
    minus = ("负" if is_mandarin else "minus ") if match["minus"] else ""
    if code in _WITHOUT_SIGN:
        amount = mandarin.counted(amount) if is_mandarin else english.decimal(amount) + " "
        return minus + amount + _WITHOUT_SIGN[code][is_mandarin]
    sign = _CODES.get(code, code)
    if sign not in (MANDARIN_CURRENCIES if is_mandarin else ENGLISH_CURRENCIES):
        raise NotSaidAs(f'"{name}" is no currency that is known here; write a sign or a code such as USD')
    return minus + native.normalize(sign + amount, "zh" if is_mandarin else "en")


KINDS: dict[str, Callable[[str, str, bool], str]] = {
    "characters": _characters,
    "spell-out": _characters,
    "digits": _digits,
    "cardinal": _cardinal,
    "number": _cardinal,
    "ordinal": _ordinal,
    "date": _date,
    "time": _time,
    "telephone": _telephone,
    "currency": _currency,
}
"""By the value of ``interpret-as``; ``spell-out`` and ``number`` are what others call two of them."""
