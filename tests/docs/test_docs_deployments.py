"""docs/deployments.md names commands that there are, and tests that there are. Its values: tests/chart."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.core import TyperGroup

from clock_train.cli.main import load_verb

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "deployments.md").read_text(encoding="utf-8")
BLOCKS = "".join(text for kind, text in re.findall(r"```(\w*)\n(.*?)```", PAGE, flags=re.DOTALL) if not kind).replace(
    "\\\n", ""
)
CALLS = re.findall(r"(?:^|-- )clocktrain (.+)$", BLOCKS, flags=re.MULTILINE)
TESTS = [word for called in re.findall(r"`pytest ([^`]+)`", PAGE) for word in called.split()]
TARGETS = re.findall(r"`?make ([a-z0-9-]+)", PAGE)


@pytest.mark.parametrize("call", CALLS)
def test_a_command_parses(call: str) -> None:
    verb, *words = shlex.split(call, comments=True)
    command = load_verb(verb)
    context = command.make_context(verb, words)
    if isinstance(command, TyperGroup):
        name, inner, rest = command.resolve_command(context, words)
        assert inner is not None
        inner.make_context(name, rest, parent=context)


@pytest.mark.parametrize("path", TESTS)
def test_a_test_is_there(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_of_make_is_there(target: str) -> None:
    assert f"\n{target}:" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_the_page_has_them() -> None:
    assert len(CALLS) >= 5 and len(TESTS) >= 8 and set(TARGETS) >= {"demo", "e2e", "bench-serving"}
