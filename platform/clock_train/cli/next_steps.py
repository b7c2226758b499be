"""What a person can do about a condition: a command where there is one, by the condition's reason."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

NEXT_STEPS = {
    "AcceleratorClassUnknown": "choose a class of the runtime: kubectl get vtr",
    "ActiveDeadlineExceeded": "raise spec.budget.activeDeadlineSeconds, apply again",
    "BaseInvalid": "name another clone in spec.base, apply again",
    "BaseRetired": "name another base in spec.base, apply again: the next version takes the voice's place",
    "BaseNotFound": "apply the clone that spec.base names, or name another",
    "BudgetExceeded": "raise spec.budget and apply again; it goes on from the newest checkpoint",
    "ConsentExpired": "ask the compliance officer for a new VoiceConsent and name it",
    "ConsentInvalid": "ask the compliance officer to look at the VoiceConsent: kubectl get vco -n {namespace}",
    "ConsentMismatch": "name the speaker's own consent: kubectl get vco -n {namespace}",
    "ConsentMissing": "ask the compliance officer for a VoiceConsent and name it in spec.speakers",
    "ConsentNotFound": "ask the compliance officer for the VoiceConsent: kubectl get vco -n {namespace}",
    "ConsentReplaced": "name a new VoiceConsent in spec.speakers, apply again",
    "ConsentRevoked": "nothing may be made from the recordings any more: see the condition Erased",
    "CredentialMissing": "ask the platform admin to set operator.cleanupSecretName of the chart",
    "DemonstrationOnly": "platform admin: kubectl label namespace {namespace} clocktrain.dev/demonstrations=true",
    "ErasureFailed": "ask the platform admin to read the log of its Job: the condition Erased has the command",
    "GateMissed": "listen to the samples in MLflow; more or better recordings help most. Or lower spec.gate",
    "ImageUnavailable": "ask the platform admin to mend images.trainer of the runtime",
    "InternalError": "clocktrain logs {name} -n {namespace} --attempt {attempt}; it is a bug: clocktrain report {name}",
    "JobRefused": "ask the platform admin: kubectl describe rayjobs -n {namespace}",
    "JudgeMissing": "leave the line out of spec.gate: no judge of the language is installed",
    "KubeRayMissing": "ask the platform admin to install KubeRay",
    "ManifestInvalid": "mend the field and apply again",
    "NameTaken": "make the voice under another name: an older clone of another namespace has this one",
    "NoNodeFits": "wait, or ask for fewer workers: kubectl get nodes -L clocktrain.dev/accelerator",
    "PendingDeadlineExceeded": "raise spec.budget.pendingDeadlineSeconds, apply again",
    "PodsRefused": "ask the platform admin about the namespace's policies",
    "Queued": "wait for the queue: kubectl get workloads -n {namespace}",
    "QuotaExceeded": "ask for a larger quota: kubectl describe resourcequota -n {namespace}",
    "RetrainBy": "name another base in spec.base, apply again; until then, and no longer than said, it is served",
    "RetriesExhausted": "look at the nodes, then: clocktrain retry {name} -n {namespace}",
    "RuntimeInvalid": "ask the platform admin to mend the VoiceTrainingRuntime",
    "RuntimeMissing": "name a runtime in spec.runtimeRef: kubectl get vtr",
    "RuntimeNotFound": "name a runtime that there is: kubectl get vtr",
    "SecretMissing": "ask the platform admin for the secret in the namespace {namespace}",
    "Suspended": "clocktrain resume {name} -n {namespace}",
    "TableFull": "set spec.serving.policy of voices that nobody asks for to Never",
    "VersionUnknown": "clocktrain voices promote {name} VERSION -n {namespace}, with one of status.versions",
    "WaitingForGrace": "revoked by mistake? Ask the compliance officer for a new VoiceConsent in time: see Erased",
    "WaitingForBase": "wait: clocktrain status of the clone that spec.base names",
}
"""Reason → what to do. Reasons that a job gives (``CorpusNotFound`` …) have their page in docs/errors.md."""
UNREMARKABLE = {
    "ConsentRenewed", "Creating", "Distilling", "Erased", "Erasing", "Failed", "NotAsked", "NotFailed", "NotRevoked",
    "NotSuspended", "NotTracked", "NotWanted", "NothingToServe", "Preparing", "Saving", "Starting", "Training",
    "Waiting", "WaitingForErasure", "WaitingForPods", "WaitingForRetry",
}  # fmt: skip
"""Reasons that need nobody: they pass, or another condition says why."""


def next_steps(clone: dict[str, Any]) -> list[str]:
    """What to do, most urgent first; empty where there is nothing to do but wait."""
    metadata, status = clone["metadata"], clone.get("status") or {}
    attempts = status.get("attempts") or []
    words = {
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "attempt": attempts[-1]["number"] if attempts else 1,
    }
    steps: list[str] = []
    for condition in _remarkable(status.get("conditions") or []):
        step = NEXT_STEPS.get(condition["reason"])
        if step is None and condition["type"] == "Failed":
            step = (
                "clocktrain logs {name} -n {namespace} --attempt {attempt}; docs/errors.md explains "
                f"{condition['reason']}; then: clocktrain retry {{name}} -n {{namespace}}"
            )
        if step is not None:
            said = step.format(**words)
            if said not in steps:
                steps.append(said)
    return steps


def _remarkable(conditions: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that ask for something: failures first."""
    found = []
    for condition in conditions:
        is_bad_when_true = condition["type"] in ("Failed", "Suspended")
        asks = condition["status"] == "True" if is_bad_when_true else condition["status"] != "True"
        is_told = condition["reason"] in ("GateMissed", "JudgeMissing", "RetrainBy")
        if asks or is_told:
            found.append(condition)
    return sorted(found, key=lambda each: each["type"] != "Failed")
