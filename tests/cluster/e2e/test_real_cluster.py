"""Three real nodes on one machine: pods run, find each other by name, and leave nothing."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import cgroups
from harness.real_cluster import SYSTEM_IMAGE, RealCluster
from harness.run_folder import RunFolder
from harness.waiting import eventually

pytestmark = [pytest.mark.ring4, pytest.mark.timeout(600)]

POD_LIMIT_S = 120.0
OWNER = """
from harness.real_cluster import RealCluster
cluster = RealCluster(["cpu"])
cluster.start()
print(cluster.run.folder.path, flush=True)
time.sleep(600)
"""


def container(*words: str) -> dict[str, Any]:
    return {"name": "main", "image": SYSTEM_IMAGE, "imagePullPolicy": "Never", "command": ["/bin/probe", *words]}


def pod(name: str, node: str, *words: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"role": name.rpartition("-")[0]}},
        "spec": {"nodeName": node, "terminationGracePeriodSeconds": 1, "containers": [container(*words)]} | spec,
    }


@pytest.fixture
def namespace(cluster: RealCluster, request: pytest.FixtureRequest) -> Iterator[str]:
    name = cluster.plane.new_namespace(request.node.name.replace("_", "-")[:60].rstrip("-"))
    yield name
    cluster.plane.kubectl("delete", "namespace", name, "--wait=false")


def serve(cluster: RealCluster, namespace: str) -> None:
    """A server on each node behind one service."""
    servers = [pod(f"server-{node.name}", node.name, "serve", ":8080") for node in cluster.nodes]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "echo"},
        "spec": {"selector": {"role": "server"}, "ports": [{"port": 80, "targetPort": 8080}]},
    }
    cluster.plane.apply([*servers, service], "--namespace", namespace)
    cluster.plane.kubectl(
        "wait", "--for=condition=Ready", "pod", "-l", "role=server", "-n", namespace, f"--timeout={POD_LIMIT_S:.0f}s"
    )


def test_a_pod_on_each_node_reaches_a_service_by_its_name(cluster: RealCluster, namespace: str) -> None:
    serve(cluster, namespace)
    url = f"http://echo.{namespace}.svc.cluster.local/"
    clients = [
        pod(f"client-{node.name}", node.name, "get", url, restartPolicy="Never", enableServiceLinks=False)
        for node in cluster.nodes
    ]
    cluster.plane.apply(clients, "--namespace", namespace)
    for client in clients:
        name = client["metadata"]["name"]
        path = f"/api/v1/namespaces/{namespace}/pods/{name}"

        def ended(path: str = path) -> str:
            return next(iter({cluster.plane.api.get(path)["status"]["phase"]} & {"Succeeded", "Failed"}), "")

        phase = cluster.plane.wait(ended, POD_LIMIT_S, f"{name} ended")
        said = cluster.plane.kubectl("logs", name, "-n", namespace)
        assert phase == "Succeeded", said
        assert said.startswith("server-node")


def test_the_machine_reaches_a_service_by_a_forwarded_port(cluster: RealCluster, namespace: str) -> None:
    serve(cluster, namespace)
    address = cluster.plane.api.get(f"/api/v1/namespaces/{namespace}/services/echo")["spec"]["clusterIP"]
    port = cluster.forward(address, 80)
    seen: set[str] = set()

    def every_server_answered() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
                seen.add(answer.read().decode().strip())
        except (OSError, http.client.HTTPException):
            return False  # a node learns of a Ready pod a moment after we do
        return len(seen) == len(cluster.nodes)

    cluster.plane.wait(every_server_answered, 30, "an answer from a server on each node")


def reaches(cluster: RealCluster, namespace: str, name: str, url: str) -> bool:
    """Whether a pod on the second node gets an answer within the probe's 20 seconds."""
    node = cluster.nodes[1].name
    client = pod(name, node, "get", url, restartPolicy="Never", enableServiceLinks=False)
    cluster.plane.apply(client, "--namespace", namespace)
    path = f"/api/v1/namespaces/{namespace}/pods/{name}"

    def ended() -> str:
        return next(iter({cluster.plane.api.get(path)["status"]["phase"]} & {"Succeeded", "Failed"}), "")

    return cluster.plane.wait(ended, POD_LIMIT_S, f"{name} ended") == "Succeeded"


def test_a_network_policy_closes_what_it_does_not_name(cluster: RealCluster, namespace: str) -> None:
    serve(cluster, namespace)
    url = f"http://echo.{namespace}.svc.cluster.local/"
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "friends-only"},
        "spec": {
            "podSelector": {"matchLabels": {"role": "server"}},
            "ingress": [{"from": [{"podSelector": {"matchLabels": {"role": "friend"}}}]}],
        },
    }
    assert reaches(cluster, namespace, "stranger-before", url)
    cluster.plane.apply(policy, "--namespace", namespace)
    cluster.policies.settle()
    assert not reaches(cluster, namespace, "stranger-during", url)
    assert reaches(cluster, namespace, "friend-during", url)
    assert cluster.policies.last_error == ""
    cluster.plane.kubectl("delete", "networkpolicy", "friends-only", "-n", namespace)
    assert reaches(cluster, namespace, "stranger-after", url)


