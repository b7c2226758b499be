"""docs/errors.md names every error class, groups at one level and leaves below them, and nothing else."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from clock_train import errors
from clock_train.errors import ClockTrainError, snake_code

PAGE = (Path(__file__).parents[2] / "docs" / "errors.md").read_text(encoding="utf-8")
CLASSES = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, ClockTrainError) and kind is not ClockTrainError
]
GROUPS = [kind for kind in CLASSES if ClockTrainError in kind.__bases__]
LEAVES = [kind for kind in CLASSES if kind not in GROUPS]


def headings(level: int) -> list[str]:
    return re.findall(rf"^{'#' * level} (\w+)$", PAGE, flags=re.MULTILINE)


def section(code: str) -> str:
    return re.split(rf"^#+ {code}$", PAGE, flags=re.MULTILINE)[1].partition("\n#")[0]


def test_every_group_and_no_other_is_a_heading() -> None:
    assert sorted(headings(2)) == sorted(kind.__name__ for kind in GROUPS)


def test_every_leaf_and_no_other_is_a_heading() -> None:
    assert sorted(headings(3)) == sorted(kind.__name__ for kind in LEAVES)


@pytest.mark.parametrize("kind", LEAVES, ids=lambda kind: kind.__name__)
def test_each_leaf_stands_under_its_group_and_says_how_to_fix_it(kind: type[ClockTrainError]) -> None:
    before = PAGE.partition(f"### {kind.__name__}\n")[0]
    assert re.findall(r"^## (\w+)$", before, flags=re.MULTILINE)[-1] == kind.__bases__[0].__name__
    assert "**Fix:**" in section(kind.__name__)


@pytest.mark.parametrize("kind", [kind for kind in CLASSES if kind.exit_code != 2], ids=lambda kind: kind.__name__)
def test_another_exit_code_is_written_down(kind: type[ClockTrainError]) -> None:
    assert f"(exit code {kind.exit_code})" in section(kind.__name__)


def test_each_class_says_what_it_means_in_the_code_too() -> None:
    assert [kind.__name__ for kind in CLASSES if not kind.__doc__] == []


def test_the_tree_at_the_top_of_the_module_names_every_group() -> None:
    assert set(re.findall(r"[├└]── (\w+)", errors.__doc__ or "")) == {kind.__name__ for kind in GROUPS}


def test_a_message_begins_with_its_code() -> None:
    assert str(errors.VoiceNotFound("no voice here")) == "VoiceNotFound: no voice here"


@pytest.mark.parametrize(
    ("code", "spelling"), [("VoiceNotFound", "voice_not_found"), ("AudioNotAudio", "audio_not_audio")]
)
def test_the_rest_spelling_follows_by_rule(code: str, spelling: str) -> None:
    assert snake_code(code) == spelling
