"""Results on a real MLflow server: votes, figures and files; MLflow away and back; refusals; never twice."""

from __future__ import annotations

import csv
import io
import json
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from heard_voices import made, right_answer  # pyright: ignore[reportMissingImports]

from clock_train.cli.main import run
from clock_train.errors import TrackingDenied, TrackingError, TrackingUnreachable
from clock_train.listening.listening_test import trials_of
from clock_train.listening.mlflow_rest import MlflowRest
from clock_train.listening.rooms import Ballot, ListeningRoom, ListeningRooms
from clock_train.listening.sending import ResultSender, send_results, sender_for

sys.path.insert(0, str(Path(__file__).parents[1] / "tracking"))
from mlflow_doubles import answering, free_port, mlflow_server  # pyright: ignore[reportMissingImports]

pytestmark = pytest.mark.ring2


@pytest.fixture(scope="module")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with mlflow_server(tmp_path_factory.mktemp("mlflow"), free_port()) as uri:
        yield uri


def asked(mlflow: str, path: str) -> Any:
    with urllib.request.urlopen(f"{mlflow}/api/2.0/{path}", timeout=20) as answer:
        return answer.read()


def metrics(mlflow: str, run_id: str) -> dict[str, float]:
    data = json.loads(asked(mlflow, f"mlflow/runs/get?run_id={run_id}"))["run"]["data"]
    return {each["key"]: each["value"] for each in data["metrics"]}


def rows(mlflow: str, run_id: str, test_id: str) -> list[dict[str, str]]:
    root = MlflowRest(mlflow).artifact_root(run_id).partition("mlflow-artifacts:/")[2]
    content = asked(mlflow, f"mlflow-artifacts/artifacts/{root}/listening/{test_id}/votes.csv").decode()
    return list(csv.DictReader(io.StringIO(content)))


def listen(room: ListeningRoom, token: str, until: int | None = None) -> None:
    invitation = room.invitation(token)
    secret = room.begin(invitation)
    for trial in trials_of(room.test, invitation.listener)[:until]:
        sounds = len(trial.stimuli)
        said = Ballot(
            trial=trial.number,
            answer=right_answer(room.test, trial),
            ms=9_000,
            plays=(1,) * sounds,
            ended=(True,) * sounds,
        )
        room.vote(invitation, said, secret)


def test_votes_and_figures_are_on_the_voices_run_once(tmp_path: Path, mlflow: str) -> None:
    server = MlflowRest(mlflow)
    voice = server.run_of("a-voice", "anna", time_ms=1)
    assert server.run_of("a-voice", "anna", time_ms=1) == voice
    done = made(tmp_path, runs=[voice])
    room = ListeningRoom(done.folder)
    assert send_results(room, server).num_votes == 0
    listen(room, done.tokens[0])
    listen(room, done.tokens[1])
    sent = send_results(room, server)
    assert (sent.num_votes, sent.run_ids, sent.is_with_files) == (32, (voice,), True)
    assert send_results(room, server).num_votes == 0
    send_results(room, server, is_forced=True)
    assert metrics(mlflow, voice) == {
        "n_votes": 26, "n_rejected": 0, "mos/natural": 5, "mos_ci95/natural": 0, "mos/anna": 4, "mos_ci95/anna": 0,
        "mos/boris": 2, "mos_ci95/boris": 0,
    }  # fmt: skip
    history = json.loads(asked(mlflow, f"mlflow/metrics/get-history?run_id={voice}&metric_key=n_votes"))["metrics"]
    assert len(history) == 1
    assert [row["answer"] for row in rows(mlflow, voice, done.test.id)] == [vote.answer for vote in room.votes.all()]


