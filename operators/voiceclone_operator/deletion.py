"""What deleting a clone means: its run ends, and, where it asks for it, what it made is erased; then it may go.

Erasing runs as a Job in the operator's own namespace with the platform's own credential, so it needs nothing from the
clone's namespace, which may be ending too. It has a deadline: a store that is away never keeps a namespace from going.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from clock_train.crd.names import ATTEMPT, CLONE, CLONE_UID
from clock_train.storage.places import RunPlace, receipt_key
from voiceclone_operator import attempts as runs
from voiceclone_operator.actions import CreateCleanup, DeleteJob, Event, Plan, RemoveFinalizer
from voiceclone_operator.facts import Settings
from voiceclone_operator.names import FINALIZER, MANAGED_BY
from voiceclone_operator.observed import Object, Observed, time_of

LOOK_EVERY_S = 10.0


def plan_deletion(observed: Observed, now: datetime, settings: Settings) -> Plan:
    """The next step towards letting the clone go; every path ends."""
    if FINALIZER not in (observed.clone["metadata"].get("finalizers") or []):
        return Plan()
    asked = time_of(observed.clone["metadata"]["deletionTimestamp"]) or now
    is_late = now >= asked + timedelta(seconds=settings.deletion_deadline_s)
    own = [job for job in observed.jobs if runs.job_of(observed, _attempt(job)) is job]
    ending = [DeleteJob(j["metadata"]["name"], j["metadata"]["uid"]) for j in own if not _is_going(j)]
    if (own or observed.pods) and not is_late:
        # what still runs could write again what is being erased
        return Plan(list(ending), LOOK_EVERY_S)
    if not _erases(observed, settings):
        return Plan([*ending, RemoveFinalizer()])
    if observed.cleanup is None and not is_late:
        return Plan([*ending, CreateCleanup(cleanup_job(observed, settings))], LOOK_EVERY_S)
    status = (observed.cleanup or {}).get("status") or {}
    if status.get("succeeded"):
        receipt = receipt_key(observed.namespace, observed.uid)
        done = Event(
            "Normal",
            "Erased",
            f"what it made is erased; the receipt is in the store under {receipt}",
        )
        return Plan([*ending, done, RemoveFinalizer()])
    has_failed = any(c.get("type") == "Failed" and c.get("status") == "True" for c in status.get("conditions") or [])
    if is_late or has_failed:
        left = Event(
            "Warning",
            "ErasureIncomplete",
            f"not everything could be erased in time; erase {run_prefix(observed)} in the store by hand",
        )
        return Plan([*ending, left, RemoveFinalizer()])
    return Plan(list(ending), LOOK_EVERY_S)


def run_prefix(observed: Observed) -> str:
    """Everything that the clone's attempts wrote."""
    return RunPlace(uid=observed.uid, namespace=observed.namespace).run_prefix


def cleanup_name(observed: Observed) -> str:
    """Of the Job that erases."""
    return f"erase-{observed.uid}"


def cleanup_job(observed: Observed, settings: Settings) -> Object:
    """The Job of the trainer image that erases what the clone made, and leaves a receipt."""
    runtime = (observed.runtime or {}).get("spec") or {}
    storage = runtime.get("storage") or {}
    tracking = runtime.get("tracking") or {}
    words = ["python", "-m", "clock_train.orchestration.erase_clone", "--store", f"s3://{storage.get('bucket', '')}"]
    words += ["--namespace", observed.namespace, "--uid", observed.uid, "--name", observed.name]
    environment = {"AWS_ENDPOINT_URL_S3": storage.get("endpointURL", ""), "HOME": "/tmp"}
    if tracking.get("url"):
        environment["MLFLOW_TRACKING_URI"] = tracking["url"]
    container: dict[str, Any] = {
        "name": "erase",
        "image": settings.cleanup_image or runtime.get("images", {}).get("trainer", ""),
        "imagePullPolicy": runtime.get("images", {}).get("pullPolicy", "IfNotPresent"),
        "command": words,
        "env": [{"name": name, "value": value} for name, value in environment.items()],
        "envFrom": [{"secretRef": {"name": settings.cleanup_secret}}],
        "resources": {"requests": {"cpu": "100m", "memory": "512Mi"}, "limits": {"memory": "2Gi"}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": cleanup_name(observed),
            "namespace": settings.operator_namespace,
            "labels": {**MANAGED_BY, CLONE: observed.name, CLONE_UID: observed.uid},
        },
        "spec": {
            "backoffLimit": 3,
            "activeDeadlineSeconds": settings.deletion_deadline_s,
            "ttlSecondsAfterFinished": 86_400,
            "template": {
                # not the label of the clone's own pods: deleting waits for those
                "metadata": {"labels": MANAGED_BY},
                "spec": {
                    "restartPolicy": "Never",
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "securityContext": {
                        "runAsNonRoot": True,
                        "runAsUser": 10_001,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "containers": [container],
                    "volumes": [{"name": "tmp", "emptyDir": {}}],
                },
            },
        },
    }


def _erases(observed: Observed, settings: Settings) -> bool:
    wants = (observed.clone.get("spec") or {}).get("deletionPolicy") == "Delete"
    # a clone that never had an attempt made nothing, and without a runtime nobody knows where
    has_made = bool(observed.status.get("attempts"))
    return wants and has_made and observed.runtime is not None and bool(settings.cleanup_secret)


def _attempt(job: Object) -> int:
    return int(job["metadata"]["labels"].get(ATTEMPT, "0"))


def _is_going(job: Object) -> bool:
    return bool(job["metadata"].get("deletionTimestamp"))
