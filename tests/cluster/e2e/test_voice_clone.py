"""A voice trained in pods: two workers on two nodes, real recordings, and what is lost when pods are."""

from __future__ import annotations

import base64
import json
import urllib.parse
import urllib.request
from typing import Any

import pytest

from harness.network_policies import Enforcer
from installed import manifests
from installed.chart import upgrade_chart
from installed.manifests import NAMESPACE
from installed.platform import Platform

pytestmark = [pytest.mark.ring4, pytest.mark.timeout(2_400)]
EPOCHS = 150
"""Long enough for every loss below to find it in training: a step takes a quarter of a second on two quiet cores."""


@pytest.fixture(scope="module")
def base(installed: Platform) -> Platform:
    """Two speakers, two workers on two nodes; the tests below follow one run, in their order."""
    installed.plane.apply(manifests.clone("base", installed.revisions, epochs=EPOCHS, workers=2))
    return installed


def test_two_workers_train_on_two_nodes_and_progress_is_seen(base: Platform) -> None:
    base.wait(lambda: base.condition("base", "Admitted") == ("True", "Running"), 600, "the job runs")
    nodes = {pod["spec"]["nodeName"] for pod in base.pods("base", "worker")}
    assert len(nodes) == 2, nodes
    base.wait(lambda: base.status("base").get("progress", {}).get("step", 0) > 0, 600, "steps in the status")
    first = base.status("base")["progress"]
    assert first["totalSteps"] > first["step"] > 0
    base.wait(lambda: base.status("base")["progress"]["step"] > first["step"], 300, "more steps")
    base.wait(lambda: base.status("base")["progress"].get("etaSeconds", 0) > 0, 300, "an ETA")
    base.wait(lambda: "checkpoint" in base.status("base"), 300, "a checkpoint")


def test_its_pods_are_restricted(base: Platform) -> None:
    pods = base.pods("base", "worker") + base.pods("base", "head")
    assert len(pods) == 3
    for pod in pods:
        assert pod["spec"]["securityContext"]["runAsNonRoot"]
        for container in pod["spec"]["containers"]:
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    said = base.plane.kubectl("exec", "-n", NAMESPACE, pods[-1]["metadata"]["name"], "--", "id", "-u")
    assert said.split()[-1] == "10001"


def test_rays_ports_are_closed_to_strangers(base: Platform) -> None:
    head = base.pods("base", "head")[0]["status"]["podIP"]
    assert isinstance(base.cluster.policies, Enforcer)
    base.cluster.policies.settle()
    worker = base.pods("base", "worker")[0]["metadata"]["name"]
    script = f"import socket; socket.create_connection(('{head}', 6379), 5); print('open')"
    assert "open" in base.plane.kubectl("exec", "-n", NAMESPACE, worker, "--", "python", "-c", script)
    operator = "deploy/clocktrain-operator"
    for port in (6379, 8265, 10001):
        script = f"import socket; socket.create_connection(('{head}', {port}), 5); print('open')"
        said = base.plane.kubectl("exec", "-n", "clocktrain", operator, "--", "python", "-c", script, check=False)
        assert "open" not in said, port


def test_an_upgrade_of_the_chart_does_not_disturb_it(base: Platform) -> None:
    before = base.plane.kubectl("get", "rayjobs", "-n", NAMESPACE, "-o", "jsonpath={.items[*].metadata.uid}")
    pods = {pod["metadata"]["uid"] for pod in base.pods("base", "worker") + base.pods("base", "head")}
    step = base.newest_checkpoint("base")
    upgrade_chart(base.cluster, base.tracker_port, logLevel="debug")
    assert base.plane.kubectl("get", "rayjobs", "-n", NAMESPACE, "-o", "jsonpath={.items[*].metadata.uid}") == before
    assert {pod["metadata"]["uid"] for pod in base.pods("base", "worker") + base.pods("base", "head")} == pods
    base.wait(lambda: base.newest_checkpoint("base") > step, 300, "training goes on")


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
    base.wait(lambda: base.has_ended("base"), 1_500, "it ends")
    assert base.condition("base", "Ready") == ("True", "Ready"), base.story()
    status = base.status("base")
    assert base.bucket.exists(f"{status['voice']['bundleURI'].removeprefix('s3://clocktrain/')}/COMMITTED")
    assert status["cost"]["acceleratorSeconds"] > 0
    base.wait(lambda: not base.pods("base", "worker"), 120, "its pods are gone")


def ask_tracker(base: Platform, path: str, query: dict[str, str]) -> dict[str, Any]:
    """MLflow's own REST API, through its Service."""
    name, password = base.tracker["MLFLOW_TRACKING_USERNAME"], base.tracker["MLFLOW_TRACKING_PASSWORD"]
    token = base64.b64encode(f"{name}:{password}".encode()).decode()
    url = f"http://127.0.0.1:{base.tracker_port}/api/2.0/mlflow/{path}?{urllib.parse.urlencode(query)}"
    headers = {"Authorization": f"Basic {token}"}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as answer:
        return json.load(answer)


def test_mlflow_has_its_curves_and_sounds(base: Platform) -> None:
    run = base.status("base")["tracking"]["runID"]
    metrics = {metric["key"] for metric in ask_tracker(base, "runs/get", {"run_id": run})["run"]["data"]["metrics"]}
    losses = {name for name in metrics if "loss" in name}
    assert losses, metrics
    history = ask_tracker(base, "metrics/get-history", {"run_id": run, "metric_key": min(losses)})["metrics"]
    assert len({point["step"] for point in history}) > 2
    folders = ask_tracker(base, "artifacts/list", {"run_id": run, "path": "samples"})["files"]
    assert any("step-" in folder["path"] for folder in folders), folders
