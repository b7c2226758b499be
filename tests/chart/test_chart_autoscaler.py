"""Several gateways on a real control plane, where kwok plays the pods: bounds of the autoscaler, budgets, evictions.

No metrics-server was at hand, so that nothing tells the load: the autoscaler keeps its bounds, and says what it lacks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from chart_release import NAMESPACE, Release
from chart_tool import DATABASE, several

from harness.api import ApiError
from harness.waiting import eventually

pytestmark = [pytest.mark.ring3, pytest.mark.timeout(600)]
GATEWAY, TRITON = "clocktrain-gateway", "clocktrain-triton"
SCALED = {"enabled": True, "minReplicas": 3, "maxReplicas": 5}


@pytest.fixture(scope="module")
def scaled(release: Release) -> Iterator[Release]:
    """The chart with an autoscaler of its gateways, and a Triton that is kept."""
    values = several(accounts=DATABASE, autoscaling=SCALED)
    release.upgrade({**values, "triton": {**values["triton"], "disruptionBudget": {"enabled": True}}})
    yield release
    release.upgrade()


def replicas(release: Release) -> int:
    return release.mine("deployments", GATEWAY, "apis/apps/v1")["spec"]["replicas"]


def evicted(release: Release, component: str) -> None:
    """The eviction API, as a drain asks it."""
    pods = release.get(f"/api/v1/namespaces/{NAMESPACE}/pods")["items"]
    label = "app.kubernetes.io/component"
    pod = next(each["metadata"]["name"] for each in pods if each["metadata"].get("labels", {}).get(label) == component)
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": NAMESPACE}}
    release.plane.api.create(f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}/eviction", body)


def test_an_autoscaler_keeps_its_bounds_and_says_that_nobody_tells_it_the_load(scaled: Release) -> None:
    eventually(lambda: replicas(scaled) == 3, timeout_s=90, what="as many as there are at least")
    path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{GATEWAY}/scale"
    scaled.plane.api.merge(path, {"spec": {"replicas": 9}})
    eventually(lambda: replicas(scaled) == 5, timeout_s=90, what="as many as there are at most")

    def active() -> dict[str, Any] | None:
        found = scaled.mine("horizontalpodautoscalers", GATEWAY, "apis/autoscaling/v2")
        conditions = {each["type"]: each for each in found["status"].get("conditions", [])}
        return conditions.get("ScalingActive")

    told = eventually(active, timeout_s=90, what="it says what it lacks")
    assert told is not None and (told["status"], told["reason"]) == ("False", "FailedGetResourceMetric")


def test_an_upgrade_leaves_the_number_to_the_autoscaler(scaled: Release) -> None:
    path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{GATEWAY}/scale"
    scaled.plane.api.merge(path, {"spec": {"replicas": 4}})
    values = several(accounts=DATABASE, autoscaling=SCALED, openLists=True)
    scaled.upgrade({**values, "triton": {**values["triton"], "disruptionBudget": {"enabled": True}}})
    assert replicas(scaled) == 4


def test_a_drain_takes_one_gateway_at_a_time_and_waits_for_triton(scaled: Release) -> None:
    def allowed(name: str) -> int:
        found = scaled.mine("poddisruptionbudgets", name, "apis/policy/v1")
        return found["status"].get("disruptionsAllowed", -1)

    eventually(lambda: allowed(GATEWAY) == 1, timeout_s=90, what="one gateway may go")
    evicted(scaled, "gateway")
    assert allowed(TRITON) == 0
    with pytest.raises(ApiError) as refused:
        evicted(scaled, "triton")
    assert refused.value.status == 429


def test_one_gateway_becomes_several_and_one_again_on_the_volume_that_it_had(scaled: Release) -> None:
    def volume() -> str:
        claim = scaled.mine("persistentvolumeclaims", GATEWAY)
        return claim["spec"]["volumeName"]

    def strategy() -> str:
        return scaled.mine("deployments", GATEWAY, "apis/apps/v1")["spec"]["strategy"]["type"]

    scaled.upgrade(several(accounts=DATABASE))
    before = volume()
    assert (replicas(scaled), strategy()) == (1, "Recreate")
    scaled.upgrade(several(accounts=DATABASE, replicas=2))
    assert (replicas(scaled), strategy()) == (2, "RollingUpdate")
    assert volume() == before, "kept, with the log that it has"
    scaled.upgrade(several(accounts=DATABASE))
    assert (replicas(scaled), strategy(), volume()) == (1, "Recreate", before)
