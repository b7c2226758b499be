"""The operator against a real API server, real KubeRay and kwok's nodes; the test plays the job in the pods."""

from __future__ import annotations

import json
import re
import signal
import time
from typing import Any

import pytest

from harness.control_plane import ControlPlane
from operator_process import (
    OPERATOR_NAMESPACE,
    OPERATOR_USER,
    RUNTIME,
    Clones,
    Operator,
    Operators,
    consent,
    consistently,
)

pytestmark = [pytest.mark.ring3, pytest.mark.timeout(400)]
USER = OPERATOR_USER


@pytest.fixture
def operator(run: Operators, plane: ControlPlane) -> Operator:
    made = run.start()
    plane.wait(lambda: made.is_ready() and made.leads(), 60, "the operator is ready")
    return made


def started_with_a_clone(plane: ControlPlane, run: Operators, clones: Clones) -> Operator:
    made = run.start()
    plane.wait(made.leads, 60)
    clones.apply()
    clones.wait(clones.jobs, 60)
    return made


def test_apply_runs_on_the_right_nodes_and_ends_with_a_voice(
    plane: ControlPlane, operator: Operator, clones: Clones
) -> None:
    clones.apply(compute={"acceleratorClassName": "nvidia-t4", "workers": 2})

    def workers() -> list[str]:
        pods = plane.pods(clones.namespace, "app.kubernetes.io/component=worker")
        return sorted(pod["spec"].get("nodeName", "") for pod in pods)

    clones.wait(lambda: len(workers()) == 2 and all(workers()), 90, "two workers are on nodes")
    assert all(name.startswith("nvidia-t4") for name in workers())
    clones.saved(1, 40)
    clones.wait_for("Admitted", "True", "Running")
    clones.wait(lambda: clones.get()["status"].get("progress", {}).get("percent") == 40)
    shown = plane.kubectl("get", "vc", "anna", "-n", clones.namespace)
    assert re.search(r"READY\s+STAGE\s+PROGRESS\s+ETA\s+SIMILARITY\s+AGE", shown)
    assert re.search(r"anna\s+False\s+Pretrain\s+40", shown)
    clones.finished(1)
    clones.wait_for("Ready", "True", "Ready")
    assert clones.get()["status"]["voice"]["version"] == 1
    clones.wait(lambda: not clones.jobs(), 60, "the RayJob is gone")
    clones.wait(lambda: not plane.pods(clones.namespace), 90, "its pods are gone")
    events = plane.kubectl("get", "events", "-n", clones.namespace, "-o", "json")
    found = [e for e in json.loads(events)["items"] if e["involvedObject"]["kind"] == "VoiceClone"]
    reasons = {event["reason"] for event in found}
    assert {"Accepted", "Running", "Ready"} <= reasons
    assert "clocktrain_attempts_total" in operator.get("/metrics")


def test_a_settled_clone_costs_no_write(plane: ControlPlane, operator: Operator, clones: Clones) -> None:
    clones.apply()
    clones.wait(clones.jobs, 60, "a job")
    clones.saved(1, 10)
    clones.wait_for("Admitted", "True", "Running")
    time.sleep(3)
    mark = plane.audit.mark()
    for number in range(10):
        # an annotation of no meaning wakes a visit each time
        plane.kubectl("annotate", "vc", "anna", "-n", clones.namespace, f"example.com/wake={number}", "--overwrite")
        time.sleep(0.5)
    time.sleep(2)
    events = plane.audit_events(since=mark, verbs=["create", "update", "patch", "delete"], namespace=clones.namespace)
    ours = [e for e in events if e.user == USER]
    assert ours == [], ours


def test_a_restart_costs_no_write(plane: ControlPlane, run: Operators, clones: Clones) -> None:
    first = started_with_a_clone(plane, run, clones)
    clones.saved(1, 10)
    clones.wait_for("Admitted", "True", "Running")
    first.stop()
    mark = plane.audit.mark()
    second = run.start()
    plane.wait(lambda: second.leads() and "reconciles_total" in second.get("/metrics"), 60, "it has visited")
    time.sleep(5)
    verbs = ["create", "update", "patch", "delete"]
    assert plane.audit_events(since=mark, user=USER, verbs=verbs, namespace=clones.namespace) == []
    assert plane.audit_events(user=USER, verbs=verbs, namespace=clones.namespace), "the witness sees its writes"


