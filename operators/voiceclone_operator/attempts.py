"""The attempts of a clone: which runs, how one ended, and what the next one goes on from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from clock_train.crd.names import ATTEMPT, VERSION, job_name
from clock_train.crd.v1alpha1 import Retries
from voiceclone_operator.names import COMPONENT
from voiceclone_operator.observed import Letter, Object, Observed, StoredFacts, spelled, time_of

KEPT = 20
LONGEST_BACKOFF_S = 3_600
STUCK_S = 60
"""After the time by which a pod had to be gone."""
USER_ERROR, LOST, STOPPED = 2, 3, 4
"""Exit codes of the job; 70 is a bug."""


class Ended(StrEnum):
    """How an attempt ended, as its reason."""

    FINISHED = "Finished"
    LOST = "CapacityLost"
    BUG = "InternalError"
    SUSPENDED = "Suspended"
    VERSION_CHANGED = "VersionChanged"
    BUDGET = "BudgetExceeded"
    ACTIVE_DEADLINE = "ActiveDeadlineExceeded"
    PENDING_DEADLINE = "PendingDeadlineExceeded"


GOES_ON = {Ended.LOST, Ended.SUSPENDED, Ended.VERSION_CHANGED, Ended.BUDGET}
"""Reasons after which another attempt may follow without anybody mending something."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How an attempt ended."""

    reason: str
    message: str = ""


@dataclass(frozen=True)
class NotKnownYet:
    """The store has to be asked first."""


def known_attempts(observed: Observed, now: datetime) -> list[dict[str, Any]]:
    """Attempts by number: those of the status, and RayJobs whose status write was lost."""
    found = {int(entry["number"]): dict(entry) for entry in observed.status.get("attempts", [])}
    for job in observed.jobs:
        number = int(job["metadata"]["labels"].get(ATTEMPT, "0"))
        if number > 0 and number not in found and number > max(found, default=0):
            made = job["metadata"].get("creationTimestamp") or spelled(now)
            version = int(job["metadata"]["labels"].get(VERSION, "1"))
            groups = job["spec"]["rayClusterSpec"]["workerGroupSpecs"]
            workers = int(groups[0]["replicas"])
            found[number] = {"number": number, "version": version, "workers": workers, "createTime": made}
    return [found[number] for number in sorted(found)]


