"""The tracker as the chart starts it: the real MLflow server with the rendered options, on this machine."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chart_tool import S3, one, pod_templates, render

from harness.waiting import eventually

pytestmark = [pytest.mark.ring2, pytest.mark.timeout(900)]

NAME = "clocktrain-mlflow.clocktrain.svc"
READY_LIMIT_S = 180.0
PROGRAM = Path(sys.executable).with_name("mlflow")
SEARCH = "/api/2.0/mlflow/experiments/search"


class Tracker:
    """Asks the running server."""

    def __init__(self, port: int, user: str, password: str) -> None:
        self.port, self.user, self.password = port, user, password

    def ask(self, path: str, *, host: str, password: str | None = None, body: dict[str, Any] | None = None) -> int:
        """The HTTP status of a request that names this host."""
        headers = {"Host": host, "Content-Type": "application/json"}
        if password is not None:
            word = base64.b64encode(f"{self.user}:{password}".encode()).decode()
            headers["Authorization"] = f"Basic {word}"
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code


def environment_of(container: dict[str, Any], secret: dict[str, str], folder: Path) -> dict[str, str]:
    """The rendered environment only: the chart must say all that the program needs."""
    found = {"PATH": os.environ["PATH"]}
    for each in container["env"]:
        value = each.get("value") or secret[each["valueFrom"]["secretKeyRef"]["key"]]
        found[each["name"]] = value.replace("/etc/mlflow", str(folder)).replace("/mlflow/", f"{folder}/")
    return found | {"HOME": str(folder)}


@pytest.fixture(scope="module")
def tracker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracker]:
    folder = tmp_path_factory.mktemp("mlflow")
    objects = render(S3)
    data: dict[str, str] = one(objects, "Secret", "mlflow")["data"]
    secret = {key: base64.b64decode(value).decode() for key, value in data.items()}
    (folder / "auth.ini").write_text(
        one(objects, "ConfigMap", "mlflow")["data"]["auth.ini"].replace("/mlflow/", f"{folder}/"), encoding="utf-8"
    )
    spec = pod_templates(objects)["Deployment/clocktrain-mlflow"]
    container = spec["containers"][0]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words: list[str] = container["args"]
    here = {"--host=0.0.0.0": "--host=127.0.0.1", "--port=5000": f"--port={port}"}
    args = [here.get(word, word).replace("/mlflow/", f"{folder}/") for word in words]
    environment = environment_of(container, secret, folder)
    migrate = spec["initContainers"][0]
    before = environment_of(migrate, secret, folder)
    words = [
        word.replace("$(MLFLOW_BACKEND_STORE_URI)", before["MLFLOW_BACKEND_STORE_URI"]) for word in migrate["command"]
    ]
    for _ in range(2):  # on an empty database, and on one that is as it should be
        subprocess.run([str(PROGRAM), *words[1:]], env=before, cwd=folder, timeout=READY_LIMIT_S, check=True)
    log = folder / "server.log"
    with log.open("wb") as out:
        command = [str(PROGRAM), "server", *args]
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=out, cwd=folder, start_new_session=True)
    found = Tracker(port, secret["MLFLOW_TRACKING_USERNAME"], secret["MLFLOW_TRACKING_PASSWORD"])

    def is_up() -> bool:
        assert process.poll() is None, log.read_text(encoding="utf-8")[-3_000:]
        try:
            return found.ask("/health", host=NAME) == 200
        except OSError:
            return False

    try:
        eventually(is_up, timeout_s=READY_LIMIT_S, what="the tracker")
        yield found
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(20)


def test_probes_are_answered_under_the_services_name(tracker: Tracker) -> None:
    container = pod_templates(render(S3))["Deployment/clocktrain-mlflow"]["containers"][0]
    for probe in ("startupProbe", "readinessProbe"):
        asked = container[probe]["httpGet"]
        assert tracker.ask(asked["path"], host=asked["httpHeaders"][0]["value"]) == 200


def test_nobody_reads_runs_without_signing_in(tracker: Tracker) -> None:
    assert tracker.ask(SEARCH, host=NAME, body={"max_results": 1}) == 401
    assert tracker.ask(SEARCH, host=NAME, password="password1234", body={"max_results": 1}) == 401


def test_the_generated_password_lets_in(tracker: Tracker) -> None:
    for host in (NAME, f"{NAME}:5000", "clocktrain-mlflow:5000"):
        assert tracker.ask(SEARCH, host=host, password=tracker.password, body={"max_results": 1}) == 200


def test_another_host_is_refused_whoever_asks(tracker: Tracker) -> None:
    for host in ("evil.example", f"{NAME}.evil.example", f"{NAME}:6000"):
        assert tracker.ask(SEARCH, host=host, password=tracker.password, body={"max_results": 1}) == 403
