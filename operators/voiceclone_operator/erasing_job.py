"""The Job that erases: of the trainer image, in the operator's own namespace, with the platform's own credential."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from clock_train.crd.names import CLONE, CLONE_UID
from voiceclone_operator.facts import Settings
from voiceclone_operator.names import MANAGED_BY
from voiceclone_operator.observed import Object, Observed

KEYS = "/etc/clocktrain-keys"
"""Where the keys by which receipts are signed are in the Job, where there are any."""


def erasing_job(observed: Observed, settings: Settings, *, name: str, words: Sequence[str], deadline_s: int) -> Object:
    """Its manifest.

    Args:
        observed: the clone, with the runtime that says where things are.
        settings: of the operator.
        name: of the Job.
        words: the module that it runs, and its arguments besides the store.
        deadline_s: after so many seconds it is given up.
    """
    runtime = (observed.runtime or {}).get("spec") or {}
    storage = runtime.get("storage") or {}
    tracking = runtime.get("tracking") or {}
    module, *arguments = words
    command = ["python", "-m", module, "--store", f"s3://{storage.get('bucket', '')}", *arguments]
    environment = {"AWS_ENDPOINT_URL_S3": storage.get("endpointURL", ""), "HOME": "/tmp"}
    if tracking.get("url"):
        environment["MLFLOW_TRACKING_URI"] = tracking["url"]
    # the Secret of the same name in the operator's namespace; without it the receipt is signed by nobody's key
    keys = (runtime.get("keys") or {}).get("secretName")
    volumes: list[dict[str, Any]] = [{"name": "tmp", "emptyDir": {}}]
    mounts: list[dict[str, Any]] = [{"name": "tmp", "mountPath": "/tmp"}]
    if keys:
        environment["CLOCKTRAIN_KEYS"] = KEYS
        volumes.append({"name": "keys", "secret": {"secretName": keys, "optional": True, "defaultMode": 0o440}})
        mounts.append({"name": "keys", "mountPath": KEYS, "readOnly": True})
    container: dict[str, Any] = {
        "name": "erase",
        "image": settings.cleanup_image or runtime.get("images", {}).get("trainer", ""),
        "imagePullPolicy": runtime.get("images", {}).get("pullPolicy", "IfNotPresent"),
        "command": command,
        "env": [{"name": name, "value": value} for name, value in environment.items()],
        "envFrom": [{"secretRef": {"name": settings.cleanup_secret}}],
        "resources": {"requests": {"cpu": "100m", "memory": "512Mi"}, "limits": {"memory": "2Gi"}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": mounts,
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": settings.operator_namespace,
            "labels": {**MANAGED_BY, CLONE: observed.name, CLONE_UID: observed.uid},
        },
        "spec": {
            "backoffLimit": 3,
            "activeDeadlineSeconds": deadline_s,
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
                        "fsGroup": 10_001,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "containers": [container],
                    "volumes": volumes,
                },
            },
        },
    }


def store_of(job: Object) -> str:
    """The store that a Job erases from, whatever the runtime names by now."""
    command = job["spec"]["template"]["spec"]["containers"][0]["command"]
    return str(command[command.index("--store") + 1])


def has_succeeded(job: Object | None) -> bool:
    """Whether everything is erased."""
    return bool(((job or {}).get("status") or {}).get("succeeded"))


def has_failed(job: Object | None) -> bool:
    """Whether it was tried as often as Kubernetes tries it."""
    conditions = ((job or {}).get("status") or {}).get("conditions") or []
    return any(each.get("type") == "Failed" and each.get("status") == "True" for each in conditions)
