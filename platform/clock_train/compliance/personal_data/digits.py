"""Runs of digits as speech has them: written, full width, in Chinese numerals, as English words, or mixed.

``138-0013 8000``, ``幺三八零零一三八零零零`` and ``one three eight double oh one`` are runs alike. A run keeps where
each of its digits stands, so that a part of it can be named, and where groups were divided, since a form such as
3-3-4 says what a number is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_CHINESE = {
    **{numeral: str(digit) for digit, numeral in enumerate("零一二三四五六七八九")},
    **{numeral: str(digit) for digit, numeral in enumerate("〇壹贰叁肆伍陆柒捌玖") if digit},
    **{"〇": "0", "幺": "1", "两": "2", "○": "0", "洞": "0", "拐": "7"},
}
_ONES = {
    word: str(digit)
    for digit, word in enumerate(("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"))
} | {"oh": "0", "o": "0", "nought": "0", "naught": "0", "nil": "0", "niner": "9", "fife": "5"}
_TEENS = {
    word: str(number)
    for number, word in enumerate(
        ("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
        10,
    )
}
_TENS = {
    word: str(number)
    for number, word in enumerate(("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"), 2)
} | {"fourty": "4"}
_TIMES = {"double": 2, "triple": 3, "treble": 3, "quadruple": 4}
_HUNDREDS = {"hundred": "00", "thousand": "000"}
_ATOM = re.compile(
    r"(?P<digit>[0-9０-９])|(?P<numeral>[零一二三四五六七八九〇○幺两洞拐壹贰叁肆伍陆柒捌玖])|(?P<word>[A-Za-z]+)"
)
_JOINT = re.compile(
    r"(?:[\s,，、.·•。()（）/\-‐‑–—−_]|\b(?:dash|hyphen|space|dot|pause|and|then)\b|[杠横转减的]|空格){0,6}",
    re.IGNORECASE,
)
"""What may stand between two digits of one number; at most six of them."""


@dataclass(frozen=True, kw_only=True)
class Atom:
    """One or several digits that stand at one place of the text."""

    digits: str
    start: int
    end: int
    is_spoken: bool


@dataclass(frozen=True, kw_only=True)
class Run:
    """Digits that follow each other."""

    atoms: Sequence[Atom]

    @property
    def digits(self) -> str:
        """All of them."""
        return "".join(atom.digits for atom in self.atoms)

    @property
    def start(self) -> int:
        """Of the first in the text."""
        return self.atoms[0].start

    @property
    def end(self) -> int:
        """One past the last in the text."""
        return self.atoms[-1].end

    @property
    def is_spoken(self) -> bool:
        """Whether some of it is words or numerals."""
        return any(atom.is_spoken for atom in self.atoms)

    def groups(self) -> tuple[int, ...]:
        """How many digits stand together without anything between: (3, 4, 4) of ``138-0013 8000``."""
        sizes = [0]
        for index, atom in enumerate(self.atoms):
            if index and atom.start > self.atoms[index - 1].end:
                sizes.append(0)
            sizes[-1] += len(atom.digits)
        return tuple(sizes)


def digit_runs(text: str) -> Iterator[Run]:
    """The runs of a text, each as long as it can be."""
    atoms: list[Atom] = []
    for atom in _atoms(text):
        if atoms and not _are_joined(text, atoms[-1], atom):
            yield Run(atoms=tuple(atoms))
            atoms = []
        atoms.append(atom)
    if atoms:
        yield Run(atoms=tuple(atoms))


def _are_joined(text: str, before: Atom, after: Atom) -> bool:
    between = text[before.end : after.start]
    return not between or (bool(_JOINT.fullmatch(between)) and between.count("\n") == 0)


def _atoms(text: str) -> Iterator[Atom]:
    tokens = list(_ATOM.finditer(text))
    index = 0
    while index < len(tokens):
        taken, atom = _atom_at(text, tokens, index)
        if atom is not None:
            yield atom
        index += taken


def _atom_at(text: str, tokens: list[re.Match[str]], index: int) -> tuple[int, Atom | None]:
    """How many tokens were read, and what they make."""
    token = tokens[index]
    if token["digit"]:
        return 1, Atom(digits=str(int(token["digit"])), start=token.start(), end=token.end(), is_spoken=False)
    if token["numeral"]:
        return 1, Atom(digits=_CHINESE[token["numeral"]], start=token.start(), end=token.end(), is_spoken=True)
    words = [token["word"].lower()]
    for following in tokens[index + 1 : index + 3]:
        if not following["word"] or not re.fullmatch(
            r"[\s-]{1,2}", text[tokens[index + len(words) - 1].end() : following.start()]
        ):
            break
        words.append(following["word"].lower())
    taken, digits = _spoken(words)
    end = tokens[index + max(taken, 1) - 1].end()
    if not digits:
        return 1, None
    return taken, Atom(digits=digits, start=token.start(), end=end, is_spoken=True)


def _spoken(words: list[str]) -> tuple[int, str]:
    """How many words make a number that is said as part of a longer one, and its digits."""
    first, second, third = [*words, "", ""][:3]
    if first in _TIMES and second in _ONES:
        return 2, _ONES[second] * _TIMES[first]
    if first in _TENS:
        if second in _ONES and second not in ("o", "oh", "zero", "nought"):
            return 2, _TENS[first] + _ONES[second]
        return 1, _TENS[first] + "0"
    if first in _TEENS:
        return 1, _TEENS[first]
    if first in _ONES:
        if second in _HUNDREDS:
            if third in _TENS or third in _TEENS or third == "and":
                return 2, _ONES[first]
            return 2, _ONES[first] + _HUNDREDS[second]
        return 1, _ONES[first]
    return 1, ""
