"""Names that the operator gives and others look for: labels, annotations, children, and the words of the mailbox."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

GROUP = "clocktrain.dev"
CLONE = f"{GROUP}/clone"
CLONE_UID = f"{GROUP}/clone-uid"
"""On everything that the operator made for a clone."""
ATTEMPT = f"{GROUP}/attempt"
VERSION = f"{GROUP}/version"
PAUSED = f"{GROUP}/paused"
RETRY = f"{GROUP}/retry"
SERVING = f"{GROUP}/serving"
"""On the ConfigMaps that hold serving tables."""
SERVING_TABLE, SERVING_EVERYWHERE, SERVING_KEY = "clocktrain-serving", "clocktrain-serving-all", "serving.json"
"""The table of a namespace, and the one of all in the operator's own; the key in both."""
DEMONSTRATIONS = f"{GROUP}/demonstrations"
"""Label of namespaces in which voices may be served that nobody consented to."""
CONSENTS_FILE = "consents.json"
"""Key of an attempt's snapshot: the consents of its speakers, in their order."""
RUN, SAVE_AND_STOP = "run", "save-and-stop"
"""Orders that a job finds in its mailbox."""
DEFAULT_CLASS = "cpu"
"""Accelerator class of a clone that names none, where the runtime has it; else the runtime's first."""
MOST_OF_NAME = 30
"""Characters of a clone's name in the name of its RayJob, which may have 47 with ``-<uid>-<attempt>``."""


def is_paused(resource: Mapping[str, Any]) -> bool:
    """Whether somebody asked the operator to leave it alone."""
    return (resource["metadata"].get("annotations") or {}).get(PAUSED, "false") not in ("false", "")


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
