"""The plan for one clone: a pure function of what was seen and the time. Nothing here asks or tells a server.

It is level-based: it never remembers, so a plan that was lost half-way is made again from what is there. Two facts make
it safe. What is trained is a *version*, known by the digest of the fields that decide it, and a finished version never
runs again. An *attempt* has one RayJob, whose name is a function of the clone's uid and the attempt's number, so that
whoever makes it twice makes one.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from clock_train.crd.names import RETRY, RUN, SAVE_AND_STOP, is_paused, progress_name
from clock_train.crd.version import version_digest
from clock_train.storage.places import bundle_prefix
from voiceclone_operator import attempts as runs
from voiceclone_operator.acceptance import Refused, accept, read_spec
from voiceclone_operator.actions import (
    AddFinalizer,
    Apply,
    CreateJob,
    DeleteJob,
    LookInStorage,
    Plan,
    WriteStatus,
)
from voiceclone_operator.attempts import Ended, NotKnownYet, Outcome
from voiceclone_operator.children import differs, mailbox, snapshot, standing_children
from voiceclone_operator.conditions import build
from voiceclone_operator.deletion import plan_deletion
from voiceclone_operator.facts import Facts, Settings
from voiceclone_operator.figures import accelerator_seconds
from voiceclone_operator.limits import is_deadline_raised, over_budget, over_deadline
from voiceclone_operator.names import FINALIZER
from voiceclone_operator.observed import Letter, Observed, spelled, time_of
from voiceclone_operator.ray_job import ray_job
from voiceclone_operator.serving import known_versions, without_what_lapsed
from voiceclone_operator.status import build_status
from voiceclone_operator.story import events_of
from voiceclone_operator.withdrawal import begun, erase, is_erasing, noticed

LOOK_EVERY_S = 30.0
"""While an attempt is under way: deadlines and budgets have no event of their own."""


def plan(observed: Observed, now: datetime, settings: Settings) -> Plan:
    """What to do for one clone.

    Args:
        observed: the clone and what it depends on.
        now: with its zone; a clock that jumps moves deadlines, and doubles nothing.
        settings: of the operator.
    """
    if observed.clone["metadata"].get("deletionTimestamp"):
        return plan_deletion(observed, now, settings)
    if is_paused(observed.clone):
        return _paused(observed, now)
    facts = _facts(observed, now)
    if FINALIZER not in (observed.clone["metadata"].get("finalizers") or []):
        facts.actions.append(AddFinalizer())
    if facts.accepted is not None:
        _stand(facts, settings)
    attempt = runs.live(facts.attempts)
    if attempt is not None:
        _tend(facts, attempt)
    if runs.live(facts.attempts) is None:
        _clear(facts)
        _begin_next(facts)
    facts.versions = known_versions(facts)
    facts.erased = erase(facts, settings)
    status = build_status(facts)
    if _sorted(status) != _sorted(observed.status):
        facts.actions += [WriteStatus(status), *events_of(observed, status)]
    return Plan(facts.actions, facts.look_again_s)


def _facts(observed: Observed, now: datetime) -> Facts:
    status = observed.status
    facts = Facts(observed, now, letter=observed.mailbox(progress_name(observed.name)))
    facts.attempts = runs.known_attempts(observed, now)
    facts.checkpoint, facts.voice, facts.version = (status.get(name) for name in ("checkpoint", "voice", "version"))
    facts.erasures = noticed(observed, now)
    facts.seconds = int((status.get("cost") or {}).get("acceleratorSeconds", 0))
    spec = read_spec(observed.clone)
    if isinstance(spec, Refused):
        facts.refused = spec
        return facts
    facts.spec = spec
    digest = version_digest(spec)
    is_live = runs.live(facts.attempts) is not None
    if facts.version is None:
        facts.version = {"number": 1, "digest": digest}
    elif facts.version["digest"] != digest and not is_live:
        # one that runs is saved and stopped first; then the next version begins, from nothing
        facts.version = {"number": facts.number + 1, "digest": digest}
        facts.checkpoint = None
    is_begun = is_live or facts.is_finished  # what was made of a base, or is being made, stays so once it is retired
    accepted = accept(observed, spec, now, withdrawn=begun(facts.erasures), is_begun=is_begun)
    if isinstance(accepted, Refused):
        facts.refused = accepted
    else:
        facts.accepted = accepted
    return facts


def _paused(observed: Observed, now: datetime) -> Plan:
    """Left alone, save that a voice whose consent is gone is not heard any longer, and that its time of grace runs."""
    facts = Facts(observed, now, versions=observed.status.get("versions") or [], erasures=noticed(observed, now))
    serving, seen = without_what_lapsed(facts)
    is_served_as_before = serving == (observed.status.get("serving") or {})
    if is_served_as_before and facts.erasures == (observed.status.get("erasures") or []):
        return Plan(look_again_s=facts.look_again_s)
    conditions = observed.status.get("conditions") or []  # none where the status was lost meanwhile
    if seen is not None:
        made = build({"Served": seen}, conditions, observed.generation, now)
        (served,) = [condition for condition in made if condition["type"] == "Served"]
        conditions = [served if old["type"] == "Served" else old for old in conditions]
    status = {**observed.status, "conditions": conditions, "serving": serving, "erasures": facts.erasures}
    status = {name: value for name, value in status.items() if value or name not in ("serving", "erasures")}
    return Plan([WriteStatus(status), *events_of(observed, status)], facts.look_again_s)


def _stand(facts: Facts, settings: Settings) -> None:
    """Children that a clone has for as long as it lives; only what differs is applied."""
    assert facts.accepted is not None
    for manifest in standing_children(facts.observed, settings.kuberay_namespace, facts.accepted.workers):
        _apply(facts, manifest)


def _apply(facts: Facts, manifest: dict[str, Any]) -> None:
    found = facts.observed.children.get((manifest["kind"], manifest["metadata"]["name"]))
    if differs(manifest, found):
        facts.actions.append(Apply(manifest))


def _tend(facts: Facts, attempt: dict[str, Any]) -> None:
    """An attempt that has not ended: follow it, ask it to stop, or record how it ended."""
    observed, letter = facts.observed, facts.letter
    job = runs.job_of(observed, attempt["number"])
    has_begun = letter.attempt == attempt["number"]
    if has_begun:
        attempt.setdefault("startTime", spelled(facts.now))
        starts = letter.whole("starts")
        if starts:
            attempt["starts"] = starts
        _take_checkpoint(facts, letter)
    if job is None or runs.is_over(job):
        _end(facts, attempt)
        return
    stuck = runs.stuck_pod(observed, attempt["number"], facts.now, can_shrink=_can_shrink(facts))
    if stuck is not None:
        _end(facts, attempt, why=f"{stuck} is on a node that does not answer")
        return
    wish = _stop_wish(facts, attempt)
    if wish is not None and "stopReason" not in attempt:
        attempt["stopReason"], attempt["stopTime"] = wish, spelled(facts.now)
    if "stopReason" not in attempt:
        facts.look_again(LOOK_EVERY_S)
        return
    asked_at = time_of(attempt["stopTime"]) or facts.now
    patience = facts.accepted.runtime.save_timeout_seconds if facts.accepted is not None else 600
    is_hard = facts.refused is not None and facts.refused.stops
    is_late = facts.now >= asked_at + timedelta(seconds=patience)
    has_said_so = has_begun and letter.state in ("stopped", "failed", "finished")
    if not has_begun or is_hard or is_late or has_said_so:
        _end(facts, attempt)
        return
    if letter.control != SAVE_AND_STOP:
        facts.actions.append(Apply(mailbox(observed, SAVE_AND_STOP)))
    facts.look_again(min(LOOK_EVERY_S, patience))


def _stop_wish(facts: Facts, attempt: dict[str, Any]) -> str | None:
    """Why an attempt that runs should stop; None to let it run."""
    if facts.refused is not None and facts.refused.stops:
        return facts.refused.reason
    if facts.spec is None or facts.version is None:
        return None  # it runs on its snapshot, whatever became of the manifest
    if facts.version["digest"] != version_digest(facts.spec):
        return Ended.VERSION_CHANGED
    if facts.spec.suspend:
        return Ended.SUSPENDED
    return over_budget(facts, attempt) or over_deadline(facts, attempt)


def _can_shrink(facts: Facts) -> bool:
    """Whether a run goes on without one of its workers."""
    compute = facts.spec.compute if facts.spec is not None else None
    return compute is not None and compute.min_workers is not None and compute.min_workers < (compute.workers or 1)


def _end(facts: Facts, attempt: dict[str, Any], why: str = "") -> None:
    """Record how an attempt ended; where nobody can say, ask the store first.

    Args:
        facts: of the clone.
        attempt: is changed.
        why: what took its capacity, where that was seen.
    """
    observed, letter, number = facts.observed, facts.letter, attempt["number"]
    stored = observed.stored.get(number)
    found = runs.outcome(attempt, runs.job_of(observed, number), letter, stored)
    if isinstance(found, NotKnownYet):
        facts.actions.append(LookInStorage(number))
        facts.look_again(1.0)
        return
    if stored is not None and stored.checkpoint_key is not None:
        _take(facts, stored.checkpoint_key, stored.checkpoint_step, stored.checkpoint_time)
    attempt["completionTime"] = spelled(facts.now)
    attempt["reason"] = found.reason
    message = why if why and found.reason == Ended.LOST else found.message
    if message:
        attempt["message"] = message[:1_024]
    facts.seconds += accelerator_seconds(attempt, facts.now)
    if found.reason == Ended.FINISHED:
        digest = stored.bundle_digest if stored is not None and stored.bundle_digest else runs.bundle_digest(letter)
        bucket = (runs.bucket_of(runs.job_of(observed, number))) or _bucket(facts)
        uri = f"s3://{bucket}/{bundle_prefix(observed.namespace, str(digest))}"
        facts.voice = {"version": attempt["version"], "bundleURI": uri, "digest": digest}


def _bucket(facts: Facts) -> str:
    return facts.accepted.runtime.storage.bucket if facts.accepted is not None else "unknown"


def _take_checkpoint(facts: Facts, letter: Letter) -> None:
    saved = letter.values.get("checkpoint")
    if isinstance(saved, dict):
        _take(facts, saved.get("key"), saved.get("step"), saved.get("saveTime"))


def _take(facts: Facts, key: Any, step: Any, saved: Any) -> None:
    """Remember a checkpoint that is newer than the one known, where it is one of the clone's own."""
    own = runs.checkpoint_key(key, facts.observed.namespace, facts.observed.uid)
    time = time_of(saved)
    if own is None or not isinstance(step, int) or time is None or facts.accepted is None:
        return
    if facts.checkpoint is None or step > facts.checkpoint["step"]:
        uri = f"s3://{facts.accepted.runtime.storage.bucket}/{own}"
        facts.checkpoint = {"uri": uri, "step": step, "saveTime": spelled(time)}


