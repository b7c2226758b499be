"""What applying a file to a cluster would do: the API server's verdict, the price, and what the operator would make.

The verdict is a dry run at the API server, so schema, rules, policies and permissions are its own. What the operator
would make is told from the same facts that it plans from; a test on a real cluster holds the two equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from clock_train.cluster.kinds import CONSENTS, OWN, RUNTIMES
from clock_train.crd.names import DEFAULT_CLASS, account_name, job_name, progress_name, snapshot_name
from clock_train.crd.reading import Manifests
from clock_train.crd.v1alpha1 import STAGES, AcceleratorClass, VoiceClone, VoiceTrainingRuntime
from clock_train.crd.version import version_digest
from clock_train.errors import ClusterForbidden, ConfigValueInvalid, ManifestInvalid
from clock_train.orchestration.stage_ledger import FinishedStage

if TYPE_CHECKING:
    from clock_train.cluster.client import Cluster, Object


@dataclass(frozen=True, kw_only=True)
class Change:
    """What applying one resource does."""

    kind: str
    name: str
    namespace: str
    action: str
    """created, changed or unchanged."""

    @property
    def spoken(self) -> str:
        """Kind and name as kubectl says them."""
        return f"{OWN[self.kind].plural}/{self.name}"

    def as_json(self) -> dict[str, str]:
        """For scripts."""
        return {"kind": self.kind, "name": self.name, "namespace": self.namespace, "action": self.action}


@dataclass(frozen=True)
class FinishedVersions:
    """Stages that a clone of the cluster has behind it: all of them for a version with a voice, else none."""

    clone: Mapping[str, Any] | None

    def finished(self) -> dict[str, FinishedStage]:
        """Stage → how it was finished."""
        status = (self.clone or {}).get("status") or {}
        version, voice = status.get("version"), status.get("voice")
        if not version or not voice or version["number"] != voice["version"]:
            return {}
        ended = [attempt["completionTime"] for attempt in status.get("attempts") or [] if "completionTime" in attempt]
        when = ended[-1] if ended else "before"
        return {stage: FinishedStage(digest=version["digest"], finished_at=when) for stage in STAGES}


@dataclass(frozen=True, kw_only=True)
class InCluster:
    """What the cluster adds to a plan."""

    changes: list[Change]
    clone: Mapping[str, Any] | None
    """The clone as it is there now."""
    accelerator: AcceleratorClass | None
    workers: int
    currency: str | None
    makes: list[str]
    """What the operator would make, as kind and name."""
    notes: list[str] = field(default_factory=list)

    @property
    def price_per_hour(self) -> float | None:
        """Of all workers together."""
        price = self.accelerator.price_per_hour if self.accelerator is not None else None
        return None if price is None else float(price) * self.workers


def placed(objects: Iterable[Object], namespace: str | None) -> list[Object]:
    """The objects with the namespace that was named on the command line.

    Raises:
        ManifestInvalid: one names another namespace.
    """
    found = []
    for each in objects:
        metadata = each["metadata"]
        if namespace is None or not OWN[each["kind"]].is_namespaced:
            found.append(each)
            continue
        if metadata.get("namespace", namespace) != namespace:
            raise ManifestInvalid(
                f"{each['kind']} {metadata['name']} has metadata.namespace {metadata['namespace']!r} and -n names "
                f"{namespace!r}; leave one of them out"
            )
        found.append({**each, "metadata": {**metadata, "namespace": namespace}})
    return found


def apply_objects(
    cluster: Cluster, objects: Iterable[Object], *, force: bool = False, dry_run: bool = False
) -> list[Change]:
    """Apply, or only try, every object in the order given; errors as for `Cluster.apply`."""
    changes = []
    for each in objects:
        kind, metadata = OWN[each["kind"]], each["metadata"]
        before = cluster.find(kind, metadata["name"], metadata.get("namespace"))
        after = cluster.apply(each, force=force, dry_run=dry_run)
        action = "created" if before is None else "unchanged" if _same(before, after) else "changed"
        place = after["metadata"].get("namespace", "")
        changes.append(Change(kind=kind.kind, name=metadata["name"], namespace=place, action=action))
    return changes


def look(
    cluster: Cluster, manifests: Manifests, clone: VoiceClone, changes: list[Change]
) -> tuple[Manifests, InCluster]:
    """What the cluster says of a clone: runtime, consents, and what is there already.

    Returns:
        The manifests with the runtime that the cluster has, where the file holds none; and the rest.
    """
    notes: list[str] = []
    (own,) = [change for change in changes if change.kind == "VoiceClone" and change.name == clone.metadata.name]
    found = cluster.find(OWN["VoiceClone"], own.name, own.namespace)
    manifests = _with_runtime(cluster, manifests, clone, notes)
    runtime = manifests.runtime_of(clone)
    accelerator = _accelerator(clone, runtime) if runtime is not None else None
    workers = (clone.spec.compute.workers if clone.spec.compute else None) or 1
    _check_consents(cluster, manifests, clone, own.namespace, notes)
    if runtime is not None and runtime.spec.tracking is None:
        notes.append("tracking is not configured in the runtime: no curves or samples in MLflow")
    if clone.spec.budget is None:
        notes.append("no budget is configured: nothing ends the clone but its own stages")
    return manifests, InCluster(
        changes=changes,
        clone=found,
        accelerator=accelerator,
        workers=workers,
        currency=runtime.spec.currency if runtime is not None else None,
        makes=_makes(clone, found, workers, notes),
        notes=notes,
    )


def _same(before: Object, after: Object) -> bool:
    def told(each: Object) -> tuple[Any, ...]:
        metadata = each["metadata"]
        return each.get("spec"), metadata.get("labels"), metadata.get("annotations")

    return told(before) == told(after)


def _with_runtime(cluster: Cluster, manifests: Manifests, clone: VoiceClone, notes: list[str]) -> Manifests:
    reference = clone.spec.runtime_ref
    if reference is None or manifests.runtime_of(clone) is not None:
        return manifests
    try:
        found = cluster.find(RUNTIMES, reference.name)
    except ClusterForbidden as error:
        notes.append(f"the runtime {reference.name} cannot be looked at: {error}")
        return manifests
    if found is None:
        notes.append(f"there is no VoiceTrainingRuntime {reference.name}: the clone would wait as RuntimeNotFound")
        return manifests
    runtime = VoiceTrainingRuntime.model_validate(
        {name: found[name] for name in ("apiVersion", "kind", "metadata", "spec")}
    )
    return Manifests(manifests.clones, [*manifests.runtimes, runtime], manifests.consents)


def _accelerator(clone: VoiceClone, runtime: VoiceTrainingRuntime) -> AcceleratorClass:
    classes = {one.name: one for one in runtime.spec.accelerator_classes}
    if clone.spec.compute is None:
        return classes.get(DEFAULT_CLASS, runtime.spec.accelerator_classes[0])
    asked = clone.spec.compute.accelerator_class_name
    if asked not in classes:
        raise ConfigValueInvalid(
            f"spec.compute.acceleratorClassName is {asked!r}; the runtime {runtime.metadata.name} has "
            f"{', '.join(classes)}"
        )
    return classes[asked]


def _check_consents(
    cluster: Cluster, manifests: Manifests, clone: VoiceClone, namespace: str, notes: list[str]
) -> None:
    in_file = {consent.metadata.name for consent in manifests.consents}
    for speaker in clone.spec.speakers:
        name = speaker.consent_ref.name if speaker.consent_ref else None
        if name is None:
            notes.append(f"speaker {speaker.name} names no consent: the clone would be refused as ConsentMissing")
            continue
        if name in in_file:
            continue
        try:
            found = cluster.find(CONSENTS, name, namespace)
        except ClusterForbidden:
            notes.append(f"the consent {name} is not checked: you may not get voiceconsents")
            continue
        if found is None:
            notes.append(
                f"there is no VoiceConsent {name} in {namespace}: the clone would be refused as ConsentNotFound"
            )
        elif found["spec"].get("revoked"):
            notes.append(f"the VoiceConsent {name} is revoked: the clone would be refused as ConsentRevoked")


def _makes(clone: VoiceClone, found: Mapping[str, Any] | None, workers: int, notes: list[str]) -> list[str]:
    """Kinds and names of what the operator would make, if everything that the clone names is there."""
    name, status = clone.metadata.name, (found or {}).get("status") or {}
    attempts = status.get("attempts") or []
    version = status.get("version") or {}
    is_same = version.get("digest") == version_digest(clone.spec)
    if clone.spec.suspend:
        notes.append("spec.suspend is true: nothing starts before clocktrain resume")
        return []
    if is_same and (status.get("voice") or {}).get("version") == version["number"]:
        notes.append(f"version {version['number']} has its voice: nothing is trained again")
        return []
    if is_same and attempts and "completionTime" not in attempts[-1]:
        notes.append(f"attempt {attempts[-1]['number']} of this version is under way: it goes on")
        return []
    if attempts and not is_same:
        notes.append("another version than the one before: what runs is saved and stopped first")
    number = attempts[-1]["number"] + 1 if attempts else 1
    uid = found["metadata"]["uid"] if found is not None else "<uid>"
    account = account_name(name)
    return [
        f"ServiceAccount {account}",
        f"Role {account}",
        f"RoleBinding {account}",
        f"NetworkPolicy {account}",
        f"PodDisruptionBudget {account}",
        f"ConfigMap {progress_name(name)}",
        f"ConfigMap {snapshot_name(name, number)}",
        f"RayJob {job_name(name, uid, number)} (one head, {workers} worker{'s' if workers != 1 else ''})",
    ]
