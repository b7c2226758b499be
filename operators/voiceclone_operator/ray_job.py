"""The RayJob of one attempt: a head that drives, workers that train, and nothing of either as root."""

from __future__ import annotations

import shlex
from typing import Any

from clock_train.crd.names import (
    ATTEMPT,
    CLONE_UID,
    CONSENTS_FILE,
    VERSION,
    account_name,
    job_name,
    progress_name,
    snapshot_name,
)
from clock_train.crd.v1alpha1 import Resources
from voiceclone_operator.acceptance import Accepted
from voiceclone_operator.children import head, spec_hash
from voiceclone_operator.names import COMPONENT, QUEUE, SPEC_HASH, labels
from voiceclone_operator.observed import Object, Observed

RAY_VERSION = "2.60.0"
"""Of the trainer image. KubeRay probes by HTTP where it knows the version, and needs no wget in the image then."""
HEAD = Resources.model_validate({"cpu": "500m", "memory": "3Gi"})
OBJECT_STORE_BYTES = 104_857_600
"""Ray's store carries figures only: recordings and checkpoints go through the bucket."""
SHARED_MEMORY = "256Mi"
"""Of /dev/shm, where Ray keeps its store: containers get 64 MiB by default. It counts as the container's memory."""
GRACE_S = 120
"""A pod that has to go gets so long to save: a checkpoint of the teacher takes seconds."""
SILENT_NODE_S = 60
"""How long a node may be silent before its pods are given up; by default five minutes, in which a run only waits."""
WORK = "/work"
SNAPSHOT = "/etc/clocktrain"
KEYS = "/etc/clocktrain-keys"


def ray_job(observed: Observed, accepted: Accepted, *, attempt: int, version: int, resume_from: str | None) -> Object:
    """The manifest of an attempt.

    Args:
        observed: the clone.
        accepted: everything that it names.
        attempt: its number.
        version: what it trains.
        resume_from: checkpoint of an earlier attempt.
    """
    name = job_name(observed.name, observed.uid, attempt)
    queue = accepted.runtime.queue_name
    more = {ATTEMPT: str(attempt), VERSION: str(version), **({QUEUE: queue} if queue else {})}
    manifest = head(observed, "ray.io/v1", "RayJob", name, **more)
    manifest["spec"] = {
        "entrypoint": shlex.join(_entrypoint(observed, accepted, attempt, resume_from)),
        "submissionMode": "K8sJobMode",
        # retries are the operator's: KubeRay's begin blindly
        "backoffLimit": 0,
        "shutdownAfterJobFinishes": True,
        "ttlSecondsAfterFinished": 0,
        "submitterPodTemplate": _submitter(observed, accepted, attempt),
        "rayClusterSpec": {
            "rayVersion": RAY_VERSION,
            "authOptions": {"mode": "token"},
            "headGroupSpec": {
                "rayStartParams": {"num-cpus": "0", "object-store-memory": str(OBJECT_STORE_BYTES)},
                "template": _pod(observed, accepted, attempt, "head", accepted.runtime.head or HEAD),
            },
            "workerGroupSpecs": [
                {
                    "groupName": "workers",
                    "replicas": accepted.workers,
                    "minReplicas": accepted.workers,
                    "maxReplicas": accepted.workers,
                    "rayStartParams": {"num-cpus": "1", "object-store-memory": str(OBJECT_STORE_BYTES)},
                    "template": _pod(observed, accepted, attempt, "worker", accepted.accelerator.resources),
                }
            ],
        },
    }
    if queue:
        # Kueue lets it go; without Kueue nobody does, and the condition says what it waits for
        manifest["spec"]["suspend"] = True
    manifest["metadata"]["annotations"] = {SPEC_HASH: spec_hash(manifest)}
    return manifest


def _entrypoint(observed: Observed, accepted: Accepted, attempt: int, resume_from: str | None) -> list[str]:
    words = ["python", "-m", "clock_train.orchestration.job", "--spec", f"{SNAPSHOT}/voiceclone.json"]
    words += ["--out", f"{WORK}/out", "--store", f"s3://{accepted.runtime.storage.bucket}", "--attempt", str(attempt)]
    words += ["--consents", f"{SNAPSHOT}/{CONSENTS_FILE}"]
    words += ["--mailbox", f"configmap:{observed.namespace}/{progress_name(observed.name)}"]
    if resume_from is not None:
        words += ["--resume-from", resume_from]
    if accepted.base_uri is not None and accepted.spec.base is not None and accepted.spec.base.bundle_uri is None:
        words += ["--base", accepted.base_uri]
    return words


