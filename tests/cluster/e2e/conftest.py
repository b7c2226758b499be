"""The real clusters that this folder's tests share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), *(str(Path(__file__).parents[2] / name) for name in ("export", "models"))]

from exported_voice import saved_voice  # noqa: E402  # pyright: ignore[reportMissingImports]
from tiny_voice import tiny_config  # noqa: E402  # pyright: ignore[reportMissingImports]

from clock_train.audit.signing import open_signer  # noqa: E402
from clock_train.export.bundle_writing import write_bundle  # noqa: E402
from clock_train.storage.stored_folders import keep_folder  # noqa: E402
from harness.real_cluster import RealCluster  # noqa: E402
from installed.manifests import NAMESPACE  # noqa: E402
from installed.platform import Platform, platform  # noqa: E402
from installed.storage import BUCKET  # noqa: E402


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


@pytest.fixture(scope="session")
def tiny(installed: Platform, tmp_path_factory: pytest.TempPathFactory) -> str:
    """URI of the bundle of a voice that needed no training."""
    folder = tmp_path_factory.mktemp("tiny")
    voice = saved_voice(folder, tiny_config())
    write_bundle(voice, folder / "bundle", signer=open_signer(installed.keys / "signing.key"))
    prefix = f"{NAMESPACE}/bundles/tiny"
    keep_folder(installed.bucket, prefix, folder / "bundle")
    return f"s3://{BUCKET}/{prefix}"
