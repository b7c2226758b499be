"""The plan for one clone, story by story, in a world of plain values."""

from __future__ import annotations

import copy
import json
from datetime import timedelta
from typing import Any

import pytest
from operator_world import CONSENT, DIGEST, NAMESPACE, UID, World

from clock_train.crd.v1alpha1 import CONDITIONS, VoiceClone
from voiceclone_operator.actions import CreateJob
from voiceclone_operator.names import COMPONENT
from voiceclone_operator.observed import StoredFacts, spelled


@pytest.fixture
def world() -> World:
    made = World()
    made.settle()
    return made


def job_of(world: World) -> dict[str, Any]:
    (job,) = world.jobs.values()
    return job


def test_the_first_visit_makes_one_job_and_shows_every_condition(world: World) -> None:
    assert list(world.jobs) == ["anna-0a1b2c3d-1"]
    assert [c["type"] for c in world.status["conditions"]] == list(CONDITIONS)
    assert world.condition("Accepted") == ("True", "Accepted")
    assert world.condition("Ready") == ("False", "Training")
    assert world.condition("Trained") == ("Unknown", "NotYet")
    assert world.clone["metadata"]["finalizers"] == ["clocktrain.dev/erase"]
    assert VoiceClone.model_validate(world.clone).status is not None


def test_a_settled_clone_costs_no_write(world: World) -> None:
    for _ in range(10):
        world.wait(60)
        assert world.reconcile().actions == []


def test_a_job_that_tells_is_followed(world: World) -> None:
    world.checkpoint(40, starts=1)
    world.settle()
    assert world.status["stage"] == "Pretrain"
    assert world.status["progress"] == {"step": 40, "totalSteps": 100, "percent": 40, "etaSeconds": 60}
    assert world.status["checkpoint"]["uri"] == f"s3://clocktrain/{NAMESPACE}/runs/{UID}/attempt-1/checkpoints/step-40"
    assert world.condition("DataReady") == ("True", "Prepared")
    assert world.condition("Trained") == ("False", "Training")
    VoiceClone.model_validate(world.clone)


def test_a_finished_job_is_a_voice(world: World) -> None:
    world.checkpoint(100)
    world.settle()
    world.wait(3600)
    world.finish(trackingRun="f" * 32, trackingExperiment="3", corpus={"revision": "3f2a", "seconds": 1200})
    world.settle()
    assert world.status["voice"] == {
        "version": 1,
        "bundleURI": f"s3://clocktrain/{NAMESPACE}/bundles/{DIGEST}",
        "digest": DIGEST,
    }
    assert world.condition("Ready") == ("True", "Ready")
    assert world.status["metrics"] == [
        {"name": "speakerSimilarity", "value": "0.8100"},
        {"name": "wordErrorRateNatural", "value": "0.2000"},
    ]
    assert world.status["cost"] == {"acceleratorSeconds": 3600, "amount": "0.50", "currency": "EUR"}
    assert world.status["tracking"]["runID"] == "f" * 32
    assert "url" not in world.status["tracking"], "the runtime names no tracker"
    assert world.status["corpus"] == {"revision": "3f2a", "seconds": 1200}
    assert world.jobs == {}
    VoiceClone.model_validate(world.clone)


@pytest.mark.parametrize(
    "edit",
    [
        {"suspend": True},
        {"budget": {"maxAcceleratorHours": 1}},
        {"gate": {"minSpeakerSimilarity": "0.5"}},
        {"serving": {"policy": "Always"}},
        {"deletionPolicy": "Delete"},
        {"compute": {"acceleratorClassName": "nvidia-t4"}},
    ],
)
def test_a_finished_version_never_runs_again(world: World, edit: dict[str, Any]) -> None:
    world.finish()
    world.settle()
    world.edit(**edit)
    world.settle()
    world.children.clear()
    world.settle()
    assert world.made_jobs == ["anna-0a1b2c3d-1"]
    assert world.status["voice"]["version"] == 1


