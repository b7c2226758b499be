"""What the operator makes of a clone, judged strictly by a real API server and KubeRay's schema."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from clock_train.orchestration import erase_clone, erase_speaker
from harness.control_plane import ControlPlane
from operator_process import RUNTIME, clone, consent
from voiceclone_operator.actions import Apply, CreateCleanup, CreateJob
from voiceclone_operator.deletion import cleanup_job
from voiceclone_operator.facts import Settings
from voiceclone_operator.observed import Observed
from voiceclone_operator.reconcile import plan

pytestmark = [pytest.mark.ring3, pytest.mark.timeout(200)]


def manifests(namespace: str, runtime: dict[str, Any] = RUNTIME, **spec: Any) -> list[dict[str, Any]]:
    """Everything that the first visit makes, and the Jobs of a deletion and of a revoked consent."""
    wanted = clone(namespace, **spec)
    wanted["metadata"] |= {"uid": "6f1b3a5c-1111-4222-8333-444455556666", "generation": 1, "resourceVersion": "1"}
    agreed = consent(namespace)
    agreed["metadata"]["uid"] = "6f1b3a5c-1111-4222-8333-444455557777"
    observed = Observed(clone=wanted, runtime=copy.deepcopy(runtime), consents={"anna-2026": agreed})
    settings = Settings(operator_namespace=namespace, cleanup_secret="platform")
    made = plan(observed, datetime.now(UTC), settings)
    found = [action.manifest for action in made.actions if isinstance(action, Apply | CreateJob | CreateCleanup)]
    noticed = {"consent": "anna-2026", "uid": "c1", "speaker": "anna", "noticeTime": "2026-11-24T12:00:00Z"}
    withdrawn = {**wanted, "status": {"erasures": [{**noticed, "startTime": "2026-12-01T12:00:00Z"}]}}
    then = plan(Observed(clone=withdrawn, runtime=copy.deepcopy(runtime)), datetime.now(UTC), settings)
    (erasing,) = [action.manifest for action in then.actions if isinstance(action, CreateCleanup)]
    return [*found, cleanup_job(observed, settings), erasing]


@pytest.mark.parametrize("spec", [{}, {"compute": {"acceleratorClassName": "nvidia-t4", "workers": 3}}])
def test_every_child_is_taken_strictly(control_plane: ControlPlane, namespace: str, spec: dict[str, Any]) -> None:
    made = manifests(namespace, **spec)
    kinds = {"ServiceAccount", "Role", "RoleBinding", "NetworkPolicy", "PodDisruptionBudget", "ConfigMap"}
    assert {each["kind"] for each in made} == {*kinds, "RayJob", "Job"}
    for each in made:
        words = ("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-")
        said = control_plane.kubectl(*words, given=json.dumps(each))
        assert "serverside-applied (server dry run)" in said


def test_both_jobs_that_erase_name_what_the_program_asks_for() -> None:
    deletion, withdrawal = [each for each in manifests("voices") if each["kind"] == "Job"]
    for job, module in ((deletion, erase_clone), (withdrawal, erase_speaker)):
        assert len(job["metadata"]["name"]) <= 63
        command = job["spec"]["template"]["spec"]["containers"][0]["command"]
        assert command[:3] == ["python", "-m", module.__name__]
        done = subprocess.run(
            [sys.executable, *command[1:], "--store", "ftp://nowhere"],  # the last one counts
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={"PYTHONPATH": "platform"},
        )
        assert done.returncode == 2 and done.stderr.startswith("StorageRootInvalid"), done.stderr


def test_every_pod_of_a_job_has_the_platforms_keys_and_reads_them_only() -> None:
    (job,) = [each for each in manifests("voices") if each["kind"] == "RayJob"]
    cluster = job["spec"]["rayClusterSpec"]
    templates = [
        job["spec"]["submitterPodTemplate"],
        cluster["headGroupSpec"]["template"],
        *(group["template"] for group in cluster["workerGroupSpecs"]),
    ]
    for pod in templates:
        (keys,) = [volume["secret"] for volume in pod["spec"]["volumes"] if volume["name"] == "keys"]
        assert keys == {"secretName": "keys", "optional": True, "defaultMode": 0o440}
        container = pod["spec"]["containers"][0]
        (mount,) = [each for each in container["volumeMounts"] if each["name"] == "keys"]
        assert mount["readOnly"] and {"name": "CLOCKTRAIN_KEYS", "value": mount["mountPath"]} in container["env"]


def test_a_runtime_without_keys_mounts_none() -> None:
    runtime = copy.deepcopy(RUNTIME)
    del runtime["spec"]["keys"]
    (job,) = [each for each in manifests("voices", runtime) if each["kind"] == "RayJob"]
    assert "keys" not in json.dumps(job).lower()
