"""The page about commands against a cluster has the permissions that the code has, and every such command."""

from __future__ import annotations

import re
from pathlib import Path

from clock_train.cli.main import VERBS
from clock_train.cluster.permissions import PERMISSIONS, table

PAGE = (Path(__file__).parents[2] / "docs" / "cluster-commands.md").read_text(encoding="utf-8")


def test_the_table_is_that_of_the_code() -> None:
    shown = PAGE.partition("## What each command needs to be allowed")[2]
    assert [line for line in shown.splitlines() if line.startswith("| `")] == table()


def test_every_command_has_its_row_with_kubectl() -> None:
    shown = re.findall(r"^\| `clocktrain (\S+)", PAGE, flags=re.MULTILINE)
    assert sorted(shown) == sorted(command.split()[0] for command in PERMISSIONS)
    assert set(shown) <= set(VERBS)
