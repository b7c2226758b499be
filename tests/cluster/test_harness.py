"""The control plane that tests run on is real where it says so, and gives everything back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.api import ApiError
from harness.control_plane import ControlPlane
from harness.nodes import ACCELERATOR_LABEL
from harness.reaper import end_orphans
from harness.run_folder import RunFolder
from harness.stages import MISSING_IMAGE
from harness.waiting import consistently, eventually

pytestmark = [pytest.mark.ring3, pytest.mark.timeout(300)]

POD_LIMIT_S = 60.0
SMALL: dict[str, Any] = {"nodes": {}, "kuberay": False}
OWNER = """
import sys, time
from harness.control_plane import ControlPlane
plane = ControlPlane(nodes={}, kuberay=False)
plane.start()
print(plane.run.folder.path, plane.run.reaper.pid, flush=True)
time.sleep(600)
"""


def pod(name: str, **spec: Any) -> dict[str, Any]:
    container = {"name": "main", "image": "played-by-kwok", **spec.pop("container", {})}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"containers": [container], **spec},
    }


def phase(plane: ControlPlane, namespace: str, name: str) -> str:
    return plane.api.get(f"/api/v1/namespaces/{namespace}/pods/{name}")["status"]["phase"]


def test_a_pod_runs_on_the_class_of_node_that_it_selects(control_plane: ControlPlane, namespace: str) -> None:
    limits = {"resources": {"limits": {"nvidia.com/gpu": "1"}}}
    wanted = pod("trains", container=limits, nodeSelector={ACCELERATOR_LABEL: "nvidia-a100"})
    control_plane.apply(wanted, "--namespace", namespace)
    control_plane.wait(lambda: phase(control_plane, namespace, "trains") == "Running", POD_LIMIT_S)
    assert control_plane.pods(namespace)[0]["spec"]["nodeName"].startswith("nvidia-a100-")


def test_a_pod_that_asks_for_more_than_a_node_has_stays_pending(control_plane: ControlPlane, namespace: str) -> None:
    limits = {"resources": {"limits": {"nvidia.com/gpu": "2"}}}
    control_plane.apply(pod("greedy", container=limits), "--namespace", namespace)

    def why() -> str:
        found = control_plane.pods(namespace)[0]["status"].get("conditions", [])
        return next((condition.get("message", "") for condition in found if condition["status"] == "False"), "")

    assert "Insufficient nvidia.com/gpu" in control_plane.wait(why, POD_LIMIT_S)
    assert phase(control_plane, namespace, "greedy") == "Pending"


def test_a_pod_whose_image_is_missing_says_so(control_plane: ControlPlane, namespace: str) -> None:
    control_plane.apply(pod("imageless", container={"image": MISSING_IMAGE}), "--namespace", namespace)

    def reasons() -> list[str]:
        statuses = control_plane.pods(namespace)[0]["status"].get("containerStatuses", [])
        return [status["state"]["waiting"]["reason"] for status in statuses if "waiting" in status["state"]]

    assert control_plane.wait(reasons, POD_LIMIT_S) == ["ImagePullBackOff"]
    consistently(lambda: phase(control_plane, namespace, "imageless") == "Pending", duration_s=1)


def ray_cluster(image: str = "played-by-kwok") -> dict[str, Any]:
    def template(accelerator: str, limits: dict[str, str]) -> dict[str, Any]:
        container = {"name": "ray", "image": image, "resources": {"limits": {"cpu": "1", "memory": "1Gi", **limits}}}
        return {"spec": {"containers": [container], "nodeSelector": {ACCELERATOR_LABEL: accelerator}}}

    workers = {
        "groupName": "t4",
        "replicas": 2,
        "minReplicas": 2,
        "maxReplicas": 2,
        "rayStartParams": {},
        "template": template("nvidia-t4", {"nvidia.com/gpu": "1"}),
    }
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayCluster",
        "metadata": {"name": "ray"},
        "spec": {
            "rayVersion": "2.60.0",
            "headGroupSpec": {"rayStartParams": {}, "template": template("cpu", {})},
            "workerGroupSpecs": [workers],
        },
    }


def test_kuberay_makes_pods_on_the_right_class_of_node(control_plane: ControlPlane, namespace: str) -> None:
    control_plane.apply(ray_cluster(), "--namespace", namespace)
    path = f"/apis/ray.io/v1/namespaces/{namespace}/rayclusters/ray"
    control_plane.wait(
        lambda: control_plane.api.get(path).get("status", {}).get("state") == "ready", POD_LIMIT_S, "RayCluster ready"
    )
    heads = control_plane.pods(namespace, "ray.io/node-type=head")
    workers = control_plane.pods(namespace, "ray.io/node-type=worker")
    assert [found["spec"]["nodeName"].rpartition("-")[0] for found in heads] == ["cpu"]
    nodes = [found["spec"]["nodeName"] for found in workers]
    assert {name.rpartition("-")[0] for name in nodes} == {"nvidia-t4"}
    assert len(set(nodes)) == 2, "one GPU a node: two workers need two nodes"


@pytest.mark.parametrize(("status", "ends_as"), [("SUCCEEDED", "Complete"), ("FAILED", "Failed")])
def test_a_ray_job_runs_until_the_test_ends_it(
    control_plane: ControlPlane, namespace: str, status: str, ends_as: str
) -> None:
    spec = {"entrypoint": "python train.py", "backoffLimit": 0, "rayClusterSpec": ray_cluster()["spec"]}
    job = {"apiVersion": "ray.io/v1", "kind": "RayJob", "metadata": {"name": "trains"}, "spec": spec}
    control_plane.apply(job, "--namespace", namespace)
    path = f"/apis/ray.io/v1/namespaces/{namespace}/rayjobs/trains"

    def state() -> tuple[str | None, str | None]:
        found = control_plane.api.get(path).get("status", {})
        return found.get("jobStatus"), found.get("jobDeploymentStatus")

    control_plane.wait(lambda: state() == ("RUNNING", "Running"), POD_LIMIT_S, "a running RayJob")
    consistently(lambda: state() == ("RUNNING", "Running"), duration_s=2, what="a running RayJob")
    control_plane.end_ray_job(namespace, "trains", status, "as the test said")
    control_plane.wait(lambda: state() == (status, ends_as), POD_LIMIT_S, f"a RayJob that is {ends_as}")
    assert control_plane.api.get(path)["status"]["message"] == "as the test said"


def test_a_user_may_do_what_was_granted_and_nothing_else(control_plane: ControlPlane, namespace: str) -> None:
    anna = control_plane.api_as("anna")
    with pytest.raises(ApiError, match=r'403 Forbidden.*User "anna" cannot list resource "pods"'):
        anna.get(f"/api/v1/namespaces/{namespace}/pods")
    control_plane.grant("anna", "view")

    def may_list() -> bool:  # the server's authoriser learns of a new binding a moment after it is stored
        try:
            return anna.get(f"/api/v1/namespaces/{namespace}/pods")["items"] == []
        except ApiError:
            return False

    control_plane.wait(may_list)
    with pytest.raises(ApiError, match="403 Forbidden"):
        anna.create(f"/api/v1/namespaces/{namespace}/pods", pod("refused"))


def test_a_service_account_is_known_by_its_token(control_plane: ControlPlane, namespace: str) -> None:
    kubeconfig = control_plane.service_account_kubeconfig(namespace, "default")
    said = control_plane.kubectl("auth", "whoami", "-o", "yaml", kubeconfig=kubeconfig)
    assert yaml.safe_load(said)["status"]["userInfo"]["username"] == f"system:serviceaccount:{namespace}:default"


def test_an_admission_policy_refuses_with_its_message(control_plane: ControlPlane, namespace: str) -> None:
    rules = [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}]
    matches = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}, "resourceRules": rules}
    group = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": f"no-secrets-{namespace}"}}
    policy = {
        **group,
        "kind": "ValidatingAdmissionPolicy",
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": matches,
            "validations": [{"expression": "!has(object.data.password)", "message": "keep passwords in a Secret"}],
        },
    }
    binding = {
        **group,
        "kind": "ValidatingAdmissionPolicyBinding",
        "spec": {"policyName": group["metadata"]["name"], "validationActions": ["Deny"]},
    }
    control_plane.apply([policy, binding])
    path = f"/api/v1/namespaces/{namespace}/configmaps"

    def refused() -> str:  # the policy takes effect a moment after it is stored
        try:
            control_plane.api.create(path, {"metadata": {"generateName": "bad-"}, "data": {"password": "x"}})
        except ApiError as error:
            return str(error)
        return ""

    try:
        assert "keep passwords in a Secret" in control_plane.wait(refused)
    finally:
        control_plane.kubectl(
            "delete", "validatingadmissionpolicy,validatingadmissionpolicybinding", group["metadata"]["name"]
        )


def test_the_audit_log_tells_who_wrote_what_and_shows_silence(control_plane: ControlPlane, namespace: str) -> None:
    writer = control_plane.api_as("writer", ["system:masters"])
    mark = control_plane.audit.mark()
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    writer.create(path, {"metadata": {"name": "noted"}})
    writer.merge(f"{path}/noted", {"data": {"a": "1"}})
    writer.get(f"{path}/noted")
    events = control_plane.audit_events(since=mark, user="writer")
    assert [(event.verb, event.resource, event.name, event.status) for event in events] == [
        ("create", "configmaps", "noted", 201),
        ("patch", "configmaps", "noted", 200),
        ("get", "configmaps", "noted", 200),
    ]
    assert control_plane.audit_events(since=control_plane.audit.mark(), user="writer") == []


def test_a_frozen_etcd_stops_answers_and_a_thawed_one_goes_on(control_plane: ControlPlane, namespace: str) -> None:
    control_plane.pause("etcd")
    try:
        eventually(lambda: not control_plane.api.is_ready(), timeout_s=60, what="an API server that is not ready")
    finally:
        control_plane.resume("etcd")
    eventually(control_plane.api.is_ready, timeout_s=60, what="an API server that is ready again")
    control_plane.api.create(f"/api/v1/namespaces/{namespace}/configmaps", {"metadata": {"name": "after"}})


def test_a_killed_api_server_comes_back_with_its_objects(control_plane: ControlPlane, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    control_plane.api.create(path, {"metadata": {"name": "kept"}})
    control_plane.kill("apiserver")
    assert not control_plane.api.is_ready()
    control_plane.start_component("apiserver")
    assert control_plane.api.get(f"{path}/kept")["metadata"]["name"] == "kept"


@pytest.fixture(scope="module")
def other_plane(control_plane: ControlPlane) -> Iterator[ControlPlane]:
    with ControlPlane(**SMALL) as plane:
        yield plane


def test_two_control_planes_side_by_side_share_nothing(
    control_plane: ControlPlane, other_plane: ControlPlane, namespace: str
) -> None:
    assert other_plane.server != control_plane.server
    with pytest.raises(ApiError, match="404 NotFound"):
        other_plane.api.get(f"/api/v1/namespaces/{namespace}")
    ours = control_plane.kubeconfig("admin")
    stolen = other_plane.kubectl("--server", other_plane.server, "get", "nodes", kubeconfig=ours, check=False)
    assert "certificate" in stolen


def test_stopping_leaves_nothing(other_plane: ControlPlane) -> None:
    folder = other_plane.run.folder
    pids = folder.processes()
    assert len(pids) >= 4
    other_plane.stop()
    assert not folder.path.exists()
    assert folder.processes() == []
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


@pytest.fixture
def owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[subprocess.Popen[str], RunFolder, int]]:
    """Another test process with a control plane of its own, and that one's reaper; no other test ends its run."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parent)}
    with subprocess.Popen([sys.executable, "-c", OWNER], env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        words = process.stdout.readline().split()
        assert words, "the owner ended before its control plane was ready"
        yield process, RunFolder(Path(words[0])), int(words[1])
        process.kill()


def test_a_killed_test_process_leaves_nothing(owner: tuple[subprocess.Popen[str], RunFolder, int]) -> None:
    process, folder, _ = owner
    assert len(folder.processes()) >= 4
    process.kill()
    process.wait()
    eventually(lambda: not folder.processes() and not folder.path.exists(), timeout_s=30, what="nothing left")


def test_what_a_killed_reaper_leaves_the_next_cluster_ends(
    owner: tuple[subprocess.Popen[str], RunFolder, int],
) -> None:
    process, folder, reaper = owner
    os.kill(reaper, signal.SIGKILL)
    process.kill()
    process.wait()
    time.sleep(1)
    assert len(folder.processes()) >= 4, "nobody is left to end them"
    assert folder.id in end_orphans()
    assert not folder.processes()
    assert not folder.path.exists()
