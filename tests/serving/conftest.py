"""One real tritonserver for a module of tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

for folder in ("models", "export", "serving", "accounts", "listening"):
    sys.path.insert(0, str(Path(__file__).parents[1] / folder))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from served_voices import serving  # pyright: ignore[reportMissingImports]

    with serving(tmp_path_factory.mktemp("served"), "anna", "ben") as running:
        yield running