def test_a_program_of_the_assets_runs_as_a_pod(cluster: RealCluster, namespace: str) -> None:
    image = cluster.import_program("minio")
    server = {"name": "minio", "image": image, "imagePullPolicy": "Never", "args": ["server", "/data"]}
    server["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    store = pod("minio-1", cluster.nodes[0].name, containers=[server], volumes=[{"name": "data", "emptyDir": {}}])
    cluster.plane.apply(store, "--namespace", namespace)
    path = f"/api/v1/namespaces/{namespace}/pods/minio-1"
    address = cluster.plane.wait(lambda: cluster.plane.api.get(path)["status"].get("podIP"), POD_LIMIT_S, "an address")
    port = cluster.forward(address, 9000)

    def ready() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/minio/health/ready", timeout=5) as answer:
                return answer.status == 200
        except (OSError, http.client.HTTPException):
            return False

    cluster.plane.wait(ready, POD_LIMIT_S, "MinIO ready")


def test_kuberay_makes_a_head_pod_on_a_real_node(cluster: RealCluster, namespace: str) -> None:
    template = {"spec": {"containers": [{"name": "ray", "image": SYSTEM_IMAGE, "imagePullPolicy": "Never"}]}}
    ray = {
        "apiVersion": "ray.io/v1",
        "kind": "RayCluster",
        "metadata": {"name": "ray"},
        "spec": {"rayVersion": "2.60.0", "headGroupSpec": {"rayStartParams": {}, "template": template}},
    }
    cluster.plane.apply(ray, "--namespace", namespace)

    def head_node() -> str:
        heads = cluster.plane.pods(namespace, "ray.io/node-type=head")
        return heads[0]["spec"].get("nodeName", "") if heads else ""

    assert cluster.plane.wait(head_node, POD_LIMIT_S, "a head pod on a node") in {node.name for node in cluster.nodes}


def test_nodes_share_the_layers_of_their_images(cluster: RealCluster) -> None:
    blobs = "io.containerd.content.v1.content/blobs"
    ours = [
        {path.stat().st_ino for path in (node.folder / "containerd" / blobs).rglob("*") if path.stat().st_size > 1e6}
        for node in cluster.nodes
    ]
    assert ours[0] & ours[1] & ours[2], "the large files of the first images are the same files"


def test_a_node_whose_kubelet_was_killed_is_noticed_and_comes_back(cluster: RealCluster) -> None:
    lost = cluster.nodes[-1]
    lost.processes["kubelet"].kill()
    cluster.plane.wait(lambda: lost.name not in cluster.plane.ready_nodes(), 120, f"{lost.name} not Ready")
    lost.processes["kubelet"].start()
    cluster.plane.wait(lambda: lost.name in cluster.plane.ready_nodes(), 60, f"{lost.name} Ready again")


def outside() -> dict[str, str]:
    """What a cluster could leave on the machine outside its folder."""
    return {
        "mounts": Path("/proc/self/mountinfo").read_text(encoding="utf-8"),
        "links": subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout,
        "routes": subprocess.run(["ip", "route"], capture_output=True, text=True, check=True).stdout,
        "rules": subprocess.run(["iptables-save"], capture_output=True, text=True, check=True).stdout,
        "settings": "".join(
            Path("/proc/sys", name).read_text(encoding="ascii")
            for name in ("vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops", "net/ipv4/ip_forward")
        ),
        "folders": " ".join(str(path) for path in map(Path, LITTER) if path.exists()),
    }


LITTER = (
    "/var/lib/kubelet",
    "/var/lib/containerd",
    "/var/lib/cni",
    "/var/log/pods",
    "/var/log/containers",
    "/opt/containerd",
    "/opt/cni",
    "/etc/cni",
    "/run/containerd",
    "/run/netns",
    "/usr/libexec/kubernetes",
)


def nothing_left(folder: RunFolder) -> bool:
    return not folder.path.exists() and not folder.processes() and not cgroups.folders(folder.id)


def test_stopping_leaves_nothing() -> None:
    before = outside()
    with RealCluster(["cpu"]) as cluster:
        cluster.plane.kubectl("create", "namespace", "used")
        folder = cluster.run.folder
        assert cgroups.folders(folder.id)
    assert nothing_left(folder)
    assert outside() == before


def test_a_killed_test_process_leaves_nothing() -> None:
    before = outside()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen([sys.executable, "-c", OWNER], env=environment, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout
        line = owner.stdout.readline().strip()
        assert line, "the owner ended before its cluster was ready"
        folder = RunFolder(Path(line))
        assert len(folder.processes()) >= 10
        owner.send_signal(signal.SIGKILL)
    eventually(lambda: nothing_left(folder), timeout_s=60, what="nothing left")
    assert outside() == before
