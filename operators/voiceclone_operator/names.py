"""Names, labels and annotations of what the operator makes."""

from __future__ import annotations

GROUP = "clocktrain.dev"
FIELD_MANAGER = "clocktrain-operator"
FINALIZER = f"{GROUP}/erase"
PAUSED = f"{GROUP}/paused"
RETRY = f"{GROUP}/retry"
CLONE = f"{GROUP}/clone"
CLONE_UID = f"{GROUP}/clone-uid"
ATTEMPT = f"{GROUP}/attempt"
VERSION = f"{GROUP}/version"
SPEC_HASH = f"{GROUP}/spec-hash"
COMPONENT = "app.kubernetes.io/component"
MANAGED_BY = {"app.kubernetes.io/managed-by": "clocktrain-operator", "app.kubernetes.io/part-of": "clocktrain"}
QUEUE = "kueue.x-k8s.io/queue-name"
MOST_OF_NAME = 30
"""Characters of a clone's name in the name of its RayJob, which may have 47 with ``-<uid>-<attempt>``."""


def job_name(clone: str, uid: str, attempt: int) -> str:
    """The RayJob of an attempt: the same for every operator that would make it."""
    return f"{clone[:MOST_OF_NAME].rstrip('-')}-{uid.replace('-', '')[:8]}-{attempt}"


def progress_name(clone: str) -> str:
    """The ConfigMap that is the mailbox."""
    return f"{clone}-progress"


def snapshot_name(clone: str, attempt: int) -> str:
    """The ConfigMap with the manifest and runtime of an attempt."""
    return f"{clone}-attempt-{attempt}"


def account_name(clone: str) -> str:
    """ServiceAccount, Role, RoleBinding, NetworkPolicy and PodDisruptionBudget of a clone."""
    return f"{clone}-training"


def labels(clone: str, uid: str) -> dict[str, str]:
    """On everything that belongs to a clone."""
    return {**MANAGED_BY, CLONE: clone, CLONE_UID: uid}
