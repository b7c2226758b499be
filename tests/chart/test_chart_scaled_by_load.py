"""The autoscaler of the gateways, which a real metrics-server tells their load: more where they are busy.

kwok plays the pods, and what each uses is what its annotation says; scraping, rates and the decision are real.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from chart_release import NAMESPACE, Release
from chart_tool import DATABASE, several

from harness.control_plane import ControlPlane
from harness.load import USAGE
from harness.waiting import eventually

pytestmark = [pytest.mark.ring3, pytest.mark.timeout(900)]
GATEWAY, LEAST, MOST = "clocktrain-gateway", 2, 5
KNOWN_S = 240.0
"""Two scrapes of ten seconds, and a look of the autoscaler every fifteen; the rest is for a busy machine."""


@pytest.fixture(scope="module")
def release() -> Iterator[Release]:
    with ControlPlane(nodes={"cpu": 2}, kuberay=False, load=True) as plane:
        plane.new_namespace(NAMESPACE, {"pod-security.kubernetes.io/enforce": "restricted"})
        for number in range(4):
            spec = {
                "capacity": {"storage": "100Gi"},
                "accessModes": ["ReadWriteOnce"],
                "hostPath": {"path": "/nowhere"},
            }
            volume = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": f"volume-{number}"}}
            plane.api.create("/api/v1/persistentvolumes", {**volume, "spec": spec})
        found = Release(plane)
        scaled = {"enabled": True, "minReplicas": LEAST, "maxReplicas": MOST}
        found.upgrade(several(accounts=DATABASE, autoscaling=scaled))
        yield found


def autoscaler(release: Release) -> dict[str, Any]:
    return release.mine("horizontalpodautoscalers", GATEWAY, "apis/autoscaling/v2")


def used(release: Release) -> int | None:
    """Percent of what the gateways ask for, as the autoscaler knows it."""
    for metric in autoscaler(release)["status"].get("currentMetrics") or []:
        if metric.get("resource", {}).get("name") == "cpu":
            return metric["resource"]["current"].get("averageUtilization")
    return None


def set_usage(release: Release, cpu: str) -> None:
    pods = f"/api/v1/namespaces/{NAMESPACE}/pods"
    for pod in release.get(pods)["items"]:
        if pod["metadata"]["labels"].get("app.kubernetes.io/component") == "gateway":
            name = pod["metadata"]["name"]
            release.plane.api.merge(f"{pods}/{name}", {"metadata": {"annotations": {USAGE: cpu}}})


def test_busy_gateways_become_more_and_no_more_than_their_bound(release: Release) -> None:
    eventually(lambda: used(release) is not None, timeout_s=KNOWN_S, what="the autoscaler is told the load")
    found = autoscaler(release)
    conditions = {each["type"]: each["status"] for each in found["status"]["conditions"]}
    assert conditions["ScalingActive"] == "True"
    assert found["status"]["currentReplicas"] == LEAST, "idle ones stay as few as they may be"

    (wanted,) = (metric["resource"]["target"]["averageUtilization"] for metric in found["spec"]["metrics"])
    gateway = release.mine("deployments", GATEWAY, "apis/apps/v1")["spec"]["template"]["spec"]["containers"][0]
    asked_milli = int(gateway["resources"]["requests"]["cpu"].removesuffix("m"))
    set_usage(release, f"{2 * asked_milli * wanted // 100}m")  # twice what each is to use

    def replicas() -> int:
        return release.mine("deployments", GATEWAY, "apis/apps/v1")["spec"]["replicas"]

    eventually(lambda: replicas() == 2 * LEAST, timeout_s=KNOWN_S, what="twice as busy, twice as many")
    set_usage(release, f"{10 * asked_milli}m")
    eventually(lambda: replicas() == MOST, timeout_s=KNOWN_S, what="as many as there may be, and no more")
