"""The real cluster that this folder's tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.real_cluster import RealCluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[RealCluster]:
    """Three nodes and KubeRay; shared, so leave every node as it was."""
    with RealCluster(kuberay=True) as running:
        yield running