def _clear(facts: Facts) -> None:
    """RayJobs of attempts that have ended go; what they did is in the store and in the status."""
    for attempt in facts.attempts:
        job = runs.job_of(facts.observed, attempt["number"])
        if job is not None and not job["metadata"].get("deletionTimestamp"):
            facts.actions.append(DeleteJob(job["metadata"]["name"], job["metadata"]["uid"]))


def _begin_next(facts: Facts) -> None:
    """The next attempt, unless there is a reason against it."""
    if facts.spec is not None and facts.version is not None and facts.version["digest"] != version_digest(facts.spec):
        # the version that ran has just been stopped: the next visit begins with the next version
        facts.look_again(0.1)
        return
    facts.failed = _failure(facts)
    if facts.accepted is None or facts.spec is None or facts.is_finished or facts.failed is not None:
        return
    if facts.spec.suspend:
        return
    if over_budget(facts, None) is not None:
        facts.failed = Outcome(
            reason=Ended.BUDGET, message="`spec.budget` is used up; raise it to go on from the newest checkpoint"
        )
        return
    if is_erasing(facts.erasures):
        # an attempt of other speakers would write below what is being erased
        facts.waiting = ("WaitingForErasure", "what was made with a revoked consent is being erased; see Erased")
        return
    number = _next_number(facts)
    leftover = runs.leftover_pods(facts.observed, number, facts.now)
    jobs = [job for job in facts.observed.jobs if runs.job_of(facts.observed, number) is not job]
    if leftover or jobs:
        facts.waiting = (
            "WaitingForPods",
            "pods of the attempt before are still ending; the next one begins after them",
        )
        facts.look_again(LOOK_EVERY_S)
        return
    at = runs.retry_at(facts.attempts, facts.number, facts.accepted.runtime.retries)
    if at is not None and facts.now < at:
        facts.waiting = ("WaitingForRetry", "capacity was lost; the next attempt begins after a pause")
        facts.look_again((at - facts.now).total_seconds())
        return
    if not facts.observed.has_kuberay:
        facts.waiting = ("KubeRayMissing", "KubeRay is not installed in this cluster; ask the platform admin")
        facts.look_again(LOOK_EVERY_S)
        return
    _begin(facts, number)


