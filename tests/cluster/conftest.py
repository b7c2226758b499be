"""The control plane that this folder's tests share, and the operator beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.control_plane import ControlPlane
from harness.fixtures import control_plane, namespace
from operator_process import Clones, Operators, install, operators

__all__ = ["control_plane", "namespace"]


@pytest.fixture(scope="module")
def plane(control_plane: ControlPlane) -> ControlPlane:
    """The kinds, the operator's role and a runtime are in it."""
    install(control_plane)
    return control_plane


@pytest.fixture
def run(plane: ControlPlane, tmp_path: Path) -> Iterator[Operators]:
    """Starts operators; ends them."""
    with operators(plane, tmp_path) as made:
        yield made


@pytest.fixture
def clones(plane: ControlPlane, namespace: str) -> Clones:
    """Those of a namespace."""
    return Clones(plane, namespace)
