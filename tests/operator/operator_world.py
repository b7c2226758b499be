"""A small world that obeys plans: what an API server, KubeRay and a job would do with them, as plain values."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from clock_train.crd.names import ATTEMPT, CLONE_UID
from voiceclone_operator.actions import (
    AddFinalizer,
    Apply,
    CreateCleanup,
    CreateJob,
    DeleteJob,
    Event,
    LookInStorage,
    Plan,
    RemoveFinalizer,
    WriteStatus,
)
from voiceclone_operator.facts import Settings
from voiceclone_operator.names import COMPONENT
from voiceclone_operator.observed import Observed, StoredFacts, spelled
from voiceclone_operator.reconcile import plan

Plain = TypeVar("Plain")


def copied(value: Plain) -> Plain:
    """A deep copy of plain values. ``copy.deepcopy`` takes most of a state machine's time."""
    return pickle.loads(pickle.dumps(value))


NAMESPACE, UID, NAME = "voices", "0a1b2c3d-1111-2222-3333-444455556666", "anna"
DIGEST = "ab" * 32
SETTINGS = Settings(cleanup_secret="platform-storage")

RUNTIME: dict[str, Any] = {
    "apiVersion": "clocktrain.dev/v1alpha1",
    "kind": "VoiceTrainingRuntime",
    "metadata": {"name": "standard", "uid": "r1"},
    "spec": {
        "images": {"trainer": "registry.example/trainer:1"},
        "acceleratorClasses": [
            {"name": "cpu", "resources": {"cpu": "1", "memory": "2Gi"}, "pricePerHour": "0.50"},
            {
                "name": "nvidia-t4",
                "nodeSelector": {"clocktrain.dev/accelerator": "nvidia-t4"},
                "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
                "resources": {"cpu": "4", "memory": "16Gi", "acceleratorResourceName": "nvidia.com/gpu"},
                "pricePerHour": "2",
            },
        ],
        "currency": "EUR",
        "storage": {"endpointURL": "http://s3.example:9000", "bucket": "clocktrain", "secretName": "storage"},
    },
}
CONSENT: dict[str, Any] = {
    "apiVersion": "clocktrain.dev/v1alpha1",
    "kind": "VoiceConsent",
    "metadata": {"name": "anna-2026", "namespace": NAMESPACE, "uid": "c1"},
    "spec": {
        "speaker": "anna",
        "purposes": ["Announcements"],
        "territories": ["DE"],
        "expirationTime": "2030-01-01T00:00:00Z",
        "statement": {"recordingURI": "s3://clocktrain/voices/consents/anna.wav", "sha256": "cd" * 32},
        "revoked": False,
    },
}


def clone(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "clocktrain.dev/v1alpha1",
        "kind": "VoiceClone",
        "metadata": {"name": NAME, "namespace": NAMESPACE, "uid": UID, "generation": 1},
        "spec": {
            "runtimeRef": {"name": "standard"},
            "speakers": [
                {
                    "name": "anna",
                    "corpus": {"uri": "s3://clocktrain/voices/corpora/anna", "revision": "3f2a"},
                    "consentRef": {"name": "anna-2026"},
                }
            ],
            "preset": "Demo",
            "suspend": False,
            "deletionPolicy": "Retain",
            **spec,
        },
    }