def _next_number(facts: Facts) -> int:
    """After the last attempt's, and after one that came no further than a snapshot of what was edited since."""
    number = facts.attempts[-1]["number"] + 1 if facts.attempts else 1
    while True:
        wanted = snapshot(facts.observed, number)
        found = facts.observed.children.get(("ConfigMap", wanted["metadata"]["name"]))
        if found is None or not differs(wanted, found):
            return number
        number += 1


def _begin(facts: Facts, number: int) -> None:
    assert facts.accepted is not None and facts.spec is not None
    resume = facts.checkpoint["uri"] if facts.checkpoint is not None else None
    job = ray_job(
        facts.observed,
        facts.accepted,
        attempt=number,
        version=facts.number,
        resume_from=resume,
    )
    _apply(facts, mailbox(facts.observed, RUN))
    _apply(facts, snapshot(facts.observed, number))
    facts.actions.append(CreateJob(job))
    attempt: dict[str, Any] = {
        "number": number,
        "version": facts.number,
        "workers": facts.accepted.workers,
        "createTime": spelled(facts.now),
    }
    if resume is not None:
        attempt["resumedFrom"] = resume
    if facts.accepted.base_uri is not None:
        attempt["baseURI"] = facts.accepted.base_uri
    facts.attempts.append(attempt)
    facts.look_again(LOOK_EVERY_S)


