"""What a clone owns besides its RayJobs. Each is applied whole, so what is edited by hand comes back."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from clock_train.crd.names import ATTEMPT, CLONE_UID, CONSENTS_FILE, account_name, progress_name, snapshot_name
from voiceclone_operator.names import COMPONENT, labels
from voiceclone_operator.observed import Object, Observed

KUBERAY_NAMES = ["kuberay-operator", "kuberay"]
"""What its chart calls its operator, and what its own manifests do."""
RAY_SYSTEM_NAMESPACE_LABEL = "kubernetes.io/metadata.name"


def owner(observed: Observed) -> dict[str, Any]:
    """So that a child goes with its clone."""
    return {
        "apiVersion": "clocktrain.dev/v1alpha1",
        "kind": "VoiceClone",
        "name": observed.name,
        "uid": observed.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def head(observed: Observed, api_version: str, kind: str, name: str, **more: str) -> Object:
    """The beginning of a child's manifest."""
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": observed.namespace,
            "labels": {**labels(observed.name, observed.uid), **more},
            "ownerReferences": [owner(observed)],
        },
    }


def standing_children(observed: Observed, kuberay_namespace: str, workers: int) -> list[Object]:
    """What a clone has for as long as it lives."""
    return [
        account(observed),
        role(observed),
        role_binding(observed),
        network_policy(observed, kuberay_namespace),
        disruption_budget(observed, workers),
    ]


def mailbox(observed: Observed, control: str) -> Object:
    """Only the order: what the job wrote is the job's, under its own field manager."""
    return {**head(observed, "v1", "ConfigMap", progress_name(observed.name)), "data": {"control": control}}


def account(observed: Observed) -> Object:
    """Under which the pods run. Only the head's mailbox needs a token, so none is mounted by default."""
    return {
        **head(observed, "v1", "ServiceAccount", account_name(observed.name)),
        "automountServiceAccountToken": False,
    }


def role(observed: Observed) -> Object:
    """The one object that a job may read and change."""
    rule = {
        "apiGroups": [""],
        "resources": ["configmaps"],
        "resourceNames": [progress_name(observed.name)],
        "verbs": ["get", "patch"],
    }
    return {**head(observed, "rbac.authorization.k8s.io/v1", "Role", account_name(observed.name)), "rules": [rule]}


def role_binding(observed: Observed) -> Object:
    """The clone's account and its role."""
    name = account_name(observed.name)
    return {
        **head(observed, "rbac.authorization.k8s.io/v1", "RoleBinding", name),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": observed.namespace}],
    }


def network_policy(observed: Observed, kuberay_namespace: str) -> Object:
    """Ray takes orders from whoever reaches its ports: only the clone's own pods and KubeRay may."""
    own = {"podSelector": {"matchLabels": {CLONE_UID: observed.uid}}}
    kuberay = {
        "namespaceSelector": {"matchLabels": {RAY_SYSTEM_NAMESPACE_LABEL: kuberay_namespace}},
        "podSelector": {
            "matchExpressions": [{"key": "app.kubernetes.io/name", "operator": "In", "values": KUBERAY_NAMES}]
        },
    }
    return {
        **head(observed, "networking.k8s.io/v1", "NetworkPolicy", account_name(observed.name)),
        "spec": {
            "podSelector": {"matchLabels": {CLONE_UID: observed.uid}},
            "policyTypes": ["Ingress"],
            "ingress": [
                {"from": [own]},
                {"from": [kuberay], "ports": [{"port": 8265, "protocol": "TCP"}]},
            ],
        },
    }


def disruption_budget(observed: Observed, workers: int) -> Object:
    """A drain takes one pod at a time: the run shrinks or goes on, rather than losing everything at once.

    In numbers of pods: a Ray cluster has no scale for Kubernetes to take a share of.
    """
    selector = {
        "matchLabels": {CLONE_UID: observed.uid},
        "matchExpressions": [{"key": COMPONENT, "operator": "In", "values": ["head", "worker"]}],
    }
    return {
        **head(observed, "policy/v1", "PodDisruptionBudget", account_name(observed.name)),
        "spec": {"minAvailable": workers, "selector": selector},
    }


def snapshot(observed: Observed, attempt: int) -> Object:
    """Manifest and runtime as they are now: editing either never changes an attempt that runs or waits."""
    clone = observed.clone
    manifest = {
        "apiVersion": clone["apiVersion"],
        "kind": clone["kind"],
        "metadata": {"name": observed.name, "namespace": observed.namespace, "uid": observed.uid},
        "spec": clone["spec"],
    }
    runtime = observed.runtime or {}
    return {
        **head(observed, "v1", "ConfigMap", snapshot_name(observed.name, attempt), **{ATTEMPT: str(attempt)}),
        "immutable": True,
        "data": {
            "voiceclone.json": json.dumps(manifest, indent=1, sort_keys=True),
            "runtime.json": json.dumps(runtime.get("spec", {}), indent=1, sort_keys=True),
            CONSENTS_FILE: json.dumps(_consents(observed), indent=1, sort_keys=True),
        },
    }


def _consents(observed: Observed) -> list[Object]:
    """Those of the speakers, in their order: the job trains under them, and its voice names them."""
    found = []
    for speaker in observed.clone["spec"].get("speakers") or []:
        consent = observed.consents.get((speaker.get("consentRef") or {}).get("name", ""))
        if consent is not None:
            metadata = {name: consent["metadata"][name] for name in ("name", "namespace", "uid")}
            found.append({"metadata": metadata, "spec": {**consent["spec"], "revoked": False}})
    return found


def spec_hash(manifest: Object) -> str:
    """Tells a child that we made from one that somebody else put under its name."""
    text = json.dumps(manifest.get("spec"), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def differs(wanted: Any, found: Any) -> bool:
    """Whether what was found lacks something of what is wanted; what the server added does not count."""
    if isinstance(wanted, dict):
        return not isinstance(found, dict) or any(differs(value, found.get(name)) for name, value in wanted.items())
    if isinstance(wanted, list):
        if not isinstance(found, list) or len(wanted) != len(found):
            return True
        return any(differs(one, other) for one, other in zip(wanted, found, strict=True))
    return wanted != found
