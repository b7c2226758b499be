"""How the client of a cluster words what an API server answers; one on loopback answers what it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from clock_train.cluster import client as adapter
from clock_train.cluster.client import Cluster, event_time
from clock_train.cluster.kinds import CLONES
from clock_train.errors import (
    ClusterConfigInvalid,
    ClusterConflict,
    ClusterForbidden,
    ClusterObjectInvalid,
    ClusterObjectMissing,
    ClusterUnreachable,
)

Answer = tuple[int, str, str]
"""Status, content type, body."""


class Server:
    """Gives the answers of a list, one a request; the last for ever."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                code, kind, body = outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0]
                self.send_response(code)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body.encode())))
                self.end_headers()
                self.wfile.write(body.encode())

            do_PATCH = do_GET

            def log_message(self, format: str, *args: object) -> None:
                """Nothing."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.http.serve_forever, daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_address[1]}"


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.http.shutdown()
    made.http.server_close()


def config(url: str, name: str = "here") -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": "voices"}}],
        "clusters": [{"name": name, "cluster": {"server": url}}],
        "users": [{"name": name, "user": {"token": "t"}}],
    }


@pytest.fixture
def cluster(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(config(server.url)), encoding="utf-8")
    monkeypatch.setenv("KUBECONFIG", str(path))
    with Cluster() as made:
        yield made


def failure(code: int, reason: str, message: str, **details: Any) -> Answer:
    status = {"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message}
    return code, "application/json", json.dumps({**status, "details": details})


def clone(version: str, **status: Any) -> Answer:
    body = {
        "apiVersion": "clocktrain.dev/v1alpha1",
        "kind": "VoiceClone",
        "metadata": {"name": "anna", "namespace": "voices", "resourceVersion": version},
        "status": status,
    }
    return 200, "application/json", json.dumps(body)


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (
            failure(403, "Forbidden", 'User "x" cannot get resource "voiceclones" in API group "clocktrain.dev" in the '
                    'namespace "voices"'),
            ClusterForbidden,
            'you may not "get" voiceclones.clocktrain.dev in the namespace "voices"',
        ),
        (
            failure(403, "Forbidden", 'cannot list resource "pods" in API group "" at the cluster scope'),
            ClusterForbidden,
            'you may not "list" pods for the whole cluster',
        ),
        (failure(422, "Invalid", "denied request: too many", causes=[]), ClusterObjectInvalid, "too many"),
        (
            failure(409, "Conflict", "x", causes=[{"field": ".spec.a", "message": "conflict with kubectl"}]),
            ClusterConflict,
            ".spec.a: conflict with kubectl",
        ),
        (failure(409, "Conflict", "was modified"), ClusterConflict, "Run the command again"),
        (failure(404, "NotFound", "not found", name="anna"), ClusterObjectMissing, "another namespace with -n"),
        ((404, "text/plain", "404 page not found"), ClusterObjectMissing, "install ClockTrain's chart"),
        (failure(503, "ServiceUnavailable", "etcd is away"), ClusterUnreachable, "etcd is away"),
        ((502, "text/html", "<html>"), ClusterUnreachable, "answers 502"),
    ],
)  # fmt: skip
def test_each_answer_has_its_code_and_its_words(
    server: Server, cluster: Cluster, answer: Answer, error: type[Exception], words: str
) -> None:
    server.answers = [answer]
    with pytest.raises(error) as caught:
        cluster.get(CLONES, "anna")
    assert words in str(caught.value)


def test_the_log_of_a_pod_is_its_last_lines(server: Server, cluster: Cluster) -> None:
    server.answers = [(200, "text/plain", "one\ntwo\n")]
    assert cluster.pod_log("operator-0", "clocktrain") == "one\ntwo\n"
    assert server.asked[0].startswith("/api/v1/namespaces/clocktrain/pods/operator-0/log?")
    assert "tailLines=5000" in server.asked[0]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    def set_away(seconds: float) -> None:
        monkeypatch.setattr(adapter, "ASK_EVERY_S", 0.01)
        monkeypatch.setattr(adapter, "LONGEST_AWAY_S", seconds)

    return set_away


def test_watching_outlives_a_server_that_is_away_and_ends_with_the_clone(
    server: Server, cluster: Cluster, impatient: Callable[[float], None]
) -> None:
    impatient(30.0)
    away = failure(503, "ServiceUnavailable", "away")
    server.answers = [clone("1"), clone("1"), away, away, clone("2"), failure(404, "NotFound", "gone", name="anna")]
    seen = [each and each["metadata"]["resourceVersion"] for each in cluster.watch(CLONES, "anna")]
    assert seen == ["1", "2", None]


def test_watching_gives_a_server_up_that_stays_away(
    server: Server, cluster: Cluster, impatient: Callable[[float], None]
) -> None:
    impatient(0.05)
    server.answers = [clone("1"), failure(503, "ServiceUnavailable", "away")]
    watched = cluster.watch(CLONES, "anna")
    assert next(watched)
    with pytest.raises(ClusterUnreachable):
        next(watched)


def test_of_several_kubeconfigs_the_first_that_has_the_context_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(yaml.safe_dump(config(f"http://{name}.example", name)), encoding="utf-8")
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'missing'}:{tmp_path / 'a'}:{tmp_path / 'b'}")
    assert Cluster().server == "http://a.example"
    assert (Cluster("b").server, Cluster("b").namespace) == ("http://b.example", "voices")
    with pytest.raises(ClusterConfigInvalid, match='no context "c"; it has a, b'):
        Cluster("c")


@pytest.mark.parametrize("text", ["", "a: [", "[]", "contexts: {}", "current-context: x\nclusters: []\ncontexts: []\n"])
def test_a_broken_kubeconfig_is_no_bug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    (tmp_path / "config").write_text(text, encoding="utf-8")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    with pytest.raises(ClusterConfigInvalid):
        Cluster()


def test_an_event_has_the_time_it_was_last_said() -> None:
    metadata = {"creationTimestamp": "2026-01-01T00:00:00Z"}
    assert event_time({"metadata": metadata}) == "2026-01-01T00:00:00Z"
    series = {"lastObservedTime": "2026-01-02T00:00:00Z"}
    assert event_time({"metadata": metadata, "series": series, "lastTimestamp": None}) == "2026-01-02T00:00:00Z"