def test_an_edited_version_field_saves_stops_and_begins_the_next_version(world: World) -> None:
    world.checkpoint(40)
    world.settle()
    world.edit(training={"seed": 2})
    world.settle()
    assert world.children[("ConfigMap", "anna-progress")]["data"]["control"] == "save-and-stop"
    assert world.live_jobs() == ["anna-0a1b2c3d-1"]
    world.checkpoint(41, state="stopped", error={"code": "TrainingStopped", "message": "", "exitCode": 4})
    world.settle()
    assert list(world.jobs) == ["anna-0a1b2c3d-2"]
    assert world.status["version"]["number"] == 2
    assert "checkpoint" not in world.status
    assert "--resume-from" not in job_of(world)["spec"]["entrypoint"]
    assert [a.get("reason") for a in world.status["attempts"]] == ["VersionChanged", None]
    assert world.children[("ConfigMap", "anna-progress")]["data"]["control"] == "run"


def test_another_field_acts_at_once_without_a_restart(world: World) -> None:
    world.checkpoint(40)
    world.settle()
    world.edit(gate={"minSpeakerSimilarity": "0.9"}, deletionPolicy="Delete")
    world.settle()
    assert world.made_jobs == ["anna-0a1b2c3d-1"]
    assert world.status["observedGeneration"] == 2


def test_suspend_saves_first_and_resume_goes_on_from_there(world: World) -> None:
    world.checkpoint(40)
    world.settle()
    world.edit(suspend=True)
    world.settle()
    assert world.condition("Suspended") == ("False", "Saving")
    assert world.live_jobs()
    world.checkpoint(44, state="stopped", error={"code": "TrainingStopped", "message": "", "exitCode": 4})
    world.settle()
    assert world.jobs == {} and world.condition("Suspended") == ("True", "Suspended")
    assert world.condition("Ready") == ("False", "Suspended")
    world.edit(suspend=False)
    world.settle()
    assert "--attempt 2" in job_of(world)["spec"]["entrypoint"]
    assert "attempt-1/checkpoints/step-44" in job_of(world)["spec"]["entrypoint"]
    assert world.status["attempts"][1]["resumedFrom"].endswith("step-44")


def test_suspend_flipped_back_while_saving_still_ends_well(world: World) -> None:
    world.checkpoint(40)
    world.settle()
    world.edit(suspend=True)
    world.settle()
    world.edit(suspend=False)
    world.settle()
    world.checkpoint(41, state="stopped")
    world.settle()
    assert list(world.jobs) == ["anna-0a1b2c3d-2"]


def test_a_job_that_does_not_save_in_time_is_ended(world: World) -> None:
    world.checkpoint(40)
    world.settle()
    world.edit(suspend=True)
    world.settle()
    world.wait(599)
    world.settle()
    assert world.live_jobs()
    world.wait(2)
    world.settle()
    assert world.jobs == {}
    assert world.status["checkpoint"]["step"] == 40


def test_created_suspended_it_makes_nothing() -> None:
    world = World(suspend=True)
    world.settle()
    assert world.made_jobs == [] and world.condition("Suspended") == ("True", "Suspended")


def test_lost_capacity_is_tried_again_from_the_newest_checkpoint_of_the_store(world: World) -> None:
    world.checkpoint(40)
    world.settle()
    key = f"{NAMESPACE}/runs/{UID}/attempt-1/checkpoints/step-60"
    world.store[1] = StoredFacts(checkpoint_key=key, checkpoint_step=60, checkpoint_time=world.now.isoformat())
    world.end_job("Failed", "FAILED")
    world.settle()
    assert world.condition("Admitted") == ("False", "WaitingForRetry")
    assert world.status["attempts"][0]["reason"] == "CapacityLost"
    world.wait(11)
    world.settle()
    assert "attempt-1/checkpoints/step-60" in job_of(world)["spec"]["entrypoint"]
    assert any(event.reason == "CapacityLost" for event in world.events)


def test_retries_wait_longer_each_time_and_end(world: World) -> None:
    for number in range(1, 7):
        assert world.live_jobs() == [f"anna-0a1b2c3d-{number}"]
        world.end_job("Failed", "FAILED")
        world.settle()
        assert not world.jobs
        if number < 6:
            world.wait(10 * 2 ** (number - 1) - 1)
            world.settle()
            assert not world.jobs, "not before its time"
            world.wait(1)
            world.settle()
    assert world.condition("Failed") == ("True", "RetriesExhausted")
    assert "annotate the clone with clocktrain.dev/retry" in world.message("Failed")
    world.wait(100_000)
    world.settle()
    assert len(world.made_jobs) == 6
    world.annotate("clocktrain.dev/retry", "2026-11-24")
    world.settle()
    assert len(world.made_jobs) == 7
    world.end_job("Failed", "FAILED")
    world.settle()
    world.wait(10)
    world.settle()
    assert len(world.made_jobs) == 8, "the count began again"


