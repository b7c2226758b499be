"""Why an attempt's pods do not run yet, in words that a voice maker understands."""

from __future__ import annotations

from clock_train.crd.names import ATTEMPT
from voiceclone_operator.acceptance import Accepted
from voiceclone_operator.conditions import Seen
from voiceclone_operator.observed import Object, Observed

IMAGE_REASONS = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")


def admitted(observed: Observed, accepted: Accepted, job: Object | None, attempt: int) -> Seen:
    """The condition Admitted of an attempt whose job has not begun to work."""
    if not observed.has_kuberay:
        return Seen("False", "KubeRayMissing", "KubeRay is not installed in this cluster; ask the platform admin")
    if job is None:
        return Seen("Unknown", "Creating", "its RayJob is being made")
    status, spec = job.get("status") or {}, job.get("spec") or {}
    if spec.get("suspend"):
        queue = accepted.runtime.queue_name
        return Seen("False", "Queued", f'waiting in the queue "{queue}" for capacity')
    refused = _quota(observed)
    if refused is not None:
        return refused
    pods = [pod for pod in observed.pods if pod["metadata"].get("labels", {}).get(ATTEMPT) == str(attempt)]
    for pod in sorted(pods, key=lambda pod: pod["metadata"]["name"]):
        found = _pod_problem(pod, accepted)
        if found is not None:
            return found
    if status.get("reason") == "ValidationFailed":
        return Seen("False", "JobRefused", "KubeRay refuses the RayJob; ask the platform admin to look at its status")
    return Seen("Unknown", "Starting", "its pods are starting")


def _quota(observed: Observed) -> Seen | None:
    for cluster in observed.clusters:
        for condition in (cluster.get("status") or {}).get("conditions") or []:
            if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
                text = str(condition.get("message", ""))
                if "exceeded quota" in text:
                    return Seen(
                        "False",
                        "QuotaExceeded",
                        "the namespace's quota has no room for its pods; ask for a larger one, or for fewer workers in "
                        "`spec.compute`",
                    )
                return Seen("False", "PodsRefused", f"the cluster refuses its pods: {_short(text)}")
    return None


def _pod_problem(pod: Object, accepted: Accepted) -> Seen | None:
    status = pod.get("status") or {}
    for condition in status.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("reason") == "Unschedulable":
            return Seen(
                "False",
                "NoNodeFits",
                f'no node of the class "{accepted.accelerator.name}" has room for a pod at present: it starts when one '
                "has. Fewer `spec.compute.workers` or another class may start sooner",
            )
    statuses = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    for container in statuses:
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in IMAGE_REASONS:
            return Seen(
                "False",
                "ImageUnavailable",
                f"nodes cannot fetch the image {container.get('image')}; ask the platform admin to mend "
                "`images.trainer` of the runtime",
            )
        if waiting.get("reason") == "CreateContainerConfigError":
            return Seen(
                "False",
                "SecretMissing",
                "a secret that the runtime names is not in this namespace "
                f"({_short(str(waiting.get('message', '')))}); ask the platform admin to make it",
            )
    return None


def _short(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:197]}…"
