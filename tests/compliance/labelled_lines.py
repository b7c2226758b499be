"""Lines that say where personal data stands in them, made by a seed; they judge the detectors of ``compliance``.

Two sets. ``development`` has templates and words of its own, and the detectors were written against it. ``labelled``
has other templates, and its names, towns and kinds of streets are samples of Faker's lists (``labelled/words.json``);
it only measures. Nothing here is imported by the detectors, nor anything of theirs here.
"""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import labelled_numbers as numbers
from labelled_templates import TEMPLATES

WORDS = Path(__file__).parent / "labelled"
SEEDS = {"development": 11, "labelled": 2026}
_SLOT = re.compile(r"\{(\w+)\}")
KINDS = {
    **{slot: slot for slot in ("name", "mobile", "landline", "passport", "address", "mail")},
    **{"surname": "name", "firstname": "name", "foreign": "landline", "id": "id-card", "card": "bank-card"},
}
"""Slot of a template → kind."""
PLAIN_SHARE = 0.3
"""Of the lines, without any personal data."""


@dataclass(frozen=True, kw_only=True)
class Label:
    """One stretch of personal data."""

    kind: str
    """As the detectors' kinds are spelled, with ``mobile`` and ``landline`` apart."""
    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class LabelledLine:
    """One line as somebody might say it."""

    text: str
    language: str
    labels: tuple[Label, ...]


def labelled_lines(chosen: str, language: str, count: int) -> list[LabelledLine]:
    """The lines of a set; always the same."""
    rng = random.Random(f"{SEEDS[chosen]} {language}")
    words = json.loads(
        (WORDS / ("words.json" if chosen == "labelled" else "development_words.json")).read_text("utf-8")
    )
    maker = _Maker(rng, words[language], language)
    telling, plain = TEMPLATES[chosen][language]
    lines = []
    for number in range(count):
        template = rng.choice(plain) if rng.random() < PLAIN_SHARE else telling[number % len(telling)]
        lines.append(_line(template, language, maker))
    return lines


def _line(template: str, language: str, maker: _Maker) -> LabelledLine:
    text, labels, place = "", [], 0
    for slot in _SLOT.finditer(template):
        text += template[place : slot.start()]
        kind, value = maker.fill(slot[1])
        if kind:
            labels.append(Label(kind=kind, start=len(text), end=len(text) + len(value)))
        text += value
        place = slot.end()
    return LabelledLine(text=text + template[place:], language=language, labels=tuple(labels))


