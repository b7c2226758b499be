"""A training followed in a real MLflow, and what happens when MLflow or the process that sends to it is not there."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from small_voice import Notes, with_tiny_preset, write_corpus

from clock_train.audit.log import read_lines
from clock_train.errors import RunNotFound, TrainingDiverged
from clock_train.issuing.installation import Installation
from clock_train.labels.files import check_file
from clock_train.orchestration import run_fitting
from clock_train.orchestration.presets import PRESETS
from clock_train.orchestration.run_listing import list_runs, sync_runs
from clock_train.orchestration.run_tracking import RunTracking
from clock_train.orchestration.training_preparation import TrainRequest
from clock_train.orchestration.training_session import train
from clock_train.tracking.outbox import Outbox, SendingStatus
from clock_train.tracking.target import TrackingTarget, local_target

ROW = {"step": 1, "terms": {}, "learning_rate": 1.0, "step_seconds": 1.0, "data_seconds": 0.0, "cpu_seconds": 1.0}
pytestmark = [pytest.mark.ring2, pytest.mark.timeout(300)]


@pytest.fixture(autouse=True)
def tiny_preset() -> object:
    with_tiny_preset(max_steps=12, checkpoint_every=4)
    yield
    del PRESETS["Tiny"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("recordings") / "corpus")


def follow(corpus: Path, output: Path, target: TrackingTarget, *, grace_s: float = 60.0) -> tuple[RunTracking, Notes]:
    notes = Notes()
    tracking = RunTracking(output, target, warn=notes.warn, grace_s=grace_s)
    train(TrainRequest(corpora=[corpus], output=output, preset="Tiny", device="cpu"), notes, tracking)
    return tracking, notes


def the_run(output: Path) -> tuple[MlflowClient, Any]:
    uri = local_target(output).uri
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    experiment = client.get_experiment_by_name("clocktrain")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    return client, run


def test_a_training_is_found_in_mlflow_from_its_data_to_its_voice(corpus: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    tracking, notes = follow(corpus, output, local_target(output))
    tracking.evaluated({"speaker_similarity/speech": 0.5, "undefined/speech": float("nan")}, {})
    tracking.finish()

    assert notes.warnings == []
    client, run = the_run(output)
    (facts,) = [json.loads(path.read_text()) for path in output.glob("run-*.json")]
    assert run.info.status == "FINISHED"
    assert run.data.tags["clocktrain.uid"] == facts["uid"]
    assert run.data.tags["clocktrain.corpusRevision"] == facts["corpus_revision"]
    assert run.data.params["training.batch_size"] == "4"
    assert run.data.metrics["evaluation/speaker_similarity.speech"] == 0.5
    assert "evaluation/undefined.speech" not in run.data.metrics
    curve = client.get_metric_history(run.info.run_id, "validation/mel")
    assert [point.step for point in curve] == [4, 8, 12]
    (step,) = client.list_artifacts(run.info.run_id, "samples")[-1:]
    (clip,) = client.list_artifacts(run.info.run_id, step.path)[:1]
    names = {Path(item.path).name for item in client.list_artifacts(run.info.run_id, clip.path)}
    assert names == {"reference.wav", "generated.wav", "reference-mel.png", "generated-mel.png"}
    heard = Path(client.download_artifacts(run.info.run_id, f"{clip.path}/generated.wav", str(tmp_path)))
    claim = check_file(heard).claim
    assert claim is not None
    lines = [values for _, _, _, values in read_lines(Installation().log_folder) if values["kind"] == "issued"]
    assert {line["marked"] for line in lines if line["requestId"] == claim["requestId"]} == {True}
    assert client.get_model_version_by_alias("anna", "candidate").run_id == run.info.run_id
    (row,) = list_runs(tmp_path)
    assert (row.step, row.status, row.waiting, row.run_id) == (12, "finished", 0, run.info.run_id)


def test_a_run_without_any_mlflow_is_whole_and_its_entries_arrive_later(
    corpus: Path, tmp_path: Path, dead_address: str
) -> None:
    output = tmp_path / "out"
    tracking, notes = follow(corpus, output, TrackingTarget(uri=dead_address), grace_s=5.0)
    assert tracking.outbox is not None
    end = time.monotonic() + 120  # on a busy machine the sender is long in starting
    while not tracking.outbox.said().error and time.monotonic() < end:
        time.sleep(0.1)
    tracking.finish()
    assert (output / "voice" / "voice.json").exists()
    assert any("entries wait to be sent (TrackingUnreachable" in text and "--sync" in text for text in notes.warnings)
    (row,) = list_runs(output)
    assert row.waiting > 5

    assert sync_runs(output, note=notes.note) == row.waiting

    _, run = the_run(output)
    assert run.info.status == "FINISHED"
    assert sync_runs(output, note=notes.note) == 0


def test_why_a_tracker_takes_nothing_is_told_once_and_so_is_its_end(tmp_path: Path) -> None:
    told: list[str] = []
    tracking = RunTracking(tmp_path, local_target(tmp_path), warn=told.append, troubled=told.append, look_every_s=0)
    outbox = tracking.outbox = Outbox(tmp_path / "tracking" / "run")

    def says(error: str) -> None:
        outbox.write_status(SendingStatus(error=error))
        for _ in range(3):
            tracking.progress(ROW)

    says("TrackingDenied: refused with 403")
    says("TrackingDenied: refused with 403")
    says("")
    assert told == ["TrackingDenied: refused with 403", ""]


def test_a_killed_sender_costs_the_training_nothing(corpus: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"

    class Killing(RunTracking):
        """Kills the sending process at the first curve."""

        def progress(self, row: dict[str, Any]) -> None:
            super().progress(row)
            assert self._sender is not None
            if self._sender.poll() is None:
                os.kill(self._sender.pid, signal.SIGKILL)
                self._sender.wait()

    notes = Notes()
    tracking = Killing(output, local_target(output), warn=notes.warn, grace_s=5.0)
    train(TrainRequest(corpora=[corpus], output=output, preset="Tiny", device="cpu"), notes, tracking)
    tracking.finish()
    assert any("entries wait to be sent (what sends them ended with -9" in text for text in notes.warnings)

    sync_runs(output, note=notes.note)
    client, run = the_run(output)
    assert [point.step for point in client.get_metric_history(run.info.run_id, "validation/mel")] == [4, 8, 12]


def test_a_training_that_fails_is_a_failed_run(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def diverge(*_: Any, **__: Any) -> None:
        raise TrainingDiverged("step 3: mel is NaN; go on from step 0")

    monkeypatch.setattr(run_fitting, "work", diverge)
    with pytest.raises(TrainingDiverged):
        follow(corpus, tmp_path / "out", local_target(tmp_path / "out"))
    _, run = the_run(tmp_path / "out")
    assert run.info.status == "FAILED"
    assert "mel is NaN" in run.data.tags["clocktrain.error"]


def test_a_folder_without_runs_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunNotFound, match="name the output folder of a training"):
        list_runs(tmp_path)
    with pytest.raises(RunNotFound):
        sync_runs(tmp_path, note=lambda text: None)


def test_a_server_that_has_the_run_is_told_of_once_and_early(tmp_path: Path) -> None:
    heard: list[tuple[str, str]] = []
    target = TrackingTarget(uri="http://tracker")
    tracking = RunTracking(tmp_path, target, warn=print, found=lambda *names: heard.append(names), look_every_s=0)
    tracking.outbox = Outbox(tmp_path / "outbox")
    tracking.progress(ROW)
    assert heard == []
    page = f"http://tracker/#/experiments/3/runs/{'ab' * 16}"
    tracking.outbox.write_status(SendingStatus(run_id="ab" * 16, url=page))
    tracking.progress(ROW)
    tracking.progress(ROW)
    assert heard == [("ab" * 16, "3")]