def test_a_mistake_of_the_user_fails_at_once_with_its_message(world: World) -> None:
    error = {"code": "CorpusNotFound", "message": "CorpusNotFound: there is no revision 3f2a", "exitCode": 2}
    world.write(stage="Prepare", state="failed", error=error)
    world.end_job("Failed", "FAILED")
    world.settle()
    assert world.condition("Failed") == ("True", "CorpusNotFound")
    assert world.condition("DataReady") == ("False", "CorpusNotFound")
    assert "there is no revision 3f2a" in world.message("Failed")
    world.wait(100_000)
    world.settle()
    assert len(world.made_jobs) == 1
    world.edit(preset="Basic")
    world.settle()
    assert len(world.made_jobs) == 2 and world.condition("Failed") == ("False", "NotFailed")


def test_a_bug_is_not_tried_again(world: World) -> None:
    world.write(state="failed", error={"code": "KeyError", "message": "x", "exitCode": 70})
    world.end_job("Failed", "FAILED")
    world.settle()
    assert world.condition("Failed") == ("True", "InternalError")


def test_rays_word_alone_is_never_success(world: World) -> None:
    world.end_job("Complete", "SUCCEEDED")
    world.settle()
    assert "voice" not in world.status
    assert world.status["attempts"][0]["reason"] == "CapacityLost"


def test_the_stores_word_is_success_even_without_the_mailbox(world: World) -> None:
    world.store[1] = StoredFacts(bundle_key=f"{NAMESPACE}/bundles/{DIGEST}", bundle_digest=DIGEST)
    world.end_job("Failed", "FAILED")
    world.settle()
    assert world.status["voice"]["digest"] == DIGEST


def test_a_job_deleted_by_hand_is_lost_capacity(world: World) -> None:
    world.checkpoint(40)
    world.settle()
    world.jobs.clear()
    world.pods.clear()
    world.settle()
    world.wait(11)
    world.settle()
    assert list(world.jobs) == ["anna-0a1b2c3d-2"]
    assert "step-40" in job_of(world)["spec"]["entrypoint"]


def test_the_next_attempt_waits_for_the_pods_of_the_last(world: World) -> None:
    world.end_job("Failed", "FAILED")
    stuck = dict(world.pods)
    world.settle()
    world.pods = stuck
    world.wait(11)
    world.settle()
    assert world.condition("Admitted") == ("False", "WaitingForPods") and not world.jobs
    world.pods = {}
    world.settle()
    assert list(world.jobs) == ["anna-0a1b2c3d-2"]


def test_what_is_edited_between_a_snapshot_and_its_job_begins_an_attempt_of_its_own() -> None:
    world = World()
    made = world.plan().actions
    job = next(i for i, action in enumerate(made) if isinstance(action, CreateJob))
    for action in made[:job]:
        world.obey(action)
    world.edit(preset="Basic")
    world.settle()
    assert list(world.jobs) == ["anna-0a1b2c3d-2"], "a snapshot is immutable, and the first is of what was before"
    assert [attempt["number"] for attempt in world.status["attempts"]] == [2]


def leave_ending(world: World, component: str) -> None:
    """A pod whose node fell silent: asked to end, and still there."""
    for pod in world.pods.values():
        if pod["metadata"]["labels"][COMPONENT] == component:
            pod["metadata"]["deletionTimestamp"] = spelled(world.now + timedelta(seconds=120))


def test_a_head_on_a_silent_node_is_lost_capacity_and_is_not_waited_for(world: World) -> None:
    world.checkpoint(40)
    world.settle()
    leave_ending(world, "head")
    stuck = copy.deepcopy(world.pods)
    world.wait(120 + 59)
    world.settle()
    assert list(world.jobs) == ["anna-0a1b2c3d-1"], "it may still be ending"
    world.wait(1)
    world.settle()
    world.pods = stuck  # nobody ends them: their node does not answer
    assert world.status["attempts"][0]["reason"] == "CapacityLost"
    assert "on a node that does not answer" in world.status["attempts"][0]["message"]
    world.pods = {name: pod for name, pod in stuck.items() if "deletionTimestamp" in pod["metadata"]}
    world.wait(11)
    world.settle()
    assert list(world.jobs) == ["anna-0a1b2c3d-2"]
    assert "step-40" in job_of(world)["spec"]["entrypoint"]


