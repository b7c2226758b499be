"""Fixtures that a ``conftest.py`` imports: one control plane for all its tests, a fresh namespace for each."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator

import pytest

from harness.api import ApiError
from harness.control_plane import ControlPlane


@pytest.fixture(scope="session")
def control_plane() -> Iterator[ControlPlane]:
    """A ready control plane with kwok nodes of each class and KubeRay; shared, so leave no component stopped."""
    with ControlPlane() as plane:
        yield plane


@pytest.fixture
def namespace(control_plane: ControlPlane) -> Iterator[str]:
    """A namespace of this test alone; its deletion is asked for afterwards and not waited for."""
    name = control_plane.new_namespace(f"t-{secrets.token_hex(4)}")
    yield name
    with contextlib.suppress(ApiError):  # a test may have deleted it
        control_plane.api.delete(f"/api/v1/namespaces/{name}")