def live(attempts: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The attempt that has not ended."""
    last = attempts[-1] if attempts else None
    return last if last is not None and "completionTime" not in last else None


def job_of(observed: Observed, attempt: int) -> Object | None:
    """The RayJob of an attempt, if it is there and ours."""
    name = job_name(observed.name, observed.uid, attempt)
    for job in observed.jobs:
        owners = job["metadata"].get("ownerReferences") or []
        if job["metadata"]["name"] == name and any(owner.get("uid") == observed.uid for owner in owners):
            return job
    return None


def is_over(job: Object) -> bool:
    """Whether KubeRay has nothing more to do with it."""
    status = job.get("status") or {}
    return status.get("jobDeploymentStatus") in ("Complete", "Failed") or status.get("jobStatus") in (
        "SUCCEEDED",
        "FAILED",
        "STOPPED",
    )


def outcome(
    attempt: Mapping[str, Any], job: Object | None, letter: Letter, stored: StoredFacts | None
) -> Outcome | NotKnownYet:
    """How an attempt whose job is over, or gone, ended: by the job's own word, then the store's, never Ray's alone."""
    is_own = letter.attempt == attempt["number"]
    if is_own and letter.state == "finished" and bundle_digest(letter) is not None:
        return Outcome(reason=Ended.FINISHED)
    if stored is not None and stored.bundle_digest:
        return Outcome(reason=Ended.FINISHED, message="the mailbox did not say so; the store holds the bundle")
    asked = attempt.get("stopReason")
    if is_own and letter.state == "stopped":
        return Outcome(reason=asked or Ended.LOST, message="saved and stopped")
    if is_own and letter.state == "failed":
        code, said = str(letter.error.get("code", "")), str(letter.error.get("message", ""))[:1_000]
        exit_code = letter.whole_of_error()
        if exit_code == USER_ERROR:
            reason = code if re.fullmatch(r"[A-Z][A-Za-z]{0,62}", code) else "TrainingFailed"
            return Outcome(reason=reason, message=said)
        if exit_code not in (LOST, STOPPED):
            return Outcome(reason=Ended.BUG, message=said)
    if asked:
        return Outcome(reason=asked, message="ended before it could save" if is_own else "ended before it began")
    if stored is None:
        return NotKnownYet()
    status = (job or {}).get("status") or {}
    if status.get("reason") == "ValidationFailed":
        return Outcome(reason=Ended.BUG, message=str(status.get("message", ""))[:1_000])
    if is_own and letter.error:
        return Outcome(reason=Ended.LOST, message=str(letter.error.get("message", ""))[:1_000])
    gone = "its RayJob is gone" if job is None else "its pods ended without a word"
    return Outcome(reason=Ended.LOST, message=gone)


def bundle_digest(letter: Letter) -> str | None:
    """The digest of the bundle that a job says it left; None where it says none in the right shape."""
    bundle = letter.values.get("bundle")
    digest = bundle.get("digest") if isinstance(bundle, dict) else None
    return digest if isinstance(digest, str) and re.fullmatch(r"[0-9a-f]{64}", digest) else None


def bucket_of(job: Object | None) -> str | None:
    """The bucket that an attempt was made with, whatever the runtime says by now."""
    words = str((job or {}).get("spec", {}).get("entrypoint", "")).split()
    return words[words.index("--store") + 1].removeprefix("s3://") if "--store" in words else None


def losses(attempts: list[dict[str, Any]], version: int) -> int:
    """Attempts of a version that lost their capacity one after the other, up to now."""
    count = 0
    for attempt in reversed(attempts):
        is_lost = attempt.get("reason") == Ended.LOST and "retry" not in attempt
        if attempt["version"] != version or not is_lost:
            break
        count += 1
    return count


def retry_at(attempts: list[dict[str, Any]], version: int, retries: Retries) -> datetime | None:
    """When the next attempt may begin; None for at once."""
    lost = losses(attempts, version)
    ended = time_of(attempts[-1].get("completionTime")) if attempts else None
    if lost == 0 or ended is None:
        return None
    seconds = min(LONGEST_BACKOFF_S, retries.backoff_seconds * 2 ** (lost - 1))
    return ended + timedelta(seconds=seconds)


def leftover_pods(observed: Observed, next_attempt: int, now: datetime) -> list[str]:
    """Pods of earlier attempts: while one is there, it may still write. One on a silent node is not waited for."""
    return sorted(
        pod["metadata"]["name"]
        for pod in observed.pods
        if int(pod["metadata"].get("labels", {}).get(ATTEMPT, "0")) < next_attempt and not is_stuck(pod, now)
    )


def is_stuck(pod: Object, now: datetime) -> bool:
    """Whether a pod should have been gone for a while: its node does not answer, and nobody knows when it will."""
    until = time_of(pod["metadata"].get("deletionTimestamp"))
    return until is not None and now >= until + timedelta(seconds=STUCK_S)


def stuck_pod(observed: Observed, attempt: int, now: datetime, *, can_shrink: bool) -> str | None:
    """A pod of an attempt without which it cannot go on, on a silent node.

    KubeRay makes no other while it is there. Without a worker a run with ``can_shrink`` goes on with fewer.
    """
    needed = ("head",) if can_shrink else ("head", "worker")
    for pod in observed.pods:
        marks = pod["metadata"].get("labels", {})
        if marks.get(ATTEMPT) == str(attempt) and marks.get(COMPONENT) in needed and is_stuck(pod, now):
            return pod["metadata"]["name"]
    return None


def checkpoint_key(key: Any, namespace: str, uid: str) -> str | None:
    """A checkpoint's key as a job wrote it, where it is one of the clone's own."""
    pattern = rf"{re.escape(namespace)}/runs/{re.escape(uid)}/attempt-\d{{1,9}}/checkpoints/step-\d{{1,12}}"
    return key if isinstance(key, str) and re.fullmatch(pattern, key) else None