@pytest.mark.parametrize(("least", "goes_on"), [(None, False), (1, True)])
def test_a_worker_on_a_silent_node_ends_a_run_that_cannot_do_without(least: int | None, goes_on: bool) -> None:
    compute = {"acceleratorClassName": "cpu", "workers": 2, **({"minWorkers": least} if least else {})}
    world = World(compute=compute)
    world.settle()
    world.checkpoint(40)
    world.settle()
    leave_ending(world, "worker")
    world.wait(180)
    world.settle()
    assert ("completionTime" not in world.status["attempts"][0]) == goes_on


def test_a_budget_stops_and_raising_it_goes_on(world: World) -> None:
    world.edit(budget={"maxCost": "1"})
    world.checkpoint(40)
    world.settle()
    world.wait(2 * 3600 - 5)
    world.settle()
    assert world.children[("ConfigMap", "anna-progress")]["data"]["control"] == "run"
    world.wait(5)
    world.settle()
    assert world.children[("ConfigMap", "anna-progress")]["data"]["control"] == "save-and-stop"
    world.checkpoint(50, state="stopped")
    world.settle()
    assert world.condition("Failed") == ("True", "BudgetExceeded") and not world.jobs
    assert world.status["cost"]["amount"] == "1.00"
    world.edit(budget={"maxCost": "2"})
    world.settle()
    assert "step-50" in job_of(world)["spec"]["entrypoint"]


@pytest.mark.parametrize("limit", ["pendingDeadlineSeconds", "activeDeadlineSeconds"])
def test_deadlines_end_an_attempt_and_raising_them_goes_on(world: World, limit: str) -> None:
    world.edit(budget={limit: 100})
    if limit == "activeDeadlineSeconds":
        world.checkpoint(40)
    world.settle()
    world.wait(101)
    world.settle()
    if limit == "activeDeadlineSeconds":
        world.checkpoint(41, state="stopped")
        world.settle()
    reason = "PendingDeadlineExceeded" if limit.startswith("pending") else "ActiveDeadlineExceeded"
    assert world.condition("Failed") == ("True", reason) and not world.jobs
    world.wait(1000)
    world.settle()
    assert len(world.made_jobs) == 1
    world.edit(budget={limit: 1000})
    world.settle()
    assert len(world.made_jobs) == 2


@pytest.mark.parametrize(
    ("change", "reason", "message"),
    [
        (lambda w: setattr(w, "runtime", None), "RuntimeNotFound", 'there is no VoiceTrainingRuntime "standard"'),
        (lambda w: w.consents.clear(), "ConsentNotFound", 'there is no VoiceConsent "anna-2026"'),
        (lambda w: w.consents["anna-2026"]["spec"].update(speaker="bert"), "ConsentMismatch", 'is of "bert", not'),
        (
            lambda w: w.consents["anna-2026"]["spec"].update(expirationTime="2026-01-01T00:00:00Z"),
            "ConsentExpired",
            "ended on 2026-01-01",
        ),
        (lambda w: w.consents["anna-2026"]["spec"].update(revoked=True), "ConsentRevoked", "was revoked"),
        (lambda w: w.clone["spec"]["speakers"][0].pop("consentRef"), "ConsentMissing", "must have a `consentRef`"),
        (lambda w: w.clone["spec"].pop("runtimeRef"), "RuntimeMissing", "`spec.runtimeRef` must name"),
        (
            lambda w: w.clone["spec"].update(compute={"acceleratorClassName": "nvidia-b200"}),
            "AcceleratorClassUnknown",
            "must be one of cpu, nvidia-t4",
        ),
        (lambda w: w.clone["spec"].update(base={"cloneRef": {"name": "b"}}), "BaseNotFound", 'no VoiceClone "b"'),
        (
            lambda w: w.clone["spec"].update(base={"cloneRef": {"name": "anna"}}),
            "BaseInvalid",
            "may not name the clone",
        ),
        (lambda w: w.clone["spec"].update(preset="Best"), "ManifestInvalid", "`spec.preset`"),
        (lambda w: w.runtime["spec"].pop("storage"), "RuntimeInvalid", "ask the admin"),
    ],
)
def test_what_is_wrong_is_said_with_the_next_step_and_stays_deletable(change: Any, reason: str, message: str) -> None:
    world = World()
    change(world)
    world.settle()
    assert world.condition("Accepted")[1] == reason
    assert message in world.message("Accepted")
    assert world.made_jobs == []
    assert world.condition("Ready") == ("False", reason)
    world.delete()
    world.settle()
    assert world.is_gone


