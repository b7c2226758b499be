"""The images as they are built: small, without root or a compiler, and able to start."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assets.build import assets_folder

ROOT = Path(__file__).parents[2]
SPEC = importlib.util.spec_from_file_location("image_build", ROOT / "images" / "build.py")
assert SPEC is not None and SPEC.loader is not None
image_build = importlib.util.module_from_spec(SPEC)
sys.modules[SPEC.name] = image_build
SPEC.loader.exec_module(image_build)
COMPILERS = ("cc", "gcc", "g++", "c++", "clang", "make", "ld", "uv", "pip")
SEARCHED = ("bin", "sbin", "usr/bin", "usr/sbin", "usr/local/bin", "opt/venv/bin")


def test_without_root_or_buildah_the_build_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_build.shutil, "which", lambda name: None)
    with pytest.raises(image_build.BuildFailed, match="apt install buildah"):
        image_build.Builder(tmp_path)
    monkeypatch.setattr(image_build.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(image_build.BuildFailed, match="building needs root"):
        image_build.Builder(tmp_path)


def test_an_image_with_torch_or_too_large_is_refused() -> None:
    def built(added_mb: float, *names: str) -> Any:
        sbom = json.dumps({"components": [{"name": name} for name in names]}).encode()
        return image_build.Built(name="operator", size_mb=200, added_mb=added_mb, seconds=1, sbom=sbom)

    image_build._check("operator", built(119, "minio"))
    with pytest.raises(image_build.BuildFailed, match="adds 120 MB"):
        image_build._check("operator", built(120, "minio"))
    with pytest.raises(image_build.BuildFailed, match="has torch"):
        image_build._check("operator", built(1, "minio", "torch"))


@pytest.fixture(scope="module")
def builder() -> Any:
    return image_build.Builder(assets_folder() / "images" / "build")


@pytest.fixture(scope="module")
def operator(builder: Any) -> Any:
    return builder.build("operator", builder.base())


@pytest.fixture
def files(builder: Any, operator: Any) -> Iterator[Path]:
    with builder.mounted(operator.name) as root:
        yield root


def settings(builder: Any, name: str) -> dict[str, Any]:
    return json.loads(builder.buildah("inspect", "--type", "image", name))["OCIv1"]["config"]


@pytest.mark.ring4
@pytest.mark.timeout(900)
def test_the_operators_image_is_small_and_has_no_torch(operator: Any) -> None:
    assert operator.added_mb < 120
    names = {component["name"] for component in json.loads(operator.sbom)["components"]}
    assert {"clock-train", "lightkube", "minio", "pydantic", "prometheus-client"} <= names
    assert not names & {"torch", "ray", "mlflow", "numpy"}


@pytest.mark.ring4
@pytest.mark.timeout(900)
def test_it_runs_as_nobody_special_and_says_what_it_is(builder: Any, operator: Any) -> None:
    found = settings(builder, operator.name)
    assert found["User"] == "10001:10001"
    labels = found["Labels"]
    assert labels["org.opencontainers.image.title"] == "clocktrain-operator"
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert labels["org.opencontainers.image.version"]
    assert labels["org.opencontainers.image.revision"]


@pytest.mark.ring4
@pytest.mark.timeout(900)
def test_no_compiler_nothing_of_the_build_and_nothing_of_this_machine_is_in_it(files: Path) -> None:
    assert [f"{folder}/{name}" for folder in SEARCHED for name in COMPILERS if (files / folder / name).exists()] == []
    assert not (files / "context").exists()
    assert not (files / "var" / "cache" / "uv").exists()
    assert (files / "etc" / "resolv.conf").read_text(encoding="utf-8") == ""
    assert list((files / "root").glob("[!.]*")) == []


@pytest.mark.ring4
@pytest.mark.timeout(900)
def test_the_program_starts_in_it_as_its_user(builder: Any, operator: Any) -> None:
    container = builder.buildah("from", "--pull-never", operator.name).strip()
    try:
        words = ["run", "--isolation", "chroot", "--user", "10001:10001", container, "--"]
        said = builder.buildah(*words, "python", "-m", "voiceclone_operator", "--help")
        assert "--kuberay-namespace" in said
        # what the chart's own jobs import
        builder.buildah(*words, "python", "-c", "import lightkube, minio, clock_train.storage.s3")
    finally:
        builder.buildah("rm", container)


@pytest.mark.ring4
@pytest.mark.timeout(900)
def test_the_sbom_names_every_package_with_version_and_place(operator: Any) -> None:
    sbom = json.loads(operator.sbom)
    assert sbom["bomFormat"] == "CycloneDX"
    assert sbom["metadata"]["component"]["name"] == "clocktrain-operator"
    kinds = {component["purl"].partition("/")[0] for component in sbom["components"]}
    assert kinds == {"pkg:pypi", "pkg:deb"}
    assert all(component["version"] for component in sbom["components"])
    references = [component["bom-ref"] for component in sbom["components"]]
    assert len(references) == len(set(references))


@pytest.mark.ring4
@pytest.mark.long
@pytest.mark.timeout(1800)
def test_the_trainers_image_trains_judges_and_tracks(builder: Any) -> None:
    trainer = builder.build("trainer", builder.base())
    print(trainer.row)
    container = builder.buildah("from", "--pull-never", trainer.name).strip()
    try:
        words = ["run", "--isolation", "chroot", "--user", "10001:10001", container, "--"]
        said = builder.buildah(*words, "python", "-m", "clock_train.orchestration.job", "--help")
        assert "--mailbox" in said
        builder.buildah(*words, "python", "-c", "import torch, ray, mlflow, flask_wtf, boto3, pg8000, resemblyzer")
    finally:
        builder.buildah("rm", container)
