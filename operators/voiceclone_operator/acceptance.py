"""Whether a clone can be trained as it is: its runtime, class, consents and base. One reason at a time, the first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from clock_train.crd.names import DEFAULT_CLASS
from clock_train.crd.v1alpha1 import (
    AcceleratorClass,
    VoiceClone,
    VoiceCloneSpec,
    VoiceConsent,
    VoiceTrainingRuntime,
    VoiceTrainingRuntimeSpec,
)
from voiceclone_operator.observed import Object, Observed, time_of


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """A clone with everything that it names."""

    spec: VoiceCloneSpec
    runtime: VoiceTrainingRuntimeSpec
    accelerator: AcceleratorClass
    workers: int
    consents: tuple[tuple[str, str], ...]
    """Name and uid."""
    base_uri: str | None


@dataclass(frozen=True, kw_only=True)
class Refused:
    """Why not, as a reason, and what to do about it."""

    reason: str
    message: str
    is_waiting: bool = False
    """Nothing is wrong; something else has to happen first."""
    stops: bool = False
    """What runs has to end: the right to train is gone."""


def read_spec(clone: Object) -> VoiceCloneSpec | Refused:
    """The spec as this operator understands it; a newer or older API server may have stored another."""
    try:
        head = {"apiVersion": clone["apiVersion"], "kind": "VoiceClone", "metadata": clone["metadata"]}
        return VoiceClone.model_validate({**head, "spec": clone["spec"]}).spec
    except (ValidationError, KeyError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": str(error)}
        where = ".".join(str(part) for part in first["loc"])
        return Refused(reason="ManifestInvalid", message=f"`{where}`: {first['msg']}; mend it with kubectl edit")


def accept(observed: Observed, spec: VoiceCloneSpec, now: datetime) -> Accepted | Refused:
    """Everything that the clone names, or the first thing that is not as it must be."""
    runtime = _runtime(observed, spec)
    if isinstance(runtime, Refused):
        return runtime
    accelerator = _accelerator(spec, runtime)
    if isinstance(accelerator, Refused):
        return accelerator
    consents = _consents(observed, spec, now)
    if isinstance(consents, Refused):
        return consents
    base = _base(observed, spec, runtime)
    if isinstance(base, Refused):
        return base
    compute = spec.compute
    return Accepted(
        spec=spec,
        runtime=runtime,
        accelerator=accelerator,
        workers=(compute.workers if compute is not None else None) or 1,
        consents=consents,
        base_uri=base,
    )


def _runtime(observed: Observed, spec: VoiceCloneSpec) -> VoiceTrainingRuntimeSpec | Refused:
    if spec.runtime_ref is None:
        return Refused(
            reason="RuntimeMissing", message="`spec.runtimeRef` must name a VoiceTrainingRuntime; see kubectl get vtr"
        )
    if observed.runtime is None:
        return Refused(
            reason="RuntimeNotFound",
            message=f'there is no VoiceTrainingRuntime "{spec.runtime_ref.name}"; see kubectl get vtr, or ask the '
            "platform admin",
        )
    try:
        return VoiceTrainingRuntime.model_validate({k: v for k, v in observed.runtime.items() if k != "status"}).spec
    except ValidationError as error:
        return Refused(
            reason="RuntimeInvalid",
            message=f'the VoiceTrainingRuntime "{spec.runtime_ref.name}" cannot be read ({error.errors()[0]["msg"]}); '
            "ask the admin",
        )


def _accelerator(spec: VoiceCloneSpec, runtime: VoiceTrainingRuntimeSpec) -> AcceleratorClass | Refused:
    classes = {one.name: one for one in runtime.accelerator_classes}
    if spec.compute is None:
        return classes.get(DEFAULT_CLASS, runtime.accelerator_classes[0])
    asked = spec.compute.accelerator_class_name
    if asked not in classes:
        return Refused(
            reason="AcceleratorClassUnknown",
            message=f'the runtime has no class "{asked}"; `spec.compute.acceleratorClassName` must be one of '
            f"{', '.join(classes)}",
        )
    return classes[asked]


def _consents(observed: Observed, spec: VoiceCloneSpec, now: datetime) -> tuple[tuple[str, str], ...] | Refused:
    pinned = {pin["name"]: pin["uid"] for pin in observed.status.get("consents", [])}
    found: list[tuple[str, str]] = []
    for speaker in spec.speakers:
        if speaker.consent_ref is None:
            return Refused(
                reason="ConsentMissing",
                message=f'speaker "{speaker.name}" must have a `consentRef`; ask the compliance officer for a '
                "VoiceConsent",
            )
        name = speaker.consent_ref.name
        problem = _consent_problem(observed.consents.get(name), name, speaker.name, pinned.get(name), now)
        if problem is not None:
            return problem
        found.append((name, observed.consents[name]["metadata"]["uid"]))
    return tuple(sorted(set(found)))


def _consent_problem(
    consent: Object | None, name: str, speaker: str, pinned_uid: str | None, now: datetime
) -> Refused | None:
    if consent is None:
        return Refused(
            reason="ConsentNotFound",
            message=f'there is no VoiceConsent "{name}" in this namespace; ask the compliance officer',
            stops=pinned_uid is not None,
        )
    try:
        spec = VoiceConsent.model_validate({k: v for k, v in consent.items() if k != "status"}).spec
    except ValidationError as error:
        return Refused(
            reason="ConsentInvalid", message=f'the VoiceConsent "{name}" cannot be read ({error.errors()[0]["msg"]})'
        )
    if pinned_uid is not None and consent["metadata"]["uid"] != pinned_uid:
        return Refused(
            reason="ConsentReplaced",
            message=f'the VoiceConsent "{name}" was deleted and made again: it is another consent. Name a new one in '
            "the clone",
            stops=True,
        )
    if spec.revoked:
        return Refused(
            reason="ConsentRevoked",
            message=f'the VoiceConsent "{name}" was revoked: nothing may be trained from these recordings any more',
            stops=True,
        )
    if spec.speaker != speaker:
        return Refused(
            reason="ConsentMismatch",
            message=f'the VoiceConsent "{name}" is of "{spec.speaker}", not of "{speaker}"; name the right one',
            stops=pinned_uid is not None,
        )
    expires = time_of(spec.expiration_time)
    if expires is None or expires <= now:
        return Refused(
            reason="ConsentExpired",
            message=f'the VoiceConsent "{name}" ended on {spec.expiration_time}; ask for a new one',
            stops=True,
        )
    return None


def _base(observed: Observed, spec: VoiceCloneSpec, runtime: VoiceTrainingRuntimeSpec) -> str | Refused | None:
    if spec.base is None:
        return None
    if spec.base.bundle_uri is not None:
        return spec.base.bundle_uri
    assert spec.base.clone_ref is not None
    name = spec.base.clone_ref.name
    if name == observed.name:
        return Refused(reason="BaseInvalid", message="`spec.base.cloneRef` may not name the clone itself")
    if observed.base is None:
        return Refused(
            reason="BaseNotFound",
            message=f'there is no VoiceClone "{name}" in this namespace to fine-tune from; apply it, or name another',
            is_waiting=True,
        )
    voice = (observed.base.get("status") or {}).get("voice")
    if not voice:
        return Refused(
            reason="WaitingForBase",
            message=f'waiting for the VoiceClone "{name}", which is to be fine-tuned from, to finish',
            is_waiting=True,
        )
    return str(voice["bundleURI"])
