"""What deleting a clone means: its run ends, and, where it asks for it, what it made is erased; then it may go.

Erasing runs as a Job in the operator's own namespace with the platform's own credential, so it needs nothing from the
clone's namespace, which may be ending too. It has a deadline: a store that is away never keeps a namespace from going.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from clock_train.crd.names import ATTEMPT
from clock_train.storage.places import RunPlace, receipt_key
from voiceclone_operator import attempts as runs
from voiceclone_operator.actions import Action, CreateCleanup, DeleteJob, Event, Plan, RemoveFinalizer
from voiceclone_operator.erasing_job import erasing_job, has_failed, has_succeeded
from voiceclone_operator.facts import Settings
from voiceclone_operator.names import FINALIZER
from voiceclone_operator.observed import Object, Observed, time_of

LOOK_EVERY_S = 10.0


def plan_deletion(observed: Observed, now: datetime, settings: Settings) -> Plan:
    """The next step towards letting the clone go; every path ends."""
    if FINALIZER not in (observed.clone["metadata"].get("finalizers") or []):
        return Plan()
    asked = time_of(observed.clone["metadata"]["deletionTimestamp"]) or now
    is_late = now >= asked + timedelta(seconds=settings.deletion_deadline_s)
    own = [job for job in observed.jobs if runs.job_of(observed, _attempt(job)) is job]
    ending: list[Action] = [DeleteJob(j["metadata"]["name"], j["metadata"]["uid"]) for j in own if not _is_going(j)]
    if (own or observed.pods) and not is_late:
        # what still runs could write again what is being erased
        return Plan(list(ending), LOOK_EVERY_S)
    letting_go = [*_given_up(observed), RemoveFinalizer()]
    if not _erases(observed, settings):
        return Plan([*ending, *letting_go])
    if observed.cleanup is None and not is_late:
        return Plan([*ending, CreateCleanup(cleanup_job(observed, settings))], LOOK_EVERY_S)
    if has_succeeded(observed.cleanup):
        receipt = receipt_key(observed.namespace, observed.uid)
        done = Event(
            "Normal",
            "Erased",
            f"what it made is erased; the receipt is in the store under {receipt}",
        )
        return Plan([*ending, done, *letting_go])
    if is_late or has_failed(observed.cleanup):
        left = Event(
            "Warning",
            "ErasureIncomplete",
            f"not everything could be erased in time; erase {run_prefix(observed)} in the store by hand",
        )
        return Plan([*ending, left, *letting_go])
    return Plan(list(ending), LOOK_EVERY_S)


def run_prefix(observed: Observed) -> str:
    """Everything that the clone's attempts wrote."""
    return RunPlace(uid=observed.uid, namespace=observed.namespace).run_prefix


def cleanup_job(observed: Observed, settings: Settings) -> Object:
    """The Job that erases what the clone made, and leaves a receipt."""
    words = ["clock_train.orchestration.erase_clone", "--namespace", observed.namespace, "--uid", observed.uid]
    words += ["--name", observed.name]
    return erasing_job(
        observed, settings, name=f"erase-{observed.uid}", words=words, deadline_s=settings.deletion_deadline_s
    )


def _given_up(observed: Observed) -> list[Event]:
    """What the clone was to see to and nobody does now: its revoked consents whose time of grace was not over."""
    return [
        Event(
            "Warning",
            "ErasureLeft",
            f'the VoiceConsent "{each["consent"]}" was revoked, and this clone goes before everything of '
            f'"{each["speaker"]}" is erased; unless another clone names it: clocktrain erase speaker '
            f"{each['speaker']} --namespace {observed.namespace}",
        )
        for each in observed.status.get("erasures") or []
        if "startTime" not in each
    ]


def _erases(observed: Observed, settings: Settings) -> bool:
    wants = (observed.clone.get("spec") or {}).get("deletionPolicy") == "Delete"
    # a clone that never had an attempt made nothing, and without a runtime nobody knows where
    has_made = bool(observed.status.get("attempts"))
    return wants and has_made and observed.runtime is not None and bool(settings.cleanup_secret)


def _attempt(job: Object) -> int:
    return int(job["metadata"]["labels"].get(ATTEMPT, "0"))


def _is_going(job: Object) -> bool:
    return bool(job["metadata"].get("deletionTimestamp"))
