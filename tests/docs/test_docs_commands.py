"""docs/commands.md lists every command with every option, as the command line itself knows them, and nothing else."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperGroup

from clock_train.cli.main import VERBS, load_verb, run

PAGE = (Path(__file__).parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")


def commands() -> Iterator[tuple[str, Any]]:
    for verb in VERBS:
        command = load_verb(verb)
        if isinstance(command, TyperGroup):
            context = command.make_context(verb, [], resilient_parsing=True)
            for name in command.list_commands(context):
                yield f"{verb} {name}", command.resolve_command(context, [name])[1]
        else:
            yield verb, command


COMMANDS = dict(commands())


def section(name: str) -> str:
    return PAGE.partition(f"## clocktrain {name}\n")[2].partition("\n## ")[0]


def row(parameter: Any) -> str:
    names = [parameter.metavar or parameter.name.upper()]
    if parameter.param_type_name == "option":
        names = [*parameter.opts, *parameter.secondary_opts]
    default = getattr(parameter.default, "value", parameter.default)
    is_shown = not parameter.required and default is not None and default is not False and default != ""
    last = "required" if parameter.required else f"`{default}`" if is_shown else ""
    return f"| {', '.join(f'`{name}`' for name in names)} | {parameter.help} | {last} |"


def test_every_command_and_no_other_has_a_section() -> None:
    assert re.findall(r"^## clocktrain (.+)$", PAGE, flags=re.MULTILINE) == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_options_meanings_and_defaults_are_those_of_the_command(name: str) -> None:
    documented = [line for line in section(name).splitlines() if line.startswith("| `")]
    assert documented == [row(parameter) for parameter in COMMANDS[name].params]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_section_begins_with_the_commands_own_words(name: str) -> None:
    assert section(name).splitlines()[0] == (COMMANDS[name].help or "").splitlines()[0]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_example_is_a_command_line_that_parses(name: str) -> None:
    example = re.findall(r"```\n(clocktrain .+)\n```", section(name))
    assert len(example) == 1
    words = shlex.split(example[0])[1 + len(name.split()) :]
    COMMANDS[name].make_context(name, words)


def test_the_global_options_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    run(["--help"])
    for option in re.findall(r"^  (--\w+)", capsys.readouterr().out, flags=re.MULTILINE):
        assert option in PAGE or option == "--help"
