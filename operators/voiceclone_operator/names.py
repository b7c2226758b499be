"""Names that only the operator uses; those that others look for are in ``clock_train.crd.names``."""

from __future__ import annotations

from clock_train.crd.names import CLONE, CLONE_UID, GROUP

FIELD_MANAGER = "clocktrain-operator"
FINALIZER = f"{GROUP}/erase"
SPEC_HASH = f"{GROUP}/spec-hash"
COMPONENT = "app.kubernetes.io/component"
MANAGED_BY = {"app.kubernetes.io/managed-by": "clocktrain-operator", "app.kubernetes.io/part-of": "clocktrain"}
QUEUE = "kueue.x-k8s.io/queue-name"


def labels(clone: str, uid: str) -> dict[str, str]:
    """On everything that belongs to a clone."""
    return {**MANAGED_BY, CLONE: clone, CLONE_UID: uid}
