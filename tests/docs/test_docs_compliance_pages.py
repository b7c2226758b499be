"""The officer's page, the threat model and the assessment: commands parse, tests exist, blanks are marked."""

from __future__ import annotations

import ast
import re
import shlex
from functools import cache
from pathlib import Path

import pytest
from typer.core import TyperGroup

from clock_train.cli.main import load_verb

ROOT = Path(__file__).parents[2]
OFFICER, THREATS, ASSESSMENT = (
    (ROOT / "docs" / name).read_text(encoding="utf-8")
    for name in ("compliance-officer.md", "threat-model.md", "dpia.md")
)
TESTS = sorted(set(re.findall(r"`(tests/[\w/]+\.py(?:::\w+)?)`", THREATS)))
ATTACKS = (
    "a forged signature", "a record that was altered", "a statement that is replayed", "a statement by another speaker",
    "a statement by a synthetic voice of the speaker", "the clock moved back",
    "a consent revoked in the middle of a run", "a consent revoked in the middle of a stream",
    "path tricks in names of voices", "a tenant asks for another's voice", "log injection",
    "erasure killed (-9) at each step", "store or MLflow away during an erasure",
)  # fmt: skip
COMMANDS = [
    words
    for page in (OFFICER, ASSESSMENT)
    for words in re.findall(r"`clocktrain ([a-z][^`]*)`", page)
    if not words.startswith("-")
]


@cache
def functions_of(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("test", TESTS)
def test_a_test_that_the_threat_model_names_is_there(test: str) -> None:
    path, _, name = test.partition("::")
    assert not name or name in functions_of(path)


@pytest.mark.parametrize("attack", ATTACKS)
def test_each_attack_has_a_measure_and_a_test(attack: str) -> None:
    row = next(line for line in THREATS.splitlines() if f"**{attack}**" in line)
    _, _, measure, shown_by = row.strip("| ").split(" | ")
    assert measure
    assert re.search(r"`tests/", shown_by)


@pytest.mark.parametrize("words", sorted(set(COMMANDS)))
def test_a_command_of_the_pages_exists_with_its_options(words: str) -> None:
    verb, *rest = shlex.split(words)
    command = load_verb(verb)
    if isinstance(command, TyperGroup):
        context = command.make_context(verb, [], resilient_parsing=True)
        _, command, rest = command.resolve_command(context, list(rest))
        assert command is not None
    known = {name for parameter in command.params for name in parameter.opts}
    assert {word for word in rest if word.startswith("--")} <= known


def test_the_assessment_marks_what_only_the_company_knows() -> None:
    assert ASSESSMENT.count("▢") > 30
    for article in ("Article 35(7)(a)", "Article 35(7)(b)", "Article 35(7)(c)", "Article 35(7)(d)", "PIPL Article 56"):
        assert article in ASSESSMENT
