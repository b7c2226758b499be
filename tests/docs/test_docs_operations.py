"""docs/operations.md explains every reason that the operator gives, and names none that it does not."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from clock_train import errors
from clock_train.crd.v1alpha1 import CONDITIONS, STAGES
from voiceclone_operator.attempts import Ended

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
REASON = re.compile(r"[A-Z][A-Za-z]+")


def text_of(node: ast.AST | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def reasons_in(tree: ast.AST) -> Iterator[str]:
    """The reason of each condition or event that the code makes: an argument, or the first of a pair."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", "")
            if name in ("Seen", "Event") and len(node.args) > 1:
                yield text_of(node.args[1])
            yield from (text_of(word.value) for word in node.keywords if word.arg == "reason")
        elif isinstance(node, ast.Return | ast.Assign) and isinstance(node.value, ast.Tuple) and node.value.elts:
            yield text_of(node.value.elts[0])


def reasons() -> list[str]:
    found = {str(each) for each in Ended}
    for path in (ROOT / "operators" / "voiceclone_operator").glob("*.py"):
        found |= set(reasons_in(ast.parse(path.read_text(encoding="utf-8"))))
    # names of container states are what it reads, not what it says
    read = {"ErrImagePull", *STAGES}
    return sorted(each for each in found - read if REASON.fullmatch(each))


@pytest.mark.parametrize("reason", reasons())
def test_every_reason_is_explained(reason: str) -> None:
    assert f"`{reason}`" in PAGE


def test_no_reason_is_explained_that_nobody_gives() -> None:
    explained = {
        reason
        for row in re.findall(r"^\| (`.+?) \|", PAGE, flags=re.MULTILINE)
        for reason in re.findall(r"`([A-Z]\w+)`", row)
    }
    assert len(explained) > 40
    codes = {name for name in dir(errors) if REASON.fullmatch(name)}
    # what the gate's judges say comes from the job
    from_the_job = {"GateMissed", "JudgeMissing", "GatePassed"}
    assert explained - set(reasons()) - codes - from_the_job == set()


def test_every_condition_has_a_place() -> None:
    headings = " ".join(re.findall(r"^### (.+)$", PAGE, flags=re.MULTILINE))
    assert [name for name in CONDITIONS if name not in headings] == []


@pytest.mark.parametrize(
    "page", ["operations.md", "install.md", "operator-capability.md", "resources.md"], ids=lambda page: page
)
def test_every_anchor_leads_to_a_heading(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    for target, anchor in re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", text):
        there = (ROOT / "docs" / (target or page)).read_text(encoding="utf-8")
        headings = {
            re.sub(r"[^\w\- ]", "", found.lower()).strip().replace(" ", "-")
            for found in re.findall(r"^#+ (.+)$", there, flags=re.MULTILINE)
        }
        assert anchor in headings, (target, anchor)
