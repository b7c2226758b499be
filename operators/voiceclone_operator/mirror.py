"""What the watches have seen, by kind and name, and which clones a change concerns. No waiting, no server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from clock_train.crd.names import CLONE, CLONE_UID
from voiceclone_operator.bases import retired_of
from voiceclone_operator.kinds import (
    CHILDREN,
    CLEANUPS,
    CLONES,
    CLUSTERS,
    CONSENTS,
    JOBS,
    NAMESPACES,
    ORIGIN,
    PODS,
    RUNTIMES,
    Kind,
)
from voiceclone_operator.observed import Object, Observed, StoredFacts

Key = tuple[str, str]
"""Namespace and name of a clone."""


class Mirror:
    """Objects by kind, namespace and name."""

    def __init__(self, operator_namespace: str) -> None:
        self._operator_namespace = operator_namespace
        self._objects: dict[str, dict[Key, Object]] = {}
        self._by_uid: dict[tuple[str, str], dict[Key, Object]] = {}
        """(kind, uid of the clone) → what belongs to it: a plan must not look at everybody's pods."""
        self.left_out: Mapping[Key, tuple[str, str]] = {}
        """Clones whose voice has no room in the serving tables, and why."""
        self._retired: dict[Key, Mapping[str, str]] = {}
        """Clone → digests of its voices that nothing new is made from, and since when; only of those that have any."""
        self.missing: set[str] = set()
        """Optional kinds that the API server does not serve."""

    def of(self, kind: Kind) -> dict[Key, Object]:
        """Everything of a kind."""
        return self._objects.setdefault(kind.called, {})

    def put(self, kind: Kind, found: Object) -> set[Key]:
        """Take a newer state of an object; the clones that it concerns."""
        found = _lean(found)
        key, held = key_of(found), self.of(kind)
        old = held.get(key)
        is_same = old is not None and old["metadata"].get("uid") == found["metadata"].get("uid")
        if is_same and old is not None and _revision(found) < _revision(old):
            return set()  # a write's answer was faster than its watch
        held[key] = found
        uid = (found["metadata"].get("labels") or {}).get(CLONE_UID)
        if uid:
            self._by_uid.setdefault((kind.kind, uid), {})[key] = found
        return self._concerned(kind, found) | (self._retire(key, found) if kind is CLONES else set())

    def drop(self, kind: Kind, gone: Object) -> set[Key]:
        """Forget an object; the clones that it concerned."""
        key = key_of(gone)
        self.of(kind).pop(key, None)
        if kind is CLONES:
            self._retired.pop(key, None)
        uid = (gone["metadata"].get("labels") or {}).get(CLONE_UID)
        held = self._by_uid.get((kind.kind, uid or ""))
        if held is not None:
            held.pop(key, None)
            if not held:
                del self._by_uid[kind.kind, uid or ""]
        return self._concerned(kind, gone)

    def replace(self, kind: Kind, found: Iterable[Object]) -> set[Key]:
        """Take a whole list; what is not in it is gone."""
        listed = {key_of(each): each for each in found}
        concerned: set[Key] = set()
        for key, old in list(self.of(kind).items()):
            if key not in listed:
                concerned |= self.drop(kind, old)
        for each in listed.values():
            concerned |= self.put(kind, each)
        return concerned

    def observed(self, key: Key, stored: dict[int, StoredFacts]) -> Observed | None:
        """Everything that a plan for a clone is made from; None where there is no such clone."""
        clone = self.of(CLONES).get(key)
        if clone is None:
            return None
        namespace, _ = key
        spec, uid = clone.get("spec") or {}, clone["metadata"]["uid"]
        speakers = [each for each in spec.get("speakers") or [] if isinstance(each, dict)]
        names = {str((speaker.get("consentRef") or {}).get("name", "")) for speaker in speakers}
        status = clone.get("status") or {}
        # and those of what was made and is served still, whatever the clone names by now
        made = [status, *(status.get("versions") or [])]
        names |= {pin["name"] for each in made for pin in each.get("consents") or []}
        names |= self._of_withdrawn_speakers(namespace, names, status.get("erasures") or [])
        base = ((spec.get("base") or {}).get("cloneRef") or {}).get("name")
        jobs = self._owned(JOBS, uid)
        job_names = {job["metadata"]["name"] for job in jobs}
        children = {(kind.kind, each["metadata"]["name"]): each for kind in CHILDREN for each in self._owned(kind, uid)}
        return Observed(
            clone=clone,
            runtime=self.of(RUNTIMES).get(("", (spec.get("runtimeRef") or {}).get("name", ""))),
            consents={
                name: self.of(CONSENTS)[namespace, name] for name in names if (namespace, name) in self.of(CONSENTS)
            },
            base=self.of(CLONES).get((namespace, base)) if base else None,
            jobs=tuple(jobs),
            clusters=tuple(c for c in self._of_namespace(CLUSTERS, namespace) if _origin(c) in job_names)
            if jobs
            else (),
            pods=tuple(self._owned(PODS, uid)),
            children=children,
            cleanup=self.of(CLEANUPS).get((self._operator_namespace, f"erase-{uid}")),
            erasers={each["metadata"]["name"]: each for each in self._owned(CLEANUPS, uid)},
            retired_bases={
                digest: time
                for (place, _), retired in self._retired.items()
                if place == namespace
                for digest, time in retired.items()
            },
            has_kuberay=JOBS.kind not in self.missing,
            left_out=self.left_out.get(key),
            has_demonstrations=("", namespace) in self.of(NAMESPACES),
            stored=stored,
        )

    def _retire(self, key: Key, clone: Object) -> set[Key]:
        """Remember voices of a clone that nothing new is made from; the clones that a change of it concerns."""
        retired = retired_of(clone.get("status") or {})
        if retired == self._retired.get(key, {}):
            return set()
        self._retired[key] = retired
        if not retired:
            del self._retired[key]
        return {each for each in self.of(CLONES) if each[0] == key[0]}

    def _of_withdrawn_speakers(self, namespace: str, names: set[str], erasures: list[Object]) -> set[str]:
        """All consents of the speakers of revoked ones: while another holds, nothing is erased."""
        consents = self.of(CONSENTS)
        known = [consents[namespace, name].get("spec") or {} for name in names if (namespace, name) in consents]
        speakers = {spec.get("speaker") for spec in known if spec.get("revoked")}
        speakers |= {each["speaker"] for each in erasures if "completionTime" not in each}
        if not speakers:
            return set()  # almost always
        return {
            name
            for (place, name), each in consents.items()
            if place == namespace and (each.get("spec") or {}).get("speaker") in speakers
        }

    def _owned(self, kind: Kind, uid: str) -> list[Object]:
        return list(self._by_uid.get((kind.kind, uid), {}).values())

    def _of_namespace(self, kind: Kind, namespace: str) -> list[Object]:
        return [each for (place, _), each in self.of(kind).items() if place == namespace]

    def _concerned(self, kind: Kind, found: Object) -> set[Key]:
        namespace, name = key_of(found)
        clones = self.of(CLONES)
        if kind is CLONES:
            # those that are to be fine-tuned from it as well
            return {(namespace, name)} | {
                key for key, clone in clones.items() if key[0] == namespace and _base_name(clone) == name
            }
        if kind is RUNTIMES:
            return {key for key, clone in clones.items() if _runtime_name(clone) == name}
        if kind is NAMESPACES:
            return {key for key in clones if key[0] == name}
        if kind is CONSENTS:
            return {key for key in clones if key[0] == namespace}
        labels = found["metadata"].get("labels") or {}
        if kind is CLUSTERS:
            job = self.of(JOBS).get((namespace, _origin(found) or ""))
            labels = (job or {}).get("metadata", {}).get("labels") or {}
        if kind is CLEANUPS:
            return {key for key, clone in clones.items() if clone["metadata"]["uid"] == labels.get(CLONE_UID)}
        return {(namespace, labels[CLONE])} if CLONE in labels else set()


def key_of(found: Object) -> Key:
    """Namespace, empty for one of the whole cluster, and name."""
    return found["metadata"].get("namespace") or "", found["metadata"]["name"]


def _lean(found: Object) -> Object:
    """Without what a plan never reads: it is most of an object's bytes."""
    metadata = {name: value for name, value in found["metadata"].items() if name != "managedFields"}
    lean = {**found, "metadata": metadata}
    if found.get("kind") == "Pod" or "containerStatuses" in (found.get("status") or {}):
        lean.pop("spec", None)
    return lean


def _revision(found: Object) -> int:
    text: Any = found["metadata"].get("resourceVersion", "0")
    return int(text) if str(text).isdigit() else 0


def _origin(cluster: Object) -> str | None:
    return (cluster["metadata"].get("labels") or {}).get(ORIGIN)


def _base_name(clone: Object) -> str | None:
    return (((clone.get("spec") or {}).get("base") or {}).get("cloneRef") or {}).get("name")


def _runtime_name(clone: Object) -> str | None:
    return ((clone.get("spec") or {}).get("runtimeRef") or {}).get("name")