def test_a_base_is_waited_for_and_then_named_to_the_job() -> None:
    world = World(base={"cloneRef": {"name": "base-zh-en"}})
    world.base = {"metadata": {"name": "base-zh-en"}, "status": {}}
    world.settle()
    assert world.condition("Accepted") == ("Unknown", "WaitingForBase")
    assert 'waiting for the VoiceClone "base-zh-en"' in world.message("Accepted")
    uri = f"s3://clocktrain/{NAMESPACE}/bundles/{DIGEST}"
    world.base["status"] = {"voice": {"version": 1, "bundleURI": uri, "digest": DIGEST}}
    world.settle()
    assert f"--base {uri}" in job_of(world)["spec"]["entrypoint"]


def test_a_revoked_consent_ends_the_run_at_once(world: World) -> None:
    world.checkpoint(40)
    world.settle()
    world.consents["anna-2026"]["spec"]["revoked"] = True
    world.settle()
    assert world.jobs == {}
    assert world.condition("Accepted") == ("False", "ConsentRevoked")
    assert world.status["attempts"][0]["reason"] == "ConsentRevoked"
    world.wait(1e6)
    world.settle()
    assert len(world.made_jobs) == 1


def test_a_consent_that_was_made_again_is_another_one(world: World) -> None:
    world.consents["anna-2026"] = {**CONSENT, "metadata": {**CONSENT["metadata"], "uid": "c2"}}
    world.settle()
    assert world.condition("Accepted") == ("False", "ConsentReplaced")
    assert world.jobs == {}


def test_a_runtime_that_goes_away_does_not_disturb_what_runs(world: World) -> None:
    world.checkpoint(40)
    world.settle()
    world.runtime = None
    world.settle()
    assert world.live_jobs() == ["anna-0a1b2c3d-1"]
    world.edit(suspend=True)
    world.settle()
    assert world.children[("ConfigMap", "anna-progress")]["data"]["control"] == "save-and-stop"


def test_a_paused_clone_is_left_alone(world: World) -> None:
    world.annotate("clocktrain.dev/paused", "true")
    world.edit(suspend=True)
    world.jobs.clear()
    assert world.plan().actions == []
    world.annotate("clocktrain.dev/paused", "false")
    world.settle()
    assert world.condition("Suspended") == ("True", "Suspended")


def test_children_that_were_deleted_or_edited_come_back(world: World) -> None:
    role = ("Role", "anna-training")
    world.children[role]["rules"][0]["resourceNames"] = ["everything"]
    del world.children[("NetworkPolicy", "anna-training")]
    world.settle()
    assert world.children[role]["rules"][0]["resourceNames"] == ["anna-progress"]
    assert ("NetworkPolicy", "anna-training") in world.children


def test_a_job_restarted_by_ray_is_told(world: World) -> None:
    world.checkpoint(40, starts=1)
    world.settle()
    world.checkpoint(40, starts=2)
    world.settle()
    assert world.status["attempts"][0]["starts"] == 2
    assert any(event.reason == "JobRestarted" for event in world.events)


def test_without_kuberay_it_waits_and_begins_when_it_comes() -> None:
    world = World()
    world.has_kuberay = False
    world.settle()
    assert world.condition("Admitted") == ("False", "KubeRayMissing") and not world.made_jobs
    world.has_kuberay = True
    world.settle()
    assert len(world.made_jobs) == 1


