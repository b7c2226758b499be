"""What the operator watches, and how each object is known to belong to a clone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from lightkube.generic_resource import create_global_resource, create_namespaced_resource

from clock_train.crd.names import CLONE_UID, DEMONSTRATIONS, GROUP, SERVING

OF_CLONES = {CLONE_UID: None}
"""Label selector: has the label."""
OF_JOBS = {"ray.io/originated-from-crd": "RayJob"}
ORIGIN = "ray.io/originated-from-cr-name"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of resource."""

    kind: str
    group: str
    version: str
    plural: str
    labels: Mapping[str, Any] | None = None
    """Only objects with these are watched."""
    is_namespaced: bool = True
    is_optional: bool = False
    """Of another operator, which may come later."""
    operator_namespace_only: bool = False
    title: str = ""
    """Where several of what is watched are of one kind."""

    @property
    def called(self) -> str:
        """What the mirror and the figures know it by."""
        return self.title or self.kind

    @property
    def resource(self) -> Any:
        """The class that the client knows it by."""
        return _resource(self.is_namespaced, self.group, self.version, self.kind, self.plural)

    @property
    def api_version(self) -> str:
        """As manifests spell it."""
        return f"{self.group}/{self.version}" if self.group else self.version


@cache
def _resource(is_namespaced: bool, *names: str) -> Any:
    make = create_namespaced_resource if is_namespaced else create_global_resource
    return make(*names)


CLONES = Kind(kind="VoiceClone", group=GROUP, version="v1alpha1", plural="voiceclones")
RUNTIMES = Kind(
    kind="VoiceTrainingRuntime", group=GROUP, version="v1alpha1", plural="voicetrainingruntimes", is_namespaced=False
)
CONSENTS = Kind(kind="VoiceConsent", group=GROUP, version="v1alpha1", plural="voiceconsents")
NAMESPACES = Kind(
    kind="Namespace", group="", version="v1", plural="namespaces", labels={DEMONSTRATIONS: "true"}, is_namespaced=False
)
JOBS = Kind(kind="RayJob", group="ray.io", version="v1", plural="rayjobs", labels=OF_CLONES, is_optional=True)
CLUSTERS = Kind(kind="RayCluster", group="ray.io", version="v1", plural="rayclusters", labels=OF_JOBS, is_optional=True)
PODS = Kind(kind="Pod", group="", version="v1", plural="pods", labels=OF_CLONES)
CONFIG_MAPS = Kind(kind="ConfigMap", group="", version="v1", plural="configmaps", labels=OF_CLONES)
TABLES = Kind(
    kind="ConfigMap", group="", version="v1", plural="configmaps", labels={SERVING: None}, title="ServingTable"
)
ACCOUNTS = Kind(kind="ServiceAccount", group="", version="v1", plural="serviceaccounts", labels=OF_CLONES)
ROLES = Kind(kind="Role", group="rbac.authorization.k8s.io", version="v1", plural="roles", labels=OF_CLONES)
BINDINGS = Kind(
    kind="RoleBinding", group="rbac.authorization.k8s.io", version="v1", plural="rolebindings", labels=OF_CLONES
)
POLICIES = Kind(
    kind="NetworkPolicy", group="networking.k8s.io", version="v1", plural="networkpolicies", labels=OF_CLONES
)
BUDGETS = Kind(
    kind="PodDisruptionBudget", group="policy", version="v1", plural="poddisruptionbudgets", labels=OF_CLONES
)
CLEANUPS = Kind(kind="Job", group="batch", version="v1", plural="jobs", labels=OF_CLONES, operator_namespace_only=True)
CHILDREN = (CONFIG_MAPS, ACCOUNTS, ROLES, BINDINGS, POLICIES, BUDGETS)
WATCHED = (CLONES, RUNTIMES, CONSENTS, NAMESPACES, JOBS, CLUSTERS, PODS, *CHILDREN, TABLES, CLEANUPS)
BY_KIND = {kind.kind: kind for kind in WATCHED if kind is not TABLES}
