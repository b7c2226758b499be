"""What arrives at a real MLflow, and what is kept when there is none, a slow one or one that refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow_doubles import answering, free_port, mlflow_server

from clock_train.errors import TrackingDenied, TrackingUnreachable
from clock_train.tracking.mlflow_run import UID_TAG, without_secrets
from clock_train.tracking.outbox import SENT, Outbox
from clock_train.tracking.sending import keep_sending, send_waiting

pytestmark = pytest.mark.ring2


def filled(folder: Path) -> Outbox:
    """A run of two checkpoints with a sound and a voice."""
    outbox = Outbox(folder / "run")
    sound = folder / "sound"
    sound.mkdir(exist_ok=True)
    (sound / "generated.wav").write_bytes(b"RIFF")
    outbox.add("begin", name="anna", tags={UID_TAG: "abc123", "clocktrain.preset": "Demo"}, params={"training.seed": 1})
    for step in (10, 20):
        outbox.add("metrics", step=step, values={"train/mel": 1.0 / step, "learning_rate": 1e-3})
    outbox.add("artifact", path=str(sound), to="samples/step-20/clip")
    outbox.add("artifact", path=str(folder / "gone.wav"), to="nowhere")
    outbox.add("model", name="anna", digest="d1", to="bundle")
    outbox.add("end", status="FINISHED")
    return outbox


def only_run(client: MlflowClient) -> str:
    experiment = client.get_experiment_by_name("clocktrain")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    assert len(runs) == 1
    return runs[0].info.run_id


def check_whole(uri: str) -> None:
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    run = client.get_run(only_run(client))
    assert run.info.run_name == "anna"
    assert run.info.status == "FINISHED"
    assert run.data.params == {"training.seed": "1"}
    curve = client.get_metric_history(run.info.run_id, "train/mel")
    assert [(point.step, point.value) for point in curve] == [(10, 0.1), (20, 0.05)]
    found = client.list_artifacts(run.info.run_id, "samples/step-20/clip")
    assert [item.path for item in found] == ["samples/step-20/clip/generated.wav"]
    version = client.get_model_version_by_alias("anna", "candidate")
    assert version.tags["clocktrain.digest"] == "d1"
    assert len(client.search_model_versions("name = 'anna'")) == 1


def test_a_run_arrives_whole_in_a_database(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    assert send_waiting(filled(tmp_path), uri, artifacts=tmp_path / "artifacts") == 7
    check_whole(uri)


def test_sending_everything_once_more_doubles_nothing(tmp_path: Path) -> None:
    uri, outbox = f"sqlite:///{tmp_path / 'mlflow.db'}", filled(tmp_path)
    send_waiting(outbox, uri, artifacts=tmp_path / "artifacts")
    # killed after MLflow took the entries and before that was written down, its memory of the run's id as well
    (outbox.folder / SENT).unlink()
    (outbox.folder / "run.json").unlink()
    send_waiting(outbox, uri, artifacts=tmp_path / "artifacts")
    check_whole(uri)


def test_a_server_that_was_down_gets_all_of_it_afterwards(tmp_path: Path) -> None:
    port, outbox = free_port(), filled(tmp_path)
    uri = f"http://127.0.0.1:{port}"
    assert not keep_sending(outbox, uri, artifacts=None, is_over=lambda: True, grace_s=1.0)
    assert len(outbox.waiting()) == 7
    assert "TrackingUnreachable" in outbox.status().error
    with mlflow_server(tmp_path / "server", port):
        assert keep_sending(outbox, uri, artifacts=None, is_over=lambda: True, grace_s=30.0)
        check_whole(uri)
        assert outbox.status().error == ""
        assert outbox.status().url.startswith(f"{uri}/#/experiments/")


@pytest.mark.parametrize(
    ("status", "error", "says"),
    [(403, TrackingDenied, "refused with 403"), (500, TrackingUnreachable, "they are kept")],
)
def test_a_server_that_refuses_or_fails_costs_nothing(
    status: int, error: type[Exception], says: str, tmp_path: Path
) -> None:
    outbox = filled(tmp_path)
    with answering(status) as uri, pytest.raises(error, match=says):
        send_waiting(outbox, uri, artifacts=None)
    assert len(outbox.waiting()) == 7
    assert type(error).__name__ and says in outbox.status().error


def test_a_server_that_hangs_is_left_after_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    outbox = filled(tmp_path)
    with answering(200, after_s=20.0) as uri, pytest.raises(TrackingUnreachable, match="ReadTimeout"):
        send_waiting(outbox, uri, artifacts=None)
    assert len(outbox.waiting()) == 7


def test_a_password_in_an_address_is_never_told(tmp_path: Path) -> None:
    assert without_secrets("http://anna:secret@host:5000/x") == "http://host:5000/x"
    outbox = filled(tmp_path)
    port = free_port()
    with pytest.raises(TrackingUnreachable) as raised:
        send_waiting(outbox, f"http://anna:secret@127.0.0.1:{port}", artifacts=None)
    assert "secret" not in str(raised.value) + outbox.status().error