def test_a_queue_lets_it_wait_and_is_no_failure() -> None:
    world = World()
    assert world.runtime is not None
    world.runtime["spec"]["queueName"] = "gpus"
    world.settle()
    job = job_of(world)
    assert job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "gpus"
    assert world.condition("Admitted") == ("False", "Queued")
    job["spec"]["suspend"] = False
    job["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]["nodeSelector"] = {"from": "kueue"}
    world.checkpoint(40)
    world.settle()
    assert world.condition("Admitted") == ("True", "Running")
    job["spec"]["suspend"] = True  # preempted
    job["status"] = {"jobDeploymentStatus": "Suspended"}
    world.settle()
    assert world.made_jobs == ["anna-0a1b2c3d-1"] and world.condition("Failed") == ("False", "NotFailed")


@pytest.mark.parametrize(
    ("pod", "reason"),
    [
        ({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]}, "NoNodeFits"),
        (
            {"containerStatuses": [{"image": "x", "state": {"waiting": {"reason": "ImagePullBackOff"}}}]},
            "ImageUnavailable",
        ),
        (
            {"containerStatuses": [{"state": {"waiting": {"reason": "CreateContainerConfigError", "message": "m"}}}]},
            "SecretMissing",
        ),
    ],
)
def test_why_pods_wait_is_said(world: World, pod: dict[str, Any], reason: str) -> None:
    next(iter(world.pods.values()))["status"] = pod
    world.settle()
    assert world.condition("Admitted") == ("False", reason)


def test_a_quota_is_said(world: World) -> None:
    condition = {"type": "ReplicaFailure", "status": "True", "message": 'pods "x" is forbidden: exceeded quota: q'}
    world.clusters = [{"status": {"conditions": [condition]}}]
    world.settle()
    assert world.condition("Admitted") == ("False", "QuotaExceeded")
    assert "ask for a larger one, or for fewer workers" in world.message("Admitted")


def test_a_gate_that_is_missed_keeps_the_voice_and_is_not_ready(world: World) -> None:
    gate = [
        {"line": "minSpeakerSimilarity", "reason": "Missed", "message": "minSpeakerSimilarity 0.9: missed with 0.810"}
    ]
    world.finish()
    box = world.children[("ConfigMap", "anna-progress")]["data"]
    box["progress"] = json.dumps({**json.loads(box["progress"]), "gate": gate})
    world.settle()
    assert world.condition("Evaluated") == ("True", "GateMissed")
    assert world.condition("Ready") == ("False", "GateMissed")
    assert world.status["voice"]["digest"] == DIGEST


def test_deleting_erases_once_its_pods_are_gone_and_then_lets_it_go(world: World) -> None:
    world.edit(deletionPolicy="Delete")
    world.checkpoint(40)
    world.settle()
    world.delete()
    world.reconcile()
    assert world.cleanup is None and world.jobs == {}, "what still runs could write again"
    world.reconcile()
    assert world.cleanup is not None
    pod = world.cleanup["spec"]["template"]["metadata"]["labels"]
    assert "clocktrain.dev/clone-uid" not in pod, "the eraser's own pod must not be waited for"
    for _ in range(3):
        world.reconcile()
    assert not world.is_gone
    world.cleanup["status"] = {"succeeded": 1}
    world.settle()
    assert world.is_gone
    assert any(event.reason == "Erased" for event in world.events)


HOSTILE = [
    "", "[]", "null", "{", '{"attempt": "1"}', '{"attempt": 1, "state": ["finished"]}',
    '{"attempt": 1, "state": "finished"}', '{"attempt": 1, "state": "finished", "bundle": {"digest": "../../x"}}',
    '{"attempt": 1, "state": "failed", "error": {"code": "a; rm", "exitCode": 2}}',
    '{"attempt": 1, "step": 1e308, "totalSteps": 1, "percent": -5, "metrics": {"a/b c": 1e400, "x": NaN}}',
    '{"attempt": 1, "checkpoint": {"key": "other/runs/u/attempt-1/checkpoints/step-9", "step": 9, "saveTime": "x"}}',
    '{"attempt": 1, "corpus": {"revision": "$(x)", "seconds": 1}, "trackingRun": "<script>"}',
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_a_mailbox_with_anything_in_it_breaks_nothing(world: World, text: str) -> None:
    world.children[("ConfigMap", "anna-progress")]["data"]["progress"] = text
    world.settle()
    VoiceClone.model_validate(world.clone)
    assert "voice" not in world.status and "checkpoint" not in world.status
    assert "tracking" not in world.status and "corpus" not in world.status
    world.end_job("Failed", "FAILED")
    world.settle()
    VoiceClone.model_validate(world.clone)
