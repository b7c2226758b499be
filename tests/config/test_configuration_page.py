"""docs/configuration.md lists every key with its type and default, every choice, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clock_train.config.checking import keys_of
from clock_train.config.composing import GROUPS, choices
from clock_train.config.experiment import ExperimentConfig

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")


def rows() -> list[str]:
    required = ("name", "purpose")
    return [
        f"| `{key}` | {takes} | {'required' if key in required else f'`{json.dumps(default)}`'} |"
        for key, takes, default in keys_of(ExperimentConfig)
    ]


def test_the_table_is_that_of_the_dataclasses() -> None:
    documented = PAGE.partition("## Every key\n")[2].splitlines()[2:]
    assert documented == rows()


@pytest.mark.parametrize("group", [*GROUPS, "experiment"])
def test_every_choice_is_named(group: str) -> None:
    (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| `conf/{group}/` |")]
    for choice in choices(group):
        assert f"`{choice}`" in line
