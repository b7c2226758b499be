"""A voice trained in pods: two workers on two nodes, then a fine-tune from it, on real recordings, and what is lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import voice_team as team

from harness.real_cluster import RealCluster

pytestmark = [pytest.mark.ring4, pytest.mark.timeout(2_400)]
NAMESPACE = team.NAMESPACE


class Platform:
    """The cluster with ClockTrain on it."""

    def __init__(self, cluster: RealCluster, endpoint: str, revisions: dict[str, str]) -> None:
        self.cluster, self.plane = cluster, cluster.plane
        self.bucket = team.bucket(endpoint)
        self.revisions = revisions

    def get(self, name: str) -> dict[str, Any]:
        text = self.plane.kubectl("get", "vc", name, "-n", NAMESPACE, "-o", "json", check=False)
        return json.loads(text) if text.strip().startswith("{") else {}

    def status(self, name: str) -> dict[str, Any]:
        return self.get(name).get("status") or {}

    def condition(self, name: str, kind: str) -> tuple[str, str]:
        for each in self.status(name).get("conditions", []):
            if each["type"] == kind:
                return each["status"], each["reason"]
        return "", ""

    def has_ended(self, name: str) -> bool:
        return self.condition(name, "Ready")[0] == "True" or self.condition(name, "Failed")[0] == "True"

    def pods(self, name: str, component: str) -> list[dict[str, Any]]:
        return self.plane.pods(NAMESPACE, f"clocktrain.dev/clone={name},app.kubernetes.io/component={component}")

    def wait(self, predicate: Callable[[], Any], seconds: float, what: str) -> Any:
        def look() -> Any:
            return predicate()

        try:
            return self.plane.wait(look, seconds, what)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.story()}") from error

    def story(self) -> str:
        """What a person would look at."""
        parts = [
            self.plane.kubectl("get", "vc,rayjobs,pods", "-n", NAMESPACE, "-o", "wide", check=False),
            self.plane.kubectl(
                "get", "vc", "-n", NAMESPACE, "-o", "jsonpath={.items[*].status.conditions}", check=False
            ),
            self.plane.kubectl("logs", "-n", "clocktrain", "deploy/clocktrain-operator", "--tail=30", check=False),
        ]
        for item in self.bucket.list(f"{NAMESPACE}/runs"):
            if "/logs/" in item.key:
                parts.append(f"{item.key}:\n{self.bucket.get(item.key).decode(errors='replace')[-1500:]}")
        return "\n".join(parts)[-14_000:]

    def newest_checkpoint(self, name: str) -> int:
        uid = self.get(name).get("metadata", {}).get("uid", "none")
        keys = [item.key for item in self.bucket.list(f"{NAMESPACE}/runs/{uid}") if item.key.endswith("/COMMITTED")]
        return max((int(k.split("/step-")[1].split("/")[0]) for k in keys if "/checkpoints/" in k), default=0)

    def log_of(self, name: str) -> str:
        uid = self.get(name)["metadata"]["uid"]
        items = [item.key for item in self.bucket.list(f"{NAMESPACE}/runs/{uid}") if "/logs/" in item.key]
        return "".join(self.bucket.get(key).decode(errors="replace") for key in sorted(items))


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    archives = team.image_archives()
    with RealCluster(["cpu", "cpu", "cpu"], images=archives, kuberay=True) as cluster:
        endpoint = team.start_storage(cluster)
        revisions = team.push_recordings(endpoint, tmp_path_factory.mktemp("corpora"))
        team.install_chart(cluster)
        cluster.plane.new_namespace(NAMESPACE, labels={"clocktrain.dev/voices": "true"})
        cluster.plane.apply([team.secret(NAMESPACE), team.runtime(), *(team.consent(name) for name in team.SPEAKERS)])
        yield Platform(cluster, endpoint, revisions)


@pytest.fixture(scope="module")
def base(platform: Platform) -> Platform:
    """Two speakers, two workers on two nodes; a worker and the head are killed on the way."""
    platform.plane.apply(
        team.clone("base", platform.revisions, epochs=10, compute={"acceleratorClassName": "cpu", "workers": 2})
    )
    return platform


def test_two_workers_train_on_two_nodes_and_progress_is_seen(base: Platform) -> None:
    base.wait(lambda: base.condition("base", "Admitted") == ("True", "Running"), 600, "the job runs")
    nodes = {pod["spec"]["nodeName"] for pod in base.pods("base", "worker")}
    assert len(nodes) == 2, nodes
    base.wait(lambda: base.status("base").get("progress", {}).get("step", 0) > 0, 600, "steps in the status")
    first = base.status("base")["progress"]
    assert first["totalSteps"] > first["step"] > 0
    base.wait(lambda: base.status("base")["progress"]["step"] > first["step"], 300, "more steps")
    base.wait(lambda: "checkpoint" in base.status("base"), 300, "a checkpoint")


def test_a_killed_worker_costs_at_most_one_checkpoint_interval(base: Platform) -> None:
    before = base.newest_checkpoint("base")
    worker = base.pods("base", "worker")[0]["metadata"]["name"]
    base.plane.kubectl("delete", "pod", worker, "-n", NAMESPACE, "--grace-period=0", "--force")
    base.wait(lambda: "a worker was lost" in base.log_of("base"), 600, "the loss is told")
    base.wait(lambda: base.newest_checkpoint("base") > before, 900, "training goes on")
    went_on = [line for line in base.log_of("base").splitlines() if "go on from step" in line]
    assert any(int(line.rsplit("step", 1)[1]) >= before for line in went_on), went_on


def test_a_lost_head_goes_on_from_the_checkpoint_and_the_status_tells(base: Platform) -> None:
    before = base.newest_checkpoint("base")
    head = base.pods("base", "head")[0]["metadata"]["name"]
    base.plane.kubectl("delete", "pod", head, "-n", NAMESPACE, "--grace-period=0", "--force")

    def is_told() -> bool:
        attempts = base.status("base").get("attempts", [])
        return len(attempts) > 1 or any(attempt.get("starts", 1) > 1 for attempt in attempts)

    base.wait(is_told, 900, "the status tells of another start")
    base.wait(lambda: "going on from step" in base.log_of("base"), 600, "it goes on")
    base.wait(lambda: base.newest_checkpoint("base") > before, 900, "training goes on")


def test_it_ends_with_a_base_in_the_store(base: Platform) -> None:
    base.wait(
        lambda: base.has_ended("base"),
        1_500,
        "it ends",
    )
    assert base.condition("base", "Ready") == ("True", "Ready"), base.story()
    status = base.status("base")
    assert base.bucket.exists(f"{status['voice']['bundleURI'].removeprefix('s3://clocktrain/')}/COMMITTED")
    assert status["cost"]["acceleratorSeconds"] > 0
    base.wait(lambda: not base.pods("base", "worker"), 120, "its pods are gone")


def test_a_voice_is_fine_tuned_from_it(base: Platform) -> None:
    speaker = {"allison": base.revisions["allison"]}
    compute = {"acceleratorClassName": "cpu", "workers": 1}
    base.plane.apply(team.clone("allison", speaker, epochs=3, base={"cloneRef": {"name": "base"}}, compute=compute))
    base.wait(
        lambda: base.has_ended("allison"),
        1_500,
        "it ends",
    )
    assert base.condition("allison", "Ready") == ("True", "Ready"), base.story()
    names = {metric["name"] for metric in base.status("allison")["metrics"]}
    assert "speakerSimilarity" in names
    shown = base.plane.kubectl("get", "vc", "-n", NAMESPACE)
    assert "allison" in shown and "True" in shown


def test_deleting_it_erases_what_it_made_and_leaves_the_recordings(base: Platform) -> None:
    patch = json.dumps({"spec": {"deletionPolicy": "Delete"}})
    base.plane.kubectl("patch", "vc", "allison", "-n", NAMESPACE, "--type=merge", "-p", patch)
    uid = base.get("allison")["metadata"]["uid"]
    corpora = [item.key for item in base.bucket.list(f"{NAMESPACE}/corpora")]
    base.plane.kubectl("delete", "vc", "allison", "-n", NAMESPACE, "--wait=false")
    base.wait(lambda: not base.get("allison"), 300, "it is gone")
    assert base.bucket.list(f"{NAMESPACE}/runs/{uid}") == []
    receipt = json.loads(base.bucket.get(f"{NAMESPACE}/receipts/{uid}.json"))
    assert receipt["complete"] and receipt["objects"]
    assert [item.key for item in base.bucket.list(f"{NAMESPACE}/corpora")] == corpora
