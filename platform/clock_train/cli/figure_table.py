"""Figures beside their targets, as a table in a terminal: what ``demo`` and ``bench`` end with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clock_train.evaluation.targets import Figure

MET = {True: "met", False: "missed", None: ""}


def print_figures(figures: Sequence[Figure]) -> None:
    """Print on stdout; missed targets are named as such."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    table.add_column("figure", overflow="fold")
    table.add_column("measured", justify="right", no_wrap=True)
    table.add_column("target", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("note", overflow="fold", style="dim")
    for figure in figures:
        verdict = MET[figure.is_met]
        style = {"met": "green", "missed": "red"}.get(verdict, "")
        cells = (figure.title, measured_words(figure), target_words(figure), verdict, figure.note)
        table.add_row(*(Text(cell, style=style if cell == verdict else "") for cell in cells))
    Console().print(table)


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
