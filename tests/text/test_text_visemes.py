"""Every phone has a shape of the mouth."""

from __future__ import annotations

import pytest

from clock_train.text.inventory import MODIFIERS, PHONES
from clock_train.text.visemes import SILENT, VISEMES, visemes_of


def test_every_phone_has_shapes_that_talking_heads_know() -> None:
    for phone in PHONES:
        shapes = visemes_of(phone)
        assert set(shapes) <= set(VISEMES)
        assert bool(shapes) != (phone in MODIFIERS), phone


@pytest.mark.parametrize(
    ("phone", "shapes"),
    [("m", ("PP",)), ("f", ("FF",)), ("tɕʰ", ("CH",)), ("aʊ", ("aa", "U")), ("_", (SILENT,)), ("?", (SILENT,))],
)
def test_shapes_are_the_usual_ones(phone: str, shapes: tuple[str, ...]) -> None:
    assert visemes_of(phone) == shapes
