"""The real clusters that this folder's tests share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from harness.real_cluster import RealCluster
from installed.platform import Platform, platform


@pytest.fixture(scope="module")
def cluster() -> Iterator[RealCluster]:
    """Three nodes and KubeRay; shared, so leave every node as it was."""
    with RealCluster(kuberay=True) as running:
        yield running


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Three nodes with ClockTrain, storage and recordings; once for all tests, since it takes minutes."""
    with platform(tmp_path_factory.mktemp("corpora")) as running:
        yield running