class _Maker:
    def __init__(self, rng: random.Random, words: dict[str, Any], language: str) -> None:
        self._rng, self._words, self._is_chinese = rng, words, language == "zh"

    def fill(self, slot: str) -> tuple[str, str]:
        """The kind of a slot, empty where it is no personal data, and what stands in it."""
        made = getattr(self, f"_{slot}")()
        return KINDS.get(slot, ""), made

    def _name(self) -> str:
        rng = self._rng
        if self._is_chinese:
            # most people have a usual surname, as everywhere
            surnames = self._words["surnames"]
            surname = rng.choice(surnames[:60] if rng.random() < 0.7 else surnames)
            given = rng.choice(self._words["given"])
            if len(given) == 1 and rng.random() < 0.5:
                given += rng.choice([each for each in self._words["given"] if len(each) == 1])
            return surname + given
        middle = f" {rng.choice('ABCDEGHJKLMPRSTW')}." if rng.random() < 0.12 else ""
        return f"{rng.choice(self._words['given'])}{middle} {rng.choice(self._words['surnames'])}"

    def _surname(self) -> str:
        return self._rng.choice(self._words["surnames"][:100] if self._is_chinese else self._words["surnames"])

    def _firstname(self) -> str:
        return self._rng.choice(self._words["given"])

    def _said(self, digits: str) -> str:
        say = numbers.said_in_chinese if self._is_chinese else numbers.said_in_english
        return say(self._rng, digits)

    def _mobile(self) -> str:
        rng = self._rng
        digits = numbers.mobile(rng)
        how = rng.randrange(4)
        if how == 0:
            return digits
        if how == 1:
            return numbers.grouped(rng, digits, [3, 4])
        if how == 2 and self._is_chinese:
            return rng.choice(["+86 ", "+86", "86-"]) + digits
        return self._said(digits)

    def _landline(self) -> str:
        rng = self._rng
        how = rng.randrange(4)
        if self._is_chinese:
            area, number = numbers.landline(rng)
            return [area + "-" + number, f"（{area}）{number}", area + number, self._said(area + number)][how]
        area, exchange, line = numbers.american(rng)
        written = [f"({area}) {exchange}-{line}", f"{area}-{exchange}-{line}", f"{area}.{exchange}.{line}"]
        return [*written, self._said(area + exchange + line)][how]

    def _foreign(self) -> str:
        rng = self._rng
        country = rng.choice(numbers.COUNTRIES)
        rest = f"{rng.randint(20, 98)} {rng.randint(100, 9999)} {rng.randint(1000, 99999)}"
        return f"+{country} {rest}" if rng.random() < 0.7 else f"00{country} {rest}"

    def _id(self) -> str:
        rng = self._rng
        number = numbers.old_resident_number(rng) if rng.random() < 0.15 else numbers.resident_number(rng)
        how = rng.randrange(3)
        if how == 0:
            return number
        return numbers.grouped(rng, number, [6, 8]) if how == 1 and len(number) == 18 else self._said(number)

    def _card(self) -> str:
        number = numbers.card_number(self._rng)
        how = self._rng.randrange(3)
        return [number, numbers.grouped(self._rng, number, [4] * 5), self._said(number)][how]

    def _passport(self) -> str:
        number = numbers.passport(self._rng)
        letters = number.rstrip("0123456789")
        return number if self._rng.random() < 0.6 else f"{letters} {self._said(number[len(letters) :])}"

    def _mail(self) -> str:
        rng = self._rng
        first = rng.choice(["anna", "wei", "mark", "lily", "tom", "jing", "service", "hr", "peter", "xiaoyu", "zhao"])
        second = rng.choice(["lee", "chen", "ops", "brown", "2008", "desk", "wang", "smith", "lin"])
        firm = rng.choice(["example", "mail", "qq", "163", "outlook", "northwind", "acme", "gmail", "contoso"])
        top = rng.choice(["com", "com", "cn", "net", "org"])
        if rng.random() < 0.6:
            return f"{first}{rng.choice(['.', '_', '', '-'])}{second}@{firm}.{top}"
        if self._is_chinese:
            return f"{first}{rng.choice(['点', '下划线', ''])}{second}艾特{firm}点{top}"
        return f"{first} {rng.choice(['dot', 'underscore', 'dash'])} {second} at {firm} dot {top}"

    def _address(self) -> str:
        return self._chinese_address() if self._is_chinese else self._english_address()

    def _chinese_address(self) -> str:
        rng, words = self._rng, self._words
        number = lambda most: self._count(rng.randint(1, most))  # noqa: E731
        road = (
            rng.choice(words["roads"])
            if rng.random() < 0.5
            else rng.choice(words["surnames"]) + rng.choice(words["street_kinds"])
        )
        above = f"{rng.choice(words['cities'])}市{rng.choice(words['districts'])}区"
        if rng.random() < 0.4:
            above = rng.choice(words["provinces"]) + above
        how = rng.randrange(5)
        if how == 0:
            return f"{above}{road}{number(900)}号"
        if how == 1:
            estate, house, unit = rng.choice(words["estates"]), number(30), number(4)
            room = number(28) if rng.random() < 0.5 else rng.randint(101, 2804)
            return f"{above}{road}{number(400)}号{estate}{house}栋{unit}单元{room}室"
        if how == 2:
            return f"{road}{number(300)}号{number(20)}楼"
        if how == 3:
            return f"{rng.choice(words['estates'])}{number(40)}号楼{rng.randint(101, 3204)}"
        county, town, village = (rng.choice(words[each]) for each in ("districts", "towns", "villages"))
        return f"{county}县{town}镇{village}村{number(9)}组"

    def _count(self, number: int) -> str:
        if self._rng.random() < 0.6:
            return str(number)
        hundreds, rest = divmod(number, 100)
        tens, ones = divmod(rest, 10)
        said = (numbers.HAN[str(hundreds)] + "百" if hundreds else "") + (
            (numbers.HAN[str(tens)] if tens > 1 or hundreds else "") + "十"
            if tens
            else "零"
            if hundreds and ones
            else ""
        )
        return said + (numbers.HAN[str(ones)] if ones else "")

    def _english_address(self) -> str:
        rng, words = self._rng, self._words
        street = f"{rng.choice(words['surnames'] + words['given'])} {rng.choice(words['street_kinds'])}"
        town = rng.choice(
            [
                f"{rng.choice(words['given'])}{rng.choice(words['town_suffixes'])}",
                f"{rng.choice(words['town_prefixes'])} {rng.choice(words['surnames'])}",
            ]
        )
        how, number = rng.randrange(5), rng.randint(1, 9999)
        if how == 0:
            return f"{number} {street}, {town}, {rng.choice(words['state_codes'])} {rng.randint(10000, 99899)}"
        if how == 1:
            return f"{number} {street}, {rng.choice(['Apt.', 'Suite', 'Flat', 'Unit'])} {rng.randint(1, 120)}"
        if how == 2:
            code = f"{rng.choice(words['post_areas'])}{rng.randint(1, 20)} {rng.randint(1, 9)}"
            return f"{number} {street}, {town} {code}{rng.choice(['AB', 'DX', 'QL', 'TW'])}"
        if how == 3:
            said = rng.choice(["twelve", "forty two", "nineteen", "one hundred and six", "seven", "thirty-five"])
            return f"{said} {street}"
        return f"{number} {street}, {town}, {rng.choice(words['states'])}"

    def _figure(self) -> str:
        """A number that is nobody's: a price, a year, a count, an order."""
        rng = self._rng
        return str(rng.choice([rng.randint(2, 60), rng.randint(1990, 2030), rng.randint(100, 9999)]))

    def _order(self) -> str:
        """A long number that has neither a sum nor a form."""
        return f"{self._rng.choice('QWR')}{self._rng.choice('TZ')}{numbers._some(self._rng, 10)}"