def _pod(observed: Observed, accepted: Accepted, attempt: int, role: str, resources: Resources) -> dict[str, Any]:
    runtime, accelerator = accepted.runtime, accepted.accelerator
    security = runtime.pod_security
    own = {**labels(observed.name, observed.uid), ATTEMPT: str(attempt), COMPONENT: role}
    spec: dict[str, Any] = {
        "serviceAccountName": account_name(observed.name),
        "automountServiceAccountToken": role == "head",
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": GRACE_S,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": security.run_as_user if security else 10_001,
            "runAsGroup": security.run_as_user if security else 10_001,
            "fsGroup": (security.fs_group if security else None) or (security.run_as_user if security else 10_001),
            "seccompProfile": {"type": security.seccomp_profile if security else "RuntimeDefault"},
        },
        "containers": [
            {
                "name": f"ray-{role}",
                "image": runtime.images.trainer,
                "imagePullPolicy": runtime.images.pull_policy,
                "env": _environment(observed, accepted),
                "envFrom": _secrets(accepted),
                "resources": _resources(resources),
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                },
                "volumeMounts": [
                    {"name": "work", "mountPath": WORK},
                    {"name": "tmp", "mountPath": "/tmp"},
                    {"name": "shm", "mountPath": "/dev/shm"},
                    {"name": "snapshot", "mountPath": SNAPSHOT, "readOnly": True},
                ],
            }
        ],
        "volumes": [
            {"name": "work", "emptyDir": {}},
            {"name": "tmp", "emptyDir": {}},
            {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": SHARED_MEMORY}},
            {"name": "snapshot", "configMap": {"name": snapshot_name(observed.name, attempt)}},
        ],
    }
    if runtime.keys is not None:
        # where it is not there, the job says so; a pod that waits for it would say nothing
        secret = {"secretName": runtime.keys.secret_name, "optional": True, "defaultMode": 0o440}
        spec["volumes"].append({"name": "keys", "secret": secret})
        mount = {"name": "keys", "mountPath": KEYS, "readOnly": True}
        spec["containers"][0]["volumeMounts"].append(mount)
    if runtime.images.pull_secret_name:
        spec["imagePullSecrets"] = [{"name": runtime.images.pull_secret_name}]
    spec["tolerations"] = [
        {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": SILENT_NODE_S}
        for key in ("node.kubernetes.io/unreachable", "node.kubernetes.io/not-ready")
    ]
    if role == "worker":
        spec["nodeSelector"] = dict(accelerator.node_selector)
        spec["tolerations"] += [
            {name: value for name, value in toleration.model_dump(by_alias=True).items() if value is not None}
            for toleration in accelerator.tolerations
        ]
        # one node's end takes as few workers along as it can
        spec["topologySpreadConstraints"] = [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": {CLONE_UID: observed.uid, COMPONENT: "worker"}},
            }
        ]
    return {"metadata": {"labels": own}, "spec": spec}


def _submitter(observed: Observed, accepted: Accepted, attempt: int) -> dict[str, Any]:
    pod = _pod(observed, accepted, attempt, "submitter", Resources.model_validate({"cpu": "200m", "memory": "1Gi"}))
    pod["spec"]["containers"][0]["name"] = "ray-job-submitter"
    pod["spec"]["restartPolicy"] = "Never"
    return pod


def _environment(observed: Observed, accepted: Accepted) -> list[dict[str, Any]]:
    values = {
        "AWS_ENDPOINT_URL_S3": accepted.runtime.storage.endpoint_url,
        "HOME": WORK,
        "RAY_USAGE_STATS_ENABLED": "0",
        "PYTHONUNBUFFERED": "1",
    }
    if accepted.runtime.keys is not None:
        values["CLOCKTRAIN_KEYS"] = KEYS
    if accepted.runtime.tracking is not None:
        values["MLFLOW_TRACKING_URI"] = accepted.runtime.tracking.url
    return [{"name": name, "value": value} for name, value in values.items()]


def _secrets(accepted: Accepted) -> list[dict[str, Any]]:
    """Names in the clone's own namespace: the operator never reads a secret, and never copies one."""
    names = [accepted.runtime.storage.secret_name]
    if accepted.runtime.tracking is not None and accepted.runtime.tracking.secret_name:
        names.append(accepted.runtime.tracking.secret_name)
    return [{"secretRef": {"name": name}} for name in names]


def _resources(resources: Resources) -> dict[str, Any]:
    """Memory is bounded, CPU is not: a limit on it slows a step and saves nobody anything."""
    limits: dict[str, str] = {"memory": resources.memory}
    requests = {"cpu": resources.cpu, "memory": resources.memory}
    if resources.accelerator_resource_name:
        limits[resources.accelerator_resource_name] = requests[resources.accelerator_resource_name] = "1"
    return {"requests": requests, "limits": limits}
