"""The table of faults names tests that there are, and leaves none of them out."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLE = (ROOT / "docs" / "operator-faults.md").read_text(encoding="utf-8")
FAULTS = "tests/cluster/test_operator_faults.py"


def named_in(path: str) -> set[str]:
    return set(re.findall(r"^def (test_\w+)", (ROOT / path).read_text(encoding="utf-8"), flags=re.MULTILINE))


def test_each_fault_names_a_test_that_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(test_\w+))?`", TABLE)
    assert len(named) >= 20
    for path, name in named:
        assert (ROOT / path).is_file(), path
        assert not name or name in named_in(path), f"{path}::{name}"


def test_no_fault_that_is_tried_is_left_out() -> None:
    known = set(re.findall(r"::(test_\w+)", TABLE))
    # what it outlives is in the table; a name's length is no fault
    assert named_in(FAULTS) - known <= {"test_the_longest_name_runs_and_all_its_children_fit"}