class World:
    """Holds the objects, and changes them as plans and happenings ask."""

    def __init__(self, **spec: Any) -> None:
        self.clone = clone(**spec)
        self.runtime: dict[str, Any] | None = copied(RUNTIME)
        self.consents: dict[str, dict[str, Any]] = {"anna-2026": copied(CONSENT)}
        self.base: dict[str, Any] | None = None
        self.jobs: dict[str, dict[str, Any]] = {}
        self.pods: dict[str, dict[str, Any]] = {}
        self.clusters: list[dict[str, Any]] = []
        self.children: dict[tuple[str, str], dict[str, Any]] = {}
        self.cleanup: dict[str, Any] | None = None
        self.erasers: dict[str, dict[str, Any]] = {}
        self.retired_bases: dict[str, str] = {}
        self.has_kuberay = True
        self.left_out: tuple[str, str] | None = None
        self.has_demonstrations = False
        self.store: dict[int, StoredFacts] = {}
        self.asked_store: dict[int, StoredFacts] = {}
        self.now = datetime(2026, 11, 24, 12, tzinfo=UTC)
        self.made_jobs: list[str] = []
        self.writes = 0
        self.events: list[Event] = []
        self.is_gone = False

    def observed(self) -> Observed:
        return Observed(
            clone=copied(self.clone),
            runtime=copied(self.runtime),
            consents=copied(self.consents),
            base=copied(self.base),
            jobs=tuple(copied(list(self.jobs.values()))),
            clusters=tuple(self.clusters),
            pods=tuple(copied(list(self.pods.values()))),
            children=copied(self.children),
            cleanup=copied(self.cleanup),
            erasers=copied(self.erasers),
            retired_bases=dict(self.retired_bases),
            has_kuberay=self.has_kuberay,
            left_out=self.left_out,
            has_demonstrations=self.has_demonstrations,
            stored=dict(self.asked_store),
        )

    def plan(self) -> Plan:
        return plan(self.observed(), self.now, SETTINGS)

    def reconcile(self, *, lost_after: int | None = None) -> Plan:
        """One visit; with ``lost_after`` the operator dies after so many of its actions."""
        made = self.plan()
        for action in made.actions[:lost_after]:
            self.obey(action)
        return made

    def settle(self, most: int = 40) -> None:
        """Visit until a plan asks for nothing."""
        for _ in range(most):
            if self.is_gone or not self.reconcile().actions:
                return
        raise AssertionError(f"it never settles: {self.plan().actions}")

    def obey(self, action: Any) -> None:
        if not isinstance(action, Event | LookInStorage):
            self.writes += 1
        if isinstance(action, WriteStatus):
            self.clone["status"] = copied(action.status)
        elif isinstance(action, Apply):
            self._apply(action.manifest)
        elif isinstance(action, CreateJob):
            self._create(action.manifest)
        elif isinstance(action, DeleteJob):
            job = self.jobs.get(action.name)
            if job is not None and job["metadata"]["uid"] == action.uid:
                del self.jobs[action.name]
                attempt = job["metadata"]["labels"][ATTEMPT]
                self.pods = {n: p for n, p in self.pods.items() if p["metadata"]["labels"][ATTEMPT] != attempt}
        elif isinstance(action, AddFinalizer):
            self.clone["metadata"]["finalizers"] = ["clocktrain.dev/erase"]
        elif isinstance(action, RemoveFinalizer):
            self.clone["metadata"]["finalizers"] = []
            self.is_gone = "deletionTimestamp" in self.clone["metadata"]
        elif isinstance(action, CreateCleanup):
            name = action.manifest["metadata"]["name"]
            if name == f"erase-{UID}":
                self.cleanup = self.cleanup or copied(action.manifest)
            else:
                self.erasers.setdefault(name, copied(action.manifest))
        elif isinstance(action, LookInStorage):
            self.asked_store[action.attempt] = self.store.get(action.attempt, StoredFacts())
        elif isinstance(action, Event):
            self.events.append(action)

    def _apply(self, manifest: dict[str, Any]) -> None:
        key = (manifest["kind"], manifest["metadata"]["name"])
        old = self.children.get(key, {})
        merged = copied(manifest)
        if "data" in manifest:  # what other managers own stays
            merged["data"] = {**old.get("data", {}), **manifest["data"]}
        self.children[key] = merged

    def _create(self, manifest: dict[str, Any]) -> None:
        name = manifest["metadata"]["name"]
        if name in self.jobs:
            return
        job = copied(manifest)
        job["metadata"] |= {"uid": f"job-{name}-{len(self.made_jobs)}", "creationTimestamp": spelled(self.now)}
        self.jobs[name] = job
        self.made_jobs.append(name)
        attempt = manifest["metadata"]["labels"][ATTEMPT]
        for role in ("head", "worker"):
            labels = {ATTEMPT: attempt, CLONE_UID: UID, COMPONENT: role}
            self.pods[f"{name}-{role}"] = {"metadata": {"name": f"{name}-{role}", "labels": labels}, "status": {}}

    # What happens by itself.

    @property
    def status(self) -> dict[str, Any]:
        return self.clone.get("status") or {}

    def condition(self, name: str) -> tuple[str, str]:
        (found,) = [c for c in self.status["conditions"] if c["type"] == name]
        return found["status"], found["reason"]

    def message(self, name: str) -> str:
        (found,) = [c for c in self.status["conditions"] if c["type"] == name]
        return found["message"]

    def attempt(self) -> int:
        return self.status["attempts"][-1]["number"] if self.status.get("attempts") else 0

    def letter(self) -> dict[str, Any]:
        return json.loads(self.children[("ConfigMap", "anna-progress")]["data"].get("progress", "{}"))

    def write(self, **values: Any) -> None:
        """The job writes to its mailbox."""
        box = self.children[("ConfigMap", "anna-progress")]
        box["data"]["progress"] = json.dumps({"attempt": self.attempt(), "state": "running", **values})

    def track(self) -> None:
        """The runtime names a tracker."""
        assert self.runtime is not None
        self.runtime["spec"]["tracking"] = {"url": "http://mlflow:5000"}

    def checkpoint(self, step: int, **more: Any) -> None:
        key = f"{NAMESPACE}/runs/{UID}/attempt-{self.attempt()}/checkpoints/step-{step}"
        saved = {"key": key, "step": step, "saveTime": self.now.isoformat()}
        self.write(stage="Pretrain", step=step, totalSteps=100, percent=step, etaSeconds=60, checkpoint=saved, **more)

    def end_job(self, deployment: str = "Complete", job: str = "SUCCEEDED") -> None:
        for each in self.jobs.values():
            each["status"] = {"jobDeploymentStatus": deployment, "jobStatus": job}

    def finish(self, digest: str = DIGEST, **more: Any) -> None:
        bundle = {"key": f"{NAMESPACE}/bundles/{digest}", "digest": digest}
        metrics = {"speaker_similarity/speech": 0.81, "word_error_rate/natural": 0.2}
        said = {"stage": "Export", "state": "finished", "bundle": bundle, "metrics": metrics, "gate": [], **more}
        self.write(**said)
        self.end_job()

    def edit(self, **spec: Any) -> None:
        self.clone["spec"] |= spec
        self.clone["metadata"]["generation"] += 1

    def annotate(self, name: str, value: str) -> None:
        self.clone["metadata"].setdefault("annotations", {})[name] = value

    def revoke(self, *, name: str = "anna-2026", revoked: bool = True) -> None:
        self.consents[name]["spec"]["revoked"] = revoked

    def end_eraser(self, *, fails: bool = False) -> None:
        """The Job that erases a speaker comes to its end."""
        ended = {"conditions": [{"type": "Failed", "status": "True"}]} if fails else {"succeeded": 1}
        for job in self.erasers.values():
            job.setdefault("status", ended)

    def delete(self) -> None:
        self.clone["metadata"]["deletionTimestamp"] = spelled(self.now)

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def live_jobs(self) -> list[str]:
        over = ("Complete", "Failed")
        return [n for n, j in self.jobs.items() if (j.get("status") or {}).get("jobDeploymentStatus") not in over]