def test_killed_at_any_moment_it_makes_one_job_an_attempt(plane: ControlPlane, run: Operators, clones: Clones) -> None:
    for number in range(6):
        made = run.start()
        plane.wait(made.leads, 60, "leads")
        if number == 0:
            clones.apply()
        time.sleep(0.15 * number)
        run.lose(made)
    last = run.start()
    plane.wait(last.leads, 60)
    clones.wait(lambda: len(clones.get().get("status", {}).get("attempts", [])) == 1, 60, "one attempt")
    consistently(lambda: len(clones.jobs()) == 1, 5, "one RayJob")
    assert clones.jobs()[0]["metadata"]["name"].endswith("-1")


def test_two_replicas_are_one_and_the_other_takes_over(plane: ControlPlane, run: Operators, clones: Clones) -> None:
    first = run.start()
    plane.wait(first.leads, 60)
    second = run.start()
    plane.wait(second.is_ready, 60, "one that waits is ready")
    consistently(lambda: not second.leads(), 3, "two leaders")
    clones.apply()
    clones.wait(clones.jobs, 60, "a job")
    first.process.send_signal(signal.SIGSTOP)  # cut off, not dead
    clones.apply(name="bert")
    plane.wait(second.leads, 90, "the other takes over")
    clones.wait(lambda: len(clones.jobs()) == 2, 60, "the new leader works")
    first.process.send_signal(signal.SIGCONT)
    plane.wait(lambda: first.process.poll() is not None, 60, "the old leader ends itself")
    assert first.process.returncode == 3
    consistently(lambda: len(clones.jobs()) == 2, 3, "nothing is made twice")


def test_a_deleted_lease_is_taken_again(plane: ControlPlane, operator: Operator, clones: Clones) -> None:
    plane.kubectl("delete", "lease", "voiceclone-operator", "-n", OPERATOR_NAMESPACE)
    plane.wait(lambda: "voiceclone-operator" in plane.kubectl("get", "leases", "-n", OPERATOR_NAMESPACE), 30)
    clones.apply()
    clones.wait(clones.jobs, 60)
    assert operator.process.poll() is None


