"""The kinds of resource that commands ask for, as the API server files them."""

from __future__ import annotations

from dataclasses import dataclass

from clock_train.crd.names import GROUP
from clock_train.crd.schema import CLUSTER_SCOPED, PLURALS, VERSION


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of resource."""

    kind: str
    plural: str
    group: str = ""
    version: str = "v1"
    is_namespaced: bool = True

    @property
    def resource(self) -> str:
        """As a role names it: ``voiceclones.clocktrain.dev``."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


OWN = {
    kind: Kind(kind=kind, plural=plural, group=GROUP, version=VERSION, is_namespaced=kind not in CLUSTER_SCOPED)
    for kind, plural in PLURALS.items()
}
CLONES, RUNTIMES, CONSENTS = OWN["VoiceClone"], OWN["VoiceTrainingRuntime"], OWN["VoiceConsent"]
EVENTS = Kind(kind="Event", plural="events")
PODS = Kind(kind="Pod", plural="pods")
CONFIG_MAPS = Kind(kind="ConfigMap", plural="configmaps")
CHILDREN = (
    Kind(kind="RayJob", plural="rayjobs", group="ray.io"),
    PODS,
    CONFIG_MAPS,
    Kind(kind="ServiceAccount", plural="serviceaccounts"),
    Kind(kind="Role", plural="roles", group="rbac.authorization.k8s.io"),
    Kind(kind="RoleBinding", plural="rolebindings", group="rbac.authorization.k8s.io"),
    Kind(kind="NetworkPolicy", plural="networkpolicies", group="networking.k8s.io"),
    Kind(kind="PodDisruptionBudget", plural="poddisruptionbudgets", group="policy"),
)
"""What the operator makes for a clone, and the pods of its Ray cluster; all carry the label ``CLONE_UID``."""
