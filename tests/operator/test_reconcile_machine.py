"""Anything, in any order, with the operator dying half-way through its plans: what must never happen does not."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from operator_world import DIGEST, NAMESPACE, World

from clock_train.crd.names import VERSION
from clock_train.crd.v1alpha1 import VoiceClone
from clock_train.serving.serving_table import table_of
from voiceclone_operator.actions import CreateCleanup, CreateJob, DeleteJob
from voiceclone_operator.observed import StoredFacts
from voiceclone_operator.tables import aliases_of, table_text

SPECS: list[dict[str, Any]] = [
    {"training": {"seed": 1}}, {"training": {"seed": 2}}, {"preset": "Basic"}, {"suspend": True}, {"suspend": False},
    {"budget": {"maxAcceleratorHours": 1}}, {"budget": {"pendingDeadlineSeconds": 60}}, {"budget": {}},
    {"gate": {"minSpeakerSimilarity": "0.9"}}, {"deletionPolicy": "Delete"},
    {"serving": {"policy": "Never"}}, {"serving": {"policy": "Always"}}, {"serving": {"policy": "IfGatePasses"}},
    {"serving": {"policy": "Always", "championVersion": 1, "canaryPercent": 10}},
    {"serving": {"policy": "Always", "championVersion": 2, "canaryPercent": 100}},
    {"compute": {"acceleratorClassName": "nvidia-t4", "workers": 2}}, {"compute": {"acceleratorClassName": "none"}},
]  # fmt: skip
LETTERS: list[dict[str, Any]] = [
    {"stage": "Prepare"}, {"stage": "Pretrain", "starts": 1}, {"stage": "Pretrain", "starts": 2},
    {"stage": "Evaluate", "metrics": {"speaker_similarity/speech": 0.5}}, {"state": "stopped"},
    {"state": "failed", "error": {"code": "CorpusEmpty", "message": "m", "exitCode": 2}},
    {"state": "failed", "error": {"code": "WorkersLost", "message": "m", "exitCode": 3}},
    {"state": "failed", "error": {"code": "KeyError", "message": "m", "exitCode": 70}},
]  # fmt: skip


class Clone(RuleBasedStateMachine):
    """One clone and everything that can happen to it."""

    @initialize(suspended=st.booleans())
    def begin(self, suspended: bool) -> None:
        self.world = World(suspend=suspended)
        self.finished: set[int] = set()
        self.steps = 0
        self.has_deleted = False

    @rule()
    def visits(self) -> None:
        """The operator reconciles."""
        self.visit(None)

    @rule()
    def visits_twice(self) -> None:
        """Two operators do, one after the other."""
        self.visit(None)
        self.visit(None)

    @rule(actions=st.integers(0, 6))
    def dies_on_a_visit(self, actions: int) -> None:
        """The operator dies after some of its actions."""
        self.visit(actions)

    def visit(self, dies_after: int | None) -> None:
        world = self.world
        self.steps += 1
        if world.is_gone:
            return
        is_erased = any("startTime" in each for each in world.status.get("erasures") or [])
        plan = world.reconcile(lost_after=dies_after)
        for action in plan.actions:
            if isinstance(action, CreateJob):
                version = int(action.manifest["metadata"]["labels"][VERSION])
                assert version not in self.finished, "a finished version never runs again"
        for action in plan.actions:
            assert not (is_erased and isinstance(action, CreateJob)), "nothing is made under a consent that is erased"
            assert is_erased or not isinstance(action, CreateCleanup), "it is written down before it begins"
        creates = [action for action in plan.actions if isinstance(action, CreateJob)]
        assert len(creates) <= 1
        if creates:
            assert not [action for action in plan.actions if isinstance(action, DeleteJob)]
        voice = world.status.get("voice")
        if voice is not None:
            self.finished.add(voice["version"])

    @rule(spec=st.sampled_from(SPECS))
    def edit(self, spec: dict[str, Any]) -> None:
        self.world.edit(**spec)

    @rule(seconds=st.sampled_from([1, 15, 100, 700, 5_000, -3_600, 604_800]))
    def time_passes(self, seconds: int) -> None:
        """Or the clock jumps back."""
        self.world.wait(seconds)

    @precondition(lambda self: ("ConfigMap", "anna-progress") in self.world.children and self.world.attempt())
    @rule(letter=st.sampled_from(LETTERS))
    def the_job_writes(self, letter: dict[str, Any]) -> None:
        self.world.write(**letter)

    @precondition(lambda self: ("ConfigMap", "anna-progress") in self.world.children and self.world.attempt())
    @rule(step=st.integers(1, 99))
    def the_job_saves(self, step: int) -> None:
        self.world.checkpoint(step)

    @precondition(lambda self: ("ConfigMap", "anna-progress") in self.world.children and self.world.live_jobs())
    @rule()
    def the_job_finishes(self) -> None:
        if self.world.attempt():
            self.world.finish()

    @precondition(lambda self: self.world.live_jobs())
    @rule(has_bundle=st.booleans())
    def the_pods_are_lost(self, has_bundle: bool) -> None:
        if has_bundle and self.world.attempt():
            facts = StoredFacts(bundle_key=f"{NAMESPACE}/bundles/{DIGEST}", bundle_digest=DIGEST)
            self.world.store[self.world.attempt()] = facts
        self.world.end_job("Failed", "FAILED")

    @rule()
    def somebody_deletes_the_jobs(self) -> None:
        self.world.jobs.clear()
        self.world.pods.clear()

    @rule(keep_mailbox=st.booleans())
    def somebody_deletes_children(self, keep_mailbox: bool) -> None:
        kept = {k: v for k, v in self.world.children.items() if keep_mailbox and k[0] == "ConfigMap"}
        self.world.children = kept

    @rule()
    def the_status_is_lost(self) -> None:
        """Restored from an old backup, or wiped by hand: jobs that are there are still not made twice."""
        if not self.finished:
            self.world.clone.pop("status", None)

    @rule(fate=st.sampled_from(["fine", "fine", "fine", "revoked", "gone"]))
    def consent(self, fate: str) -> None:
        fresh = World().consents["anna-2026"]
        fresh["spec"]["revoked"] = fate == "revoked"
        self.world.consents = {} if fate == "gone" else {"anna-2026": fresh}

    @precondition(lambda self: self.world.erasers)
    @rule(fails=st.booleans(), is_cleared=st.booleans())
    def the_eraser_ends(self, fails: bool, is_cleared: bool) -> None:
        """And Kubernetes clears it away, perhaps before anybody looks."""
        self.world.end_eraser(fails=fails)
        if is_cleared:
            self.world.erasers.clear()

    @rule(is_there=st.sampled_from([True, True, True, False]))
    def kuberay(self, is_there: bool) -> None:
        self.world.has_kuberay = is_there

    @rule(is_there=st.sampled_from([True, True, True, False]))
    def runtime(self, is_there: bool) -> None:
        self.world.runtime = World().runtime if is_there else None

    @rule(value=st.sampled_from(["true", "false", "false", "false"]))
    def pause(self, value: str) -> None:
        self.world.annotate("clocktrain.dev/paused", value)

    @rule(value=st.sampled_from(["a", "b", "c"]))
    def retry(self, value: str) -> None:
        self.world.annotate("clocktrain.dev/retry", value)

    @rule()
    def settles(self) -> None:
        """Every plan ends, and the plan after it is empty."""
        if not self.world.is_gone:
            for _ in range(60):
                self.visit(None)
                if self.world.is_gone or not self.world.plan().actions:
                    return
            raise AssertionError(f"it never settles: {self.world.plan().actions}")

    @precondition(lambda self: not self.has_deleted and self.steps > 12)
    @rule(erased=st.booleans())
    def is_deleted(self, erased: bool) -> None:
        """Deletion ends whatever went before, also when nobody erases."""
        self.has_deleted = True
        world = self.world
        if "finalizers" not in world.clone["metadata"]:
            world.is_gone = True
            return
        world.delete()
        for _ in range(20):
            if world.is_gone:
                return
            world.reconcile()
            if world.cleanup is not None and erased:
                world.cleanup["status"] = {"succeeded": 1}
            world.wait(100)
        assert world.is_gone

    @invariant()
    def there_are_never_two_live_jobs(self) -> None:
        if hasattr(self, "world"):
            assert len(self.world.live_jobs()) <= 1

    @invariant()
    def the_status_is_one_that_the_schema_takes(self) -> None:
        if hasattr(self, "world") and "status" in self.world.clone:
            values = {"apiVersion": "clocktrain.dev/v1alpha1", "kind": "VoiceClone", "metadata": {"name": "anna"}}
            VoiceClone.model_validate({**values, "spec": World().clone["spec"], "status": self.world.clone["status"]})

    @invariant()
    def what_is_served_is_a_voice_that_the_table_can_name(self) -> None:
        if hasattr(self, "world") and "serving" in self.world.status:
            serving = self.world.status["serving"]
            versions = {each["version"] for each in self.world.status["versions"]}
            aliases = {alias: number for alias, number in serving.items() if alias != "canaryPercent"}
            assert set(aliases.values()) <= versions
            assert aliases["champion"] not in (aliases.get("previous"), aliases.get("candidate"))
            assert ("candidate" in serving) == ("canaryPercent" in serving)
            told = table_of(table_text({"anna": aliases_of(self.world.clone)}), "it").aliases("anna")
            # one that is being deleted is heard no more, whatever its status still says
            assert bool(told) == ("deletionTimestamp" not in self.world.clone["metadata"])

    @rule()
    def nobody_is_heard_without_a_consent(self) -> None:
        """Once it has been visited, paused or not."""
        if not self.world.is_gone and "deletionTimestamp" not in self.world.clone["metadata"]:
            self.settles()
            consent = self.world.consents.get("anna-2026")
            if consent is None or consent["spec"]["revoked"]:
                assert "serving" not in self.world.status

    @invariant()
    def attempts_are_counted_once(self) -> None:
        if hasattr(self, "world"):
            numbers = [attempt["number"] for attempt in self.world.status.get("attempts", [])]
            assert numbers == sorted(set(numbers))


Clone.TestCase.settings = settings(
    max_examples=200,
    stateful_step_count=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestClone = Clone.TestCase
