"""Erasure with the real things: a training followed in MLflow, corpora pushed by DVC, a MinIO that keeps versions."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_world import make_world

sys.path.insert(0, str(Path(__file__).parents[1] / "storage"))
sys.path.insert(0, str(Path(__file__).parents[1] / "orchestration"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tracking"))
from minio_server import MinioServer  # pyright: ignore[reportMissingImports]
from mlflow_doubles import free_port, mlflow_server  # pyright: ignore[reportMissingImports]
from small_voice import Notes, with_tiny_preset, write_corpus  # pyright: ignore[reportMissingImports]

from clock_train.erasure.request import Request, erase
from clock_train.erasure.verifying import verify_receipt
from clock_train.errors import BaseRetired, ErasureUnfinished, StorageUnreachable, TrackingUnreachable
from clock_train.issuing.installation import Installation
from clock_train.orchestration.corpus_versions import corpus_log, pull_corpus, push_corpus
from clock_train.orchestration.presets import PRESETS
from clock_train.orchestration.training_preparation import TrainRequest
from clock_train.orchestration.training_session import train
from clock_train.tracking.mlflow_erasing import find_models, is_run_left
from clock_train.tracking.mlflow_run import MlflowRun
from clock_train.tracking.target import local_target

pytestmark = [pytest.mark.ring2, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MinioServer]:
    with MinioServer(tmp_path_factory.mktemp("minio")) as running:
        yield running


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    monkeypatch.setenv("CLOCKTRAIN_ISSUING", str(tmp_path / "issuing"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return Installation()


@pytest.fixture
def tiny_preset() -> Iterator[None]:
    with_tiny_preset(max_steps=4, checkpoint_every=4)
    yield
    del PRESETS["Tiny"]


def test_every_version_in_a_bucket_goes(
    server: MinioServer, installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from minio.commonconfig import ENABLED
    from minio.versioningconfig import VersioningConfig

    for variable, value in server.environment().items():
        monkeypatch.setenv(variable, value)
    bucket, client = server.new_bucket(), server.client()
    client.set_bucket_versioning(bucket, VersioningConfig(ENABLED))
    storage = server.storage(bucket)
    world = make_world(tmp_path / "world", storage, f"s3://{bucket}")
    storage.put("local/runs/uid-anna/attempt-1/run.json", storage.get("local/runs/uid-anna/attempt-1/run.json"))
    storage.put("local/runs/uid-anna/attempt-1/logs/old", b"an old log")
    storage.delete("local/runs/uid-anna/attempt-1/logs/old")  # a delete marker over a version
    receipt, path = erase(world.request(), installation)
    left = [item.object_name for item in client.list_objects(bucket, recursive=True, include_version=True)]
    assert left and not [key for key in left if "anna" in key]
    assert any(key == "local/runs/uid-anna/attempt-1/logs/old" for _, _, key in receipt.items)
    verify_receipt(path.read_bytes(), installation.trusted_keys(), where=str(path))
    assert len([key for key in left if "ben" in key and key.endswith("run.json")]) == 1


def test_the_clusters_job_erases_a_speaker_with_every_version_and_leaves_its_receipt_in_the_bucket(
    server: MinioServer, installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from minio.commonconfig import ENABLED
    from minio.versioningconfig import VersioningConfig

    for variable, value in server.environment().items():
        monkeypatch.setenv(variable, value)
    bucket, client = server.new_bucket(), server.client()
    client.set_bucket_versioning(bucket, VersioningConfig(ENABLED))
    storage = server.storage(bucket)
    make_world(tmp_path / "world", storage, f"s3://{bucket}")
    storage.put("local/runs/uid-anna/attempt-1/logs/old", b"an old log")
    storage.delete("local/runs/uid-anna/attempt-1/logs/old")  # a delete marker over a version
    words = ["--store", f"s3://{bucket}", "--namespace", "local", "--speaker", "anna", "--consent", "anna-2026"]
    for _ in range(2):  # as the operator's next Job does, where it did not hear of the first one's end
        done = subprocess.run(
            [sys.executable, "-m", "clock_train.orchestration.erase_speaker", *words, "--receipt", "u1-c1"],
            env={
                "PYTHONPATH": "platform",
                "CLOCKTRAIN_ISSUING": str(installation.folder),
                **server.environment(),
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    left = [item.object_name for item in client.list_objects(bucket, recursive=True, include_version=True)]
    assert left and not [key for key in left if "anna" in key]
    content = storage.get("local/receipts/u1-c1.json")
    receipt = verify_receipt(content, installation.trusted_keys(), where="the bucket's receipt").receipt
    assert any(key == "local/runs/uid-anna/attempt-1/logs/old" for _, _, key in receipt.items)


def test_a_bucket_that_is_away_is_remembered_and_the_next_run_finishes(
    server: MinioServer, installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in server.environment().items():
        monkeypatch.setenv(variable, value)
    bucket = server.new_bucket()
    world = make_world(tmp_path / "world", server.storage(bucket), f"s3://{bucket}")
    server.kill()
    try:
        with pytest.raises(StorageUnreachable):
            erase(world.request(), installation)
        (path,) = (installation.folder / "erasures").glob("*.json")
        with pytest.raises(ErasureUnfinished):
            verify_receipt(path.read_bytes(), installation.trusted_keys(), where=str(path))
        assert not (world.folder / "runs" / "anna" / "voice").exists()
    finally:
        server.start()
    without_store = Request(scope="speaker", name="anna", folders=[world.folder])
    receipt, again = erase(without_store, installation)
    assert again == path and receipt.is_complete
    left = [item.key for item in server.storage(bucket).list("")]
    assert left and not [key for key in left if "anna" in key]


def track(uri: str, folder: Path, name: str, voice: Path) -> str:
    """What a training sends, by the adapter that sends it."""
    run = MlflowRun(uri, artifacts=folder / "mlflow-artifacts")
    tags = {"clocktrain.uid": f"tracked-{name}", "clocktrain.speakers": name, "clocktrain.prefix": f"local/runs/{name}"}
    run.begin({"tags": tags, "params": {"seed": 1}, "time_ms": 1, "name": name})
    run.metrics([{"values": {"loss": 1.0}, "time_ms": 2, "step": 1}])
    run.artifact({"path": str(voice), "to": "voice"})
    run.model({"name": name, "digest": "d", "to": "voice"})
    run.end({"status": "FINISHED", "time_ms": 3})
    return str(run.run_id)


def test_a_trained_voice_goes_from_disk_dvc_and_mlflow(
    installation: Installation, tmp_path: Path, tiny_preset: None
) -> None:
    work, remote = tmp_path / "work", str(tmp_path / "work" / "remote")
    for name, hz in (("anna", 140), ("ben", 200)):
        corpus, output = write_corpus(work / name, speaker=name, pitch_hz=hz), work / "runs" / name
        push_corpus(corpus, remote, name, "first", report=lambda said: None)
        train(TrainRequest(corpora=[corpus], output=output, preset="Tiny", device="cpu", name=name), Notes())
        track(local_target(output).uri, output, name, output / "voice")
    receipt, path = erase(Request(scope="speaker", name="anna", folders=[work]), installation)
    kinds = {item.kind for item in receipt.items.values()}
    assert kinds == {"object", "file", "trackedRun", "registeredModel"}
    verify_receipt(path.read_bytes(), installation.trusted_keys(), where=str(path))
    left = [each for each in work.rglob("*") if each.is_file() and "anna" in str(each.relative_to(work))]
    assert {each.name for each in left} <= {".lock", "mlflow.db"}
    assert not [each for each in left if b"local/runs/anna" in each.read_bytes()]  # nor in the database's free pages
    assert (work / "runs" / "ben" / "voice" / "voice.json").exists()
    pull_corpus(remote, "ben", corpus_log(remote, "ben")[0].revision, tmp_path / "pulled", report=lambda said: None)
    assert not (work / "remote" / "local" / "corpora" / "anna").exists()


def test_a_server_that_was_away_is_remembered_and_loses_files_and_names_later(
    installation: Installation, tmp_path: Path
) -> None:
    world, port = make_world(tmp_path / "world"), free_port()
    uri = f"http://127.0.0.1:{port}"
    with mlflow_server(tmp_path / "mlflow", port):
        runs = {name: track(uri, tmp_path, name, world.folder / "runs" / name / "voice") for name in ("anna", "ben")}
    with pytest.raises(TrackingUnreachable, match="same command again"):
        erase(world.request(trackers=[uri]), installation)
    assert not (world.folder / "runs" / "anna" / "voice").exists()
    with mlflow_server(tmp_path / "mlflow", port):
        receipt, path = erase(world.request(), installation)  # it is remembered, and not asked for again
        assert receipt.is_complete and ("trackedRun", uri, runs["anna"]) in receipt.items
        verify_receipt(path.read_bytes(), installation.trusted_keys(), where=str(path))
        files = [each for each in (tmp_path / "mlflow" / "artifacts").rglob("*") if each.is_file()]
        assert files and all(runs["ben"] in str(each) for each in files)
        assert is_run_left(uri, runs["ben"]) and find_models(uri, {"anna", "ben"}, set()) == ["ben/1"]


def test_nothing_new_starts_from_a_retired_base(installation: Installation, tmp_path: Path, tiny_preset: None) -> None:
    world = make_world(tmp_path / "world")
    erase(world.request(), installation)
    corpus = write_corpus(tmp_path / "carl", speaker="carl")
    request = TrainRequest(corpora=[corpus], output=tmp_path / "out", preset="Tiny", base=world.folder / "base")
    with pytest.raises(BaseRetired):
        train(request, Notes())


def test_the_program_killed_in_the_middle_goes_on(installation: Installation, tmp_path: Path) -> None:
    world = make_world(tmp_path / "world")
    words = ["erase", "speaker", "anna", "--store", world.store, "--folder", str(world.folder), "--yes"]
    code = f"import sys; from clock_train.cli.main import main; sys.argv[1:] = {words!r}; main()"
    program = [sys.executable, "-c", code]
    first = subprocess.Popen(program, env={"PYTHONPATH": "platform", "CLOCKTRAIN_ISSUING": str(installation.folder)})
    try:
        first.wait(0.6)
    except subprocess.TimeoutExpired:
        first.kill()
        first.wait(20)
    done = subprocess.run(
        program,
        env={"PYTHONPATH": "platform", "CLOCKTRAIN_ISSUING": str(installation.folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0 and "Receipt:" in done.stdout, done.stderr
