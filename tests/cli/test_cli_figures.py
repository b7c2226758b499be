"""Figures and targets as a person reads them."""

from __future__ import annotations

import pytest

from clock_train.cli.figure_table import measured_words, print_figures, target_words, three_digits
from clock_train.evaluation.targets import Figure


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "0"), (0.0123, "0.0123"), (4.567, "4.57"), (99.96, "100"), (1234.5, "1 234"), (0.00001234, "0.000012")],
)
def test_numbers_have_three_digits_and_no_exponent(value: float, words: str) -> None:
    assert three_digits(value) == words


def test_a_missing_figure_is_a_dash() -> None:
    assert measured_words(Figure(title="similarity", measured=None, unit="dB")) == "-"


def test_targets_say_their_direction() -> None:
    assert target_words(Figure(title="a", measured=1.0, at_least=0.9)) == "≥ 0.9"
    assert target_words(Figure(title="a", measured=1.0, at_most=35.0)) == "≤ 35"
    assert target_words(Figure(title="a", measured=1.0)) == ""


def test_the_table_calls_met_and_missed_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    print_figures(
        [
            Figure(title="good", measured=0.95, at_least=0.9),
            Figure(title="bad", measured=0.5, at_least=0.9),
            Figure(title="absent", measured=None, at_least=0.9, note="not available: [judge] is not installed"),
            Figure(title="free", measured=3.0, unit="dB"),
        ]
    )
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line.split()}
    assert " met" in lines["good"]
    assert "missed" in lines["bad"]
    assert "missed" in lines["absent"]
    assert "met" not in lines["free"]
    assert "3 dB" in lines["free"]
