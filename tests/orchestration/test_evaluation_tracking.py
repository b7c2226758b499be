"""An evaluation arrives in the MLflow run of its voice: figures, page and sounds, later where MLflow was down."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from small_voice import Notes, with_tiny_preset, write_corpus

from clock_train.cli.main import run
from clock_train.orchestration.presets import PRESETS
from clock_train.orchestration.run_listing import list_runs
from clock_train.orchestration.run_tracking import RunTracking
from clock_train.orchestration.training_preparation import TrainRequest
from clock_train.orchestration.training_session import train
from clock_train.tracking.target import local_target

pytestmark = [pytest.mark.ring2, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("recordings") / "corpus")


@pytest.fixture
def trained(corpus: Path, tmp_path: Path) -> Path:
    """The output folder of a training that was followed in MLflow on SQLite."""
    output, notes = tmp_path / "out", Notes()
    with_tiny_preset(max_steps=4, checkpoint_every=4)
    try:
        tracking = RunTracking(output, local_target(output), warn=notes.warn, grace_s=120.0)
        train(TrainRequest(corpora=[corpus], output=output, preset="Tiny", device="cpu"), notes, tracking)
        tracking.finish()
    finally:
        del PRESETS["Tiny"]
    assert not notes.warnings
    return output


def judged(output: Path, corpus: Path) -> int:
    return run(["evaluate", str(output / "voice"), "--corpus", str(corpus), "--progress", "lines", "--json"])


def the_run(output: Path) -> tuple[MlflowClient, Run]:
    uri = f"sqlite:///{output.absolute() / 'mlflow.db'}"
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    experiment = client.get_experiment_by_name("clocktrain")
    assert experiment is not None
    (found,) = client.search_runs([experiment.experiment_id])
    return client, found


def check_arrived(output: Path, said: dict, tmp_path: Path) -> None:
    """The run has what the command said and wrote, to the last digit and byte."""
    client, found = the_run(output)
    wanted = {
        f"evaluation/{row['metric']}.{row['subject']}": row["value"]
        for row in said["rows"]
        if row["value"] is not None and row["style"] == "all"
    }
    assert "evaluation/mel_distance.speech" in wanted
    assert "evaluation/dnsmos_overall.natural" in wanted
    kept = {name: value for name, value in found.data.metrics.items() if name in wanted}
    assert kept == pytest.approx(wanted)
    for name in ("report.html", "evaluation.json"):
        path = client.download_artifacts(found.info.run_id, f"evaluation/{name}", str(tmp_path))
        assert Path(path).read_bytes() == (output / "evaluation" / name).read_bytes()
    for item in said["items"]:
        clip = f"evaluation/held-out/{item['id']}"
        names = {Path(each.path).name for each in client.list_artifacts(found.info.run_id, clip)}
        assert names == {"natural.wav", "generated.wav", "resynthesis.wav"}
    # the training's own curves and end are as they were
    assert found.info.status == "FINISHED"
    assert [point.step for point in client.get_metric_history(found.info.run_id, "validation/mel")] == [4]


def test_figures_page_and_sounds_are_read_back_from_the_run(
    trained: Path, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert judged(trained, corpus) == 0
    check_arrived(trained, json.loads(capsys.readouterr().out), tmp_path)
    (row,) = list_runs(trained)
    assert row.waiting == 0


def test_an_evaluation_without_mlflow_is_kept_and_sent_by_a_later_sync(
    trained: Path,
    corpus: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    dead_address: str,
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", dead_address)
    assert judged(trained, corpus) == 0
    shown = capsys.readouterr()
    assert "the figures wait to be sent to MLflow (TrackingUnreachable" in shown.err
    assert f"clocktrain runs {trained.absolute()} --sync" in shown.err
    (row,) = list_runs(trained)
    assert row.waiting > 0
    assert not [name for name in the_run(trained)[1].data.metrics if name.startswith("evaluation/")]

    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert run(["runs", str(trained), "--sync"]) == 0
    assert f"{row.waiting} entries sent" in capsys.readouterr().err
    check_arrived(trained, json.loads(shown.out), tmp_path)