def test_a_test_without_a_run_gets_one_of_its_own(
    tmp_path: Path, mlflow: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done = made(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow)
    assert run(["listen", "send", str(done.folder)]) == 0
    assert "no votes yet" in capsys.readouterr().out
    listen(ListeningRoom(done.folder), done.tokens[0], until=4)
    assert run(["listen", "send", str(done.folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["votes"] == 4 and metrics(mlflow, told["runs"][0])["n_votes"] == 1
    assert run(["listen", "send", str(done.folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"] == told["runs"]


def test_votes_wait_while_mlflow_is_away_and_arrive_when_it_is_back(tmp_path: Path) -> None:
    done, port = made(tmp_path), free_port()
    room = ListeningRoom(done.folder)
    sender = ResultSender(ListeningRooms(tmp_path), f"http://127.0.0.1:{port}", look_s=0.1)
    sender.start()
    listen(room, done.tokens[0])
    with pytest.raises(TrackingUnreachable, match="kept and sent later"):
        send_results(room, MlflowRest(f"http://127.0.0.1:{port}"))
    assert room.votes.waiting(f"http://127.0.0.1:{port}") == 16
    with mlflow_server(tmp_path / "mlflow", port) as uri:
        deadline = time.monotonic() + 90
        while room.votes.waiting(uri):
            assert time.monotonic() < deadline, "the votes never arrived"
            time.sleep(0.2)
        run_id = MlflowRest(uri).run_of(f"listening-{done.test.id}", "", time_ms=0)
        assert metrics(uri, run_id)["n_votes"] == 13 and len(rows(uri, run_id, done.test.id)) == 16
    sender.close()


def test_a_run_that_is_gone_keeps_no_other_tests_votes_waiting(tmp_path: Path, mlflow: str) -> None:
    lost = made(tmp_path / "a", runs=["0" * 32])
    good = made(tmp_path / "b")
    tests = tmp_path / "tests"
    tests.mkdir()
    rooms = [ListeningRoom(done.folder.rename(tests / name)) for name, done in (("a", lost), ("b", good))]
    for room, done in zip(rooms, (lost, good), strict=True):
        listen(room, done.tokens[0], until=2)
    with pytest.raises(TrackingUnreachable, match="404"):
        send_results(rooms[0], MlflowRest(mlflow))
    sender = ResultSender(ListeningRooms(tests), mlflow, look_s=0.1)
    sender.start()
    deadline = time.monotonic() + 30
    while rooms[1].votes.waiting(mlflow):
        assert time.monotonic() < deadline, "the votes never arrived"
        time.sleep(0.1)
    sender.close()
    assert rooms[0].votes.waiting(mlflow) == 2


def test_without_an_mlflow_votes_are_kept_and_the_server_starts(tmp_path: Path) -> None:
    made(tmp_path)
    for uri in ("", "sqlite:///x.db"):
        assert sender_for(ListeningRooms(tmp_path), {"MLFLOW_TRACKING_URI": uri}) is None


def test_a_refusal_names_the_sign_in_and_no_password(tmp_path: Path) -> None:
    done = made(tmp_path)
    room = ListeningRoom(done.folder)
    listen(room, done.tokens[0], until=1)
    with answering(401) as uri, pytest.raises(TrackingDenied, match="MLFLOW_TRACKING_USERNAME") as refused:
        send_results(room, MlflowRest(uri.replace("://", "://anna:secret@")))
    assert "secret" not in str(refused.value)
    with answering(500) as uri, pytest.raises(TrackingUnreachable, match="500"):
        send_results(room, MlflowRest(uri))
    assert room.votes.waiting("anything") == 1


@pytest.mark.parametrize("uri", ["sqlite:///mlflow.db", "mlruns", "file:///x", "https://"])
def test_an_address_that_is_no_servers_is_refused(uri: str) -> None:
    with pytest.raises(TrackingError, match="names no server"):
        MlflowRest(uri)


def test_a_password_does_not_follow_a_redirect() -> None:
    with answering(302) as uri, pytest.raises(TrackingUnreachable, match="302"):
        MlflowRest(uri.replace("://", "://anna:secret@")).artifact_root("x")


@pytest.mark.parametrize(
    ("environment", "uri", "header"),
    [
        ({"MLFLOW_TRACKING_USERNAME": "anna", "MLFLOW_TRACKING_PASSWORD": "p"}, "http://x", "Basic YW5uYTpw"),
        ({"MLFLOW_TRACKING_TOKEN": "abc"}, "http://x", "Bearer abc"),
        ({}, "http://anna:p@x", "Basic YW5uYTpw"),
        ({}, "http://x", None),
    ],
)
def test_it_signs_in_as_mlflows_client_does(environment: dict[str, str], uri: str, header: str | None) -> None:
    server = MlflowRest(uri, environment)
    assert server._headers.get("authorization") == header and server.address == "http://x"
