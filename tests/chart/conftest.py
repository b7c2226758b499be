"""A control plane of its own: the chart's policies hold in the whole cluster, and other tests know nothing of them."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator

import pytest
from chart_release import NAMESPACE, Release

from harness.api import ApiError
from harness.control_plane import ControlPlane


@pytest.fixture(scope="session")
def chart_plane() -> Iterator[ControlPlane]:
    """A control plane with volumes to claim, which kwok does not make."""
    with ControlPlane(nodes={"cpu": 2, "nvidia-t4": 1, "nvidia-a100": 2}) as plane:
        # the API server itself judges whether our pods pass the restricted level
        plane.new_namespace(NAMESPACE, {"pod-security.kubernetes.io/enforce": "restricted"})
        for number in range(4):
            volume = {
                "apiVersion": "v1",
                "kind": "PersistentVolume",
                "metadata": {"name": f"volume-{number}"},
                "spec": {
                    "capacity": {"storage": "100Gi"},
                    "accessModes": ["ReadWriteOnce"],
                    "hostPath": {"path": "/nowhere"},
                },
            }
            plane.api.create("/api/v1/persistentvolumes", volume)
        yield plane


@pytest.fixture(scope="session")
def release(chart_plane: ControlPlane) -> Release:
    """The installed chart, shared: a test that changes it puts it back by `upgrade()`."""
    found = Release(chart_plane)
    found.upgrade()
    return found


@pytest.fixture
def voices(release: Release) -> Iterator[str]:
    """A namespace that is ready for voices."""
    labels = {"clocktrain.dev/voices": "true", "pod-security.kubernetes.io/enforce": "restricted"}
    name = release.plane.new_namespace(f"voices-{secrets.token_hex(3)}", labels)
    yield name
    with contextlib.suppress(ApiError):
        release.plane.api.delete(f"/api/v1/namespaces/{name}")