def _failure(facts: Facts) -> Outcome | None:
    """Why the version is not tried again; a new version, or a new value of the annotation retry, clears it."""
    last = facts.attempts[-1] if facts.attempts else None
    if last is None or last["version"] != facts.number or facts.is_finished:
        return None
    asked = facts.observed.annotations.get(RETRY)
    acted_on = {attempt.get("retry") for attempt in facts.attempts}
    if asked and asked[:63] not in acted_on and last.get("reason") not in (None, Ended.FINISHED):
        last["retry"] = asked[:63]
    if "retry" in last:
        return None  # what went before the retry counts no more
    reason = last.get("reason")
    if reason == Ended.LOST:
        limit = facts.accepted.runtime.retries.limit if facts.accepted is not None else 5
        if runs.losses(facts.attempts, facts.number) > limit:
            return Outcome(
                reason="RetriesExhausted",
                message=f"capacity was lost {limit + 1} times in a row; look at the cluster's nodes, then annotate the "
                "clone with clocktrain.dev/retry",
            )
        return None
    if reason in runs.GOES_ON or reason is None or is_deadline_raised(facts, last):
        return None
    refused_then = facts.refused is None and reason.startswith(("Consent", "Base", "Runtime"))
    return None if refused_then else Outcome(reason=reason, message=last.get("message", ""))


def _sorted(status: dict[str, Any]) -> dict[str, Any]:
    """With lists in an order of their own: the server may keep another one."""
    keys = {"conditions": "type", "attempts": "number", "metrics": "name", "consents": "name", "erasures": "uid"}
    return {
        name: sorted(value, key=lambda item: item[keys[name]]) if name in keys else value
        for name, value in status.items()
        if value != []
    }
