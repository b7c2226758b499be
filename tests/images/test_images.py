"""The images as they are built: small, without root or a compiler, and able to start."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from assets.build import assets_folder
from harness.ports import Ports
from harness.waiting import eventually

for folder in ("models", "export", "serving"):
    sys.path.insert(0, str(Path(__file__).parents[1] / folder))

ROOT = Path(__file__).parents[2]
SPEC = importlib.util.spec_from_file_location("image_build", ROOT / "images" / "build.py")
assert SPEC is not None and SPEC.loader is not None
image_build = importlib.util.module_from_spec(SPEC)
sys.modules[SPEC.name] = image_build
SPEC.loader.exec_module(image_build)
PORTS = Ports()
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


@pytest.mark.ring4
@pytest.mark.timeout(900)
def test_tritons_image_speaks_as_its_user_without_torch(builder: Any, tmp_path: Path) -> None:
    """What it must have is found by a voice that is loaded: a stub that may be run, and Python's shared library."""
    from served_voices import bundles_of, installation_trusting  # pyright: ignore[reportMissingImports]

    image = builder.build("triton", builder.base())
    print(image.row)
    names = {component["name"] for component in json.loads(image.sbom)["components"]}
    assert {"nvidia-pytriton", "onnxruntime", "libpython3.11"} <= names and not names & {"torch", "ray", "mlflow"}
    bundles, key = bundles_of(tmp_path / "made")
    installation_trusting(tmp_path / "issuing", key)
    voices = bundles["duo-v1"]
    for path in (tmp_path, *tmp_path.rglob("*")):
        os.chown(path, 10_001, 10_001)
    given = ["--volume", f"{voices}:/voices:ro", "--volume", f"{tmp_path / 'issuing'}:/issuing"]
    given += ["--env", "CLOCKTRAIN_ISSUING=/issuing"]
    with doors_of(builder, image.name, given, ["serve", "--voices", "/voices"], tmp_path / "front.log") as http:
        assert_speaks(http, "hello")


@pytest.mark.ring4
@pytest.mark.timeout(900)
def test_the_gateways_image_is_small_and_hands_out_what_a_triton_elsewhere_speaks(builder: Any, tmp_path: Path) -> None:
    from front_process import started  # pyright: ignore[reportMissingImports]
    from gateway_process import (  # pyright: ignore[reportMissingImports]
        environment,
        triton_command,
        voices_and_keys,
    )

    image = builder.build("gateway", builder.base())
    print(image.row)
    assert image.added_mb < 350
    names = {component["name"] for component in json.loads(image.sbom)["components"]}
    assert {"grpcio", "pg8000", "starlette", "tritonclient"} <= names
    assert not names & {"torch", "ray", "mlflow", "onnxruntime", "scipy", "nvidia-pytriton"}
    voices_and_keys(tmp_path)
    (tmp_path / "log").mkdir()
    triton_port = PORTS.take()
    with started(triton_command(tmp_path / "voices", triton_port), environment(tmp_path, "triton"), tmp_path / "t.log"):
        for path in (tmp_path, *tmp_path.rglob("*")):
            os.chown(path, 10_001, 10_001)
        given = [word for name in ("voices", "keys", "log") for word in ("--volume", f"{tmp_path / name}:/{name}")]
        given += ["--env", "CLOCKTRAIN_ISSUING=/log", "--env", "CLOCKTRAIN_KEYS=/keys"]
        words = ["gateway", "--voices", "/voices", "--triton", f"127.0.0.1:{triton_port}"]
        with doors_of(builder, image.name, given, words, tmp_path / "gateway.log") as http:
            assert_speaks(http, "Good morning.")
            assert_speaks(http, "早上好。")
    assert list((tmp_path / "log").rglob("*.jsonl"))


@contextmanager
def doors_of(builder: Any, name: str, given: list[str], words: list[str], log_path: Path) -> Iterator[int]:
    """A server of ``clocktrain`` in a container of an image, as its user; the port of its HTTP on this machine.

    Args:
        builder: whose image it is.
        name: of the image.
        given: volumes and environment, as ``buildah run`` takes them.
        words: verb and options, without ports.
        log_path: of what it says.
    """
    http, grpc = PORTS.take(), PORTS.take()
    container = builder.buildah("from", "--pull-never", name).strip()
    command = ["buildah", *builder._store, "run", "--isolation", "chroot", "--user", "10001:10001", *given, container]
    command += ["--", "clocktrain", *words, "--http-port", str(http), "--grpc-port", str(grpc)]
    with log_path.open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        yield http
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)
        builder.buildah("rm", container)


def assert_speaks(http: int, text: str) -> None:
    body = json.dumps({"voice": "duo", "input": text, "response_format": "wav"}).encode()
    asked = urllib.request.Request(
        f"http://127.0.0.1:{http}/v1/audio/speech", body, {"content-type": "application/json"}
    )
    sound = eventually(lambda: _answer(asked), timeout_s=60, what="speech out of the image")
    assert sound[:4] == b"RIFF" and len(sound) > 2_000


def _answer(asked: urllib.request.Request) -> bytes:
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return answer.read()
    except OSError:
        return b""