def test_what_is_deleted_or_edited_by_hand_is_mended(plane: ControlPlane, operator: Operator, clones: Clones) -> None:
    clones.apply()
    clones.wait(clones.jobs, 60)
    clones.saved(1, 40)
    clones.wait_for("Admitted", "True", "Running")
    place = ("-n", clones.namespace)
    plane.kubectl("delete", "networkpolicy", "anna-training", *place)
    rule = json.dumps({"rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]})
    plane.kubectl("patch", "role", "anna-training", *place, "--type=merge", "-p", rule)
    clones.wait(lambda: "anna-training" in plane.kubectl("get", "networkpolicy", *place), 30, "the policy is back")
    clones.wait(lambda: "anna-progress" in plane.kubectl("get", "role", "anna-training", *place, "-o", "yaml"), 30)
    plane.kubectl("delete", "rayjob", clones.jobs()[0]["metadata"]["name"], *place)
    clones.wait(lambda: [a.get("reason") for a in clones.get()["status"]["attempts"]] == ["CapacityLost", None], 120)
    job = clones.wait(lambda: clones.jobs()[0] if clones.jobs() else None, 60)
    assert "step-40" in job["spec"]["entrypoint"]


def test_suspend_saves_first_and_resume_goes_on(operator: Operator, clones: Clones) -> None:
    clones.apply()
    clones.wait(clones.jobs, 60)
    clones.saved(1, 40)
    clones.wait_for("Admitted", "True", "Running")
    clones.apply(suspend=True)
    clones.wait(lambda: clones.control() == "save-and-stop", 30, "the order is in the mailbox")
    clones.saved(1, 44, state="stopped")
    clones.wait_for("Suspended", "True", "Suspended", seconds=90)
    clones.wait(lambda: not clones.jobs(), 60)
    clones.apply(suspend=False)
    job = clones.wait(lambda: clones.jobs()[0] if clones.jobs() else None, 120, "the next attempt")
    assert "--attempt 2" in job["spec"]["entrypoint"] and "step-44" in job["spec"]["entrypoint"]
    assert clones.control() == "run"


def test_a_revoked_consent_ends_the_run(plane: ControlPlane, operator: Operator, clones: Clones) -> None:
    clones.apply()
    clones.wait(clones.jobs, 60)
    patch = json.dumps({"spec": {"revoked": True}})
    plane.kubectl("patch", "voiceconsent", "anna-2026", "-n", clones.namespace, "--type=merge", "-p", patch)
    clones.wait_for("Accepted", "False", "ConsentRevoked")
    clones.wait(lambda: not clones.jobs(), 60, "the RayJob is gone")


def test_a_revoked_consent_erases_after_its_grace_whichever_operator_is_there(
    plane: ControlPlane, run: Operators, clones: Clones
) -> None:
    """Anna's voice is Ben's base; an operator is lost within the grace. The Job itself succeeds as kwok's Jobs do."""
    graces = {"erasureGraceSeconds": 10, "retrainBySeconds": 3}
    plane.apply({**RUNTIME, "metadata": {"name": "hasty"}, "spec": {**RUNTIME["spec"], **graces}})
    plane.apply(consent(clones.namespace, "ben-2026", speaker="ben"))
    wanted: dict[str, Any] = {"runtimeRef": {"name": "hasty"}, "serving": {"policy": "Always"}}
    corpus = {"uri": f"s3://clocktrain/{clones.namespace}/corpora/ben", "revision": "3f2a"}
    by_ben = {"speakers": [{"name": "ben", "corpus": corpus, "consentRef": {"name": "ben-2026"}}]}
    from_anna = {**wanted, **by_ben, "base": {"cloneRef": {"name": "anna"}}}
    first = run.start("--cleanup-secret", "platform")
    plane.wait(first.leads, 60)
    for name, spec, digest in (("anna", wanted, "ab" * 32), ("ben", from_anna, "cd" * 32)):
        clones.apply(name, **spec)
        clones.wait(clones.jobs, 60, "a job")
        clones.finished(1, name, digest)
        clones.wait_for("Served", "True", "Served", name=name)
        clones.wait(lambda: not clones.jobs(), 60, "the RayJob is gone")
    patch = json.dumps({"spec": {"revoked": True}})
    plane.kubectl("patch", "voiceconsent", "anna-2026", "-n", clones.namespace, "--type=merge", "-p", patch)
    clones.wait_for("Erased", "False", "WaitingForGrace")
    (noticed,) = clones.get()["status"]["erasures"]
    run.lose(first)
    second = run.start("--cleanup-secret", "platform")
    plane.wait(second.leads, 60)
    clones.wait_for("Erased", "True", "Erased", seconds=90)
    (erased,) = clones.get()["status"]["erasures"]
    assert erased["noticeTime"] == noticed["noticeTime"] and erased["receiptURI"].startswith("s3://clocktrain/")
    uid = clones.get()["metadata"]["uid"]
    found = plane.kubectl(
        "get", "jobs", "-n", OPERATOR_NAMESPACE, "-l", f"clocktrain.dev/clone-uid={uid}", "-o", "name"
    )
    assert len(found.split()) == 1 and f"erase-{uid}-" in found, "whoever makes it twice makes one"
    clones.wait_for("Served", "False", "BaseRetired", name="ben")
    clones.apply("cora", **from_anna)
    clones.wait_for("Accepted", "False", "BaseRetired", name="cora")
    plane.kubectl("delete", "vc", "--all", "-n", clones.namespace)
    plane.kubectl("delete", "vtr", "hasty")


def test_the_api_server_comes_back_and_etcd_stalls(plane: ControlPlane, operator: Operator, clones: Clones) -> None:
    clones.apply()
    clones.wait(clones.jobs, 60)
    plane.restart("apiserver")
    clones.saved(1, 20)
    clones.wait_for("Admitted", "True", "Running", seconds=150)
    plane.pause("etcd")
    time.sleep(4)
    plane.resume("etcd")
    clones.finished(1)
    clones.wait_for("Ready", "True", "Ready", seconds=150)
    assert operator.process.poll() is None


def test_what_happened_while_it_was_away_is_seen(plane: ControlPlane, run: Operators, clones: Clones) -> None:
    first = started_with_a_clone(plane, run, clones)
    run.lose(first)
    clones.finished(1)
    clones.apply(gate={"minSpeakerSimilarity": "0.5"})
    second = run.start()
    plane.wait(second.leads, 60)
    clones.wait_for("Ready", "True", "Ready", seconds=90)
    assert len(clones.get()["status"]["attempts"]) == 1


def test_a_namespace_that_ends_takes_its_clones_along(plane: ControlPlane, run: Operators, clones: Clones) -> None:
    first = started_with_a_clone(plane, run, clones)
    run.lose(first)
    plane.kubectl("delete", "namespace", clones.namespace, "--wait=false")
    time.sleep(2)
    assert clones.get(), "it waits for its finalizer"
    second = run.start()
    plane.wait(second.leads, 60)
    clones.wait(lambda: clones.namespace not in plane.kubectl("get", "namespaces", "-o", "name"), 120, "it is gone")


@pytest.mark.parametrize(
    "edit", [{"speakers": []}, {"runtimeRef": {"name": "none"}}, {"base": {"cloneRef": {"name": "x"}}}]
)
def test_a_bad_clone_is_said_and_goes_within_seconds(
    plane: ControlPlane, operator: Operator, clones: Clones, edit: dict[str, Any]
) -> None:
    if edit == {"speakers": []}:
        with pytest.raises(Exception, match="should have at least 1 items"):
            clones.apply(**edit)
        return
    clones.apply(**edit)
    clones.wait(
        lambda: clones.condition("Accepted")[0] in ("False", "Unknown") and clones.condition("Accepted")[1] != "NotYet"
    )
    began = time.monotonic()
    plane.kubectl("delete", "vc", "anna", "-n", clones.namespace, "--timeout=30s")
    assert time.monotonic() - began < 30 and not clones.get()


def test_a_quota_and_a_class_without_room_are_said(plane: ControlPlane, operator: Operator, clones: Clones) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "small", "namespace": clones.namespace},
        "spec": {"hard": {"pods": "0"}},
    }
    plane.apply(quota)
    clones.apply()
    clones.wait_for("Admitted", "False", "QuotaExceeded", seconds=90)
    plane.kubectl("delete", "resourcequota", "small", "-n", clones.namespace)
    clones.wait(lambda: plane.pods(clones.namespace, "app.kubernetes.io/component=worker"), 120, "it starts unaided")
    clones.apply(name="many", compute={"acceleratorClassName": "nvidia-t4", "workers": 40})
    clones.wait_for("Admitted", "False", "NoNodeFits", name="many", seconds=120)


