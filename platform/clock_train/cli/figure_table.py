"""Figures beside their targets, as a table in a terminal: what ``demo`` and ``bench`` end with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clock_train.evaluation.targets import Figure

MET = {True: "met", False: "missed", None: ""}
STYLES = {"met": "green", "missed": "red"}
NOTE_WIDTH = 60
"""Columns that a note should have to stand beside its figure."""


def print_figures(figures: Sequence[Figure]) -> None:
    """Print on stdout, missed targets named as such. A note stands beside its figure, or below it in a narrow place."""
    from rich.console import Console
    from rich.text import Text

    console = Console()
    heads = ("figure", "measured", "target", "")
    rows = [(f.title, measured_words(f), target_words(f), MET[f.is_met]) for f in figures]
    wide, value, target, verdict = (max(map(len, column)) for column in zip(heads, *rows, strict=True))
    is_beside = console.width >= wide + value + target + verdict + 6 + NOTE_WIDTH
    for (title, measured, wanted, met), note in zip([heads, *rows], ["", *(f.note for f in figures)], strict=True):
        line = Text(f"{title:<{wide}}  {measured:>{value}}  {wanted:<{target}}  ")
        line.append(f"{met:<{verdict}}", style=STYLES.get(met, ""))
        if note:
            line.append(f"  {note}" if is_beside else f"\n    {note}", style="dim")
        line.rstrip()
        console.print(line, soft_wrap=True, highlight=False)


def measured_words(figure: Figure) -> str:
    """The value with its unit; a dash where there is none."""
    if figure.measured is None:
        return "-"
    return f"{three_digits(figure.measured)} {figure.unit}".rstrip()


def target_words(figure: Figure) -> str:
    """``≥ 0.9``, ``≤ 35``, or nothing."""
    if figure.at_least is not None:
        return f"≥ {three_digits(figure.at_least)}"
    return "" if figure.at_most is None else f"≤ {three_digits(figure.at_most)}"


def three_digits(value: float) -> str:
    """Three significant digits without an exponent: 0.0123, 4.57, 1230."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.3g}" if abs(value) >= 0.001 else f"{value:.6f}".rstrip("0")
