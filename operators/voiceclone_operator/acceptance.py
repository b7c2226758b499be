"""Whether a clone can be trained as it is: its runtime, class, consents and base. One reason at a time, the first."""

from __future__ import annotations

from collections.abc import Collection
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
from voiceclone_operator.bases import retire_time
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


def accept(
    observed: Observed,
    spec: VoiceCloneSpec,
    now: datetime,
    *,
    withdrawn: Collection[str] = (),
    is_begun: bool = False,
) -> Accepted | Refused:
    """Everything that the clone names, or the first thing that is not as it must be.

    Args:
        observed: the clone and what it names.
        spec: of the clone.
        now: consents end.
        withdrawn: uids of consents whose speakers are being erased, or were.
        is_begun: the version is trained, or being trained: it is not begun from its base any more.
    """
    consents = _consents(observed, spec, now, withdrawn)
    if isinstance(consents, Refused) and consents.stops:
        return consents  # before anything that a run would not be stopped for
    runtime = _runtime(observed, spec)
    if isinstance(runtime, Refused):
        return runtime
    accelerator = _accelerator(spec, runtime)
    if isinstance(accelerator, Refused):
        return accelerator
    if isinstance(consents, Refused):
        return consents
    base = _base(observed, spec)
    if isinstance(base, Refused):
        return base
    retired = None if is_begun else retire_time(base, observed.retired_bases)
    if retired is not None:
        return Refused(
            reason="BaseRetired",
            message=f"the base {base} contains a speaker who was erased on {retired[:10]}: nothing new is made from "
            "it; name another in `spec.base`",
        )
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


def _consents(
    observed: Observed, spec: VoiceCloneSpec, now: datetime, withdrawn: Collection[str]
) -> tuple[tuple[str, str], ...] | Refused:
    pinned = {pin["name"]: pin["uid"] for pin in observed.status.get("consents", [])}
    found: list[tuple[str, str]] = []
    problems: list[Refused] = []
    for speaker in spec.speakers:
        if speaker.consent_ref is None:
            problems.append(
                Refused(
                    reason="ConsentMissing",
                    message=f'speaker "{speaker.name}" must have a `consentRef`; ask the compliance officer for a '
                    "VoiceConsent",
                )
            )
            continue
        name = speaker.consent_ref.name
        consent = observed.consents.get(name)
        problem = _consent_problem(consent, name, speaker.name, pinned.get(name), now)
        if problem is None and consent is not None:
            problem = _withdrawal(consent, withdrawn)
            found.append((name, consent["metadata"]["uid"]))
        if problem is not None:
            problems.append(problem)
    # another speaker's mistake that stops nothing hides no withdrawal
    first = next((each for each in problems if each.stops), problems[0] if problems else None)
    return first or tuple(sorted(set(found)))


def _withdrawal(consent: Object, withdrawn: Collection[str]) -> Refused | None:
    if consent["metadata"]["uid"] not in withdrawn:
        return None
    return Refused(
        reason="ConsentRevoked",
        message=f'the VoiceConsent "{consent["metadata"]["name"]}" was revoked, and what was made with it is erased: '
        "see the condition Erased",
        stops=True,
    )


def lapse(consent: Object | None, name: str, pinned_uid: str | None, now: datetime) -> Refused | None:
    """Why a consent that something was made with covers it no more; None where it does."""
    return _consent_problem(consent, name, None, pinned_uid, now)


def is_licence(consent: Object | None) -> bool:
    """Whether it stands for recordings that were published, and for nobody's consent."""
    return ((consent or {}).get("spec") or {}).get("basis") == "Licence"


def consent_end(consent: Object | None) -> datetime | None:
    """When it ends by itself."""
    return time_of(((consent or {}).get("spec") or {}).get("expirationTime"))


def _consent_problem(
    consent: Object | None, name: str, speaker: str | None, pinned_uid: str | None, now: datetime
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
            message=f'the VoiceConsent "{name}" was revoked: nothing may be made from these recordings any more',
            stops=True,
        )
    if speaker is not None and spec.speaker != speaker:
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


def _base(observed: Observed, spec: VoiceCloneSpec) -> str | Refused | None:
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