def test_a_mailbox_account_may_touch_one_object(plane: ControlPlane, operator: Operator, clones: Clones) -> None:
    clones.apply()
    clones.wait(clones.jobs, 60)
    kubeconfig = plane.service_account_kubeconfig(clones.namespace, "anna-training")

    def may(*words: str) -> bool:
        said = plane.kubectl("auth", "can-i", *words, "-n", clones.namespace, kubeconfig=kubeconfig, check=False)
        return said.strip().startswith("yes")

    assert may("patch", "configmap/anna-progress") and may("get", "configmap/anna-progress")
    assert not may("list", "configmaps") and not may("get", "secrets") and not may("patch", "configmap/other")
    assert not may("create", "pods") and not may("get", "vc")


def test_a_consent_cannot_be_changed_and_only_be_revoked(plane: ControlPlane, clones: Clones) -> None:
    with pytest.raises(Exception, match="may not be changed; make another VoiceConsent"):
        plane.apply(consent(clones.namespace, territories=["DE", "FR"]))
    plane.apply(consent(clones.namespace, revoked=True))
    with pytest.raises(Exception, match="may not have `revoked` set back to false"):
        plane.apply(consent(clones.namespace, revoked=False))


@pytest.mark.parametrize("count", [100, pytest.param(500, marks=pytest.mark.long)])
def test_many_clones_at_once_make_one_job_each(
    plane: ControlPlane, operator: Operator, clones: Clones, count: int
) -> None:
    """In a queue that lets nobody in: KubeRay and kwok have nothing to do, and what is measured is the operator."""
    from operator_process import RUNTIME, clone

    queued = {**RUNTIME, "metadata": {"name": "queued"}, "spec": {**RUNTIME["spec"], "queueName": "closed"}}
    plane.apply(queued)
    plane.apply([clone(clones.namespace, f"c{n}", runtimeRef={"name": "queued"}) for n in range(count)])
    clones.wait(lambda: len(clones.jobs()) == count, 60 + count, f"{count} RayJobs")
    consistently(lambda: len(clones.jobs()) == count, 3, "none twice")
    plane.kubectl("delete", "vc", "--all", "-n", clones.namespace, "--wait=false")
    clones.wait(lambda: not clones.jobs(), 60 + count, "no orphan after deleting all")
    clones.wait(lambda: "c1" not in plane.kubectl("get", "vc", "-n", clones.namespace), 60)
    plane.kubectl("delete", "vtr", "queued")
