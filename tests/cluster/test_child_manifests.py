"""What the operator makes of a clone, judged strictly by a real API server and KubeRay's schema."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from harness.control_plane import ControlPlane
from operator_process import RUNTIME, clone, consent
from voiceclone_operator.actions import Apply, CreateCleanup, CreateJob
from voiceclone_operator.deletion import cleanup_job
from voiceclone_operator.facts import Settings
from voiceclone_operator.observed import Observed
from voiceclone_operator.reconcile import plan

pytestmark = [pytest.mark.ring3, pytest.mark.timeout(200)]


def manifests(namespace: str, **spec: Any) -> list[dict[str, Any]]:
    """Everything that the first visit makes, and the Job of a deletion."""
    wanted = clone(namespace, **spec)
    wanted["metadata"] |= {"uid": "6f1b3a5c-1111-4222-8333-444455556666", "generation": 1, "resourceVersion": "1"}
    agreed = consent(namespace)
    agreed["metadata"]["uid"] = "6f1b3a5c-1111-4222-8333-444455557777"
    observed = Observed(clone=wanted, runtime=copy.deepcopy(RUNTIME), consents={"anna-2026": agreed})
    settings = Settings(operator_namespace=namespace, cleanup_secret="platform")
    made = plan(observed, datetime.now(UTC), settings)
    found = [action.manifest for action in made.actions if isinstance(action, Apply | CreateJob | CreateCleanup)]
    return [*found, cleanup_job(observed, settings)]


@pytest.mark.parametrize("spec", [{}, {"compute": {"acceleratorClassName": "nvidia-t4", "workers": 3}}])
def test_every_child_is_taken_strictly(control_plane: ControlPlane, namespace: str, spec: dict[str, Any]) -> None:
    made = manifests(namespace, **spec)
    kinds = {"ServiceAccount", "Role", "RoleBinding", "NetworkPolicy", "PodDisruptionBudget", "ConfigMap"}
    assert {each["kind"] for each in made} == {*kinds, "RayJob", "Job"}
    for each in made:
        words = ("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-")
        said = control_plane.kubectl(*words, given=json.dumps(each))
        assert "serverside-applied (server dry run)" in said
