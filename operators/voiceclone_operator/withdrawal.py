"""What follows from a revoked consent besides stopping: after the time of grace everything of its speaker is erased.

The consent does not say when it was revoked, so the clone's status keeps when that was seen first. Everything else is
made out anew at each visit: the Job's name is a function of the clone, the consent and the number of failures, so that
whoever makes it twice makes one. That erasing begins is written down before its Job is made, and is not called off any
more: half of a speaker is of no use to anybody.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

from clock_train.crd.names import CONSENTS_FILE
from clock_train.crd.v1alpha1 import VoiceTrainingRuntimeSpec
from clock_train.storage.places import receipt_key
from voiceclone_operator import attempts as runs
from voiceclone_operator.acceptance import consent_end
from voiceclone_operator.actions import CreateCleanup
from voiceclone_operator.conditions import Seen
from voiceclone_operator.erasing_job import erasing_job, has_failed, has_succeeded, store_of
from voiceclone_operator.facts import Facts, Settings
from voiceclone_operator.observed import Object, Observed, spelled, time_of

JOB_DEADLINE_S = 6 * 3_600
"""Of one Job; what a larger store has left is the next one's, which goes on with the receipt."""
LOOK_EVERY_S = 30.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 60, 6 * 3_600
"""After a Job that failed; doubled for each that follows."""
MOST_ERASURES = 1_000
URGENT = ("ErasureFailed", "CredentialMissing", "RuntimeNotFound", "Erasing", "WaitingForPods", "WaitingForGrace")
"""Which of several erasures the condition's reason is about; any other comes after these."""
Erasure = dict[str, Any]


def noticed(observed: Observed, now: datetime) -> list[Erasure]:
    """What is known of revoked consents, with those that are seen to be revoked for the first time.

    One that is missing by now was revoked all the same; one that holds again is forgotten, unless erasing has begun.
    """
    known = {each["uid"]: dict(each) for each in observed.status.get("erasures") or []}
    if not known and not any(_is_revoked(each) for each in observed.consents.values()):
        return []  # almost always
    for name, uid in _pins(observed) | {(each["consent"], each["uid"]) for each in known.values()}:
        consent = observed.consents.get(name)
        if consent is None or consent["metadata"].get("uid") != uid:
            continue
        spec = consent.get("spec") or {}
        if not _is_revoked(consent):
            if uid in known and "startTime" not in known[uid]:
                del known[uid]
        elif uid not in known and isinstance(spec.get("speaker"), str) and len(known) < MOST_ERASURES:
            known[uid] = {"consent": name, "uid": uid, "speaker": spec["speaker"], "noticeTime": spelled(now)}
    return [known[uid] for uid in sorted(known)]


def begun(erasures: list[Erasure]) -> frozenset[str]:
    """Uids of consents under which nothing is made any more, whatever they say."""
    return frozenset(each["uid"] for each in erasures if "startTime" in each)


def is_erasing(erasures: list[Erasure]) -> bool:
    """Whether a Job erases, or is to be made anew."""
    return any("startTime" in each and "completionTime" not in each for each in erasures)


def grace(observed: Observed) -> timedelta:
    """From the first sight of a revocation to the erasure."""
    given = ((observed.runtime or {}).get("spec") or {}).get("erasureGraceSeconds")
    default = VoiceTrainingRuntimeSpec.model_fields["erasure_grace_seconds"].default
    return timedelta(seconds=given if isinstance(given, int) else default)


def erase(facts: Facts, settings: Settings) -> Seen:
    """Begin, follow and record what is due; the condition Erased. Where several are, one Job runs at a time.

    Args:
        facts: with ``erasures``, whose entries are changed.
        settings: of the operator.
    """
    if not facts.erasures:
        return Seen("False", "NotRevoked", "no consent that it was made with was revoked")
    seen: list[Seen] = []
    for entry in sorted(facts.erasures, key=lambda each: (each["noticeTime"], each["uid"])):
        is_busy = any(each.reason == "Erasing" for each in seen)
        seen.append(_step(facts, settings, entry, is_busy=is_busy))
    waiting = [each for each in seen if each.status != "True"]
    if not waiting:
        return Seen("True", "Erased", "; ".join(each.message for each in seen))
    first = min(waiting, key=lambda each: URGENT.index(each.reason) if each.reason in URGENT else len(URGENT))
    rest = [each.message for each in waiting if each is not first]
    return Seen(first.status, first.reason, "; ".join([first.message, *rest]))


def job_name(observed: Observed, entry: Erasure) -> str:
    """Of the Job that erases at present; after one that failed there is another."""
    return f"erase-{_receipt_id(observed, entry)}-{entry.get('failures', 0) + 1}"


def _step(facts: Facts, settings: Settings, entry: Erasure, *, is_busy: bool) -> Seen:
    observed, whose = facts.observed, f'everything of "{entry["speaker"]}" in this namespace'
    if "completionTime" in entry:
        return Seen("True", "Erased", f"{whose} was erased; the receipt is {entry.get('receiptURI', 'in the store')}")
    name = job_name(observed, entry)
    job = observed.erasers.get(name)
    if job is not None:
        entry.setdefault("startTime", spelled(facts.now))  # of a status that was lost
    if has_succeeded(job):
        assert job is not None
        entry["completionTime"] = spelled(facts.now)
        facts.checkpoint = None  # of whatever version: a clone's runs go together
        entry["receiptURI"] = f"{store_of(job)}/{receipt_key(observed.namespace, _receipt_id(observed, entry))}"
        return _step(facts, settings, entry, is_busy=is_busy)
    if has_failed(job):
        entry["failures"], entry["failTime"] = entry.get("failures", 0) + 1, spelled(facts.now)
        name, job = job_name(observed, entry), None
    if job is not None:
        facts.look_again(LOOK_EVERY_S)
        return _erasing(whose, settings, name)
    if "startTime" not in entry:
        waits = _before_it_begins(facts, entry, whose)
        if waits is not None:
            return waits
    if not settings.cleanup_secret:
        return Seen(
            "False",
            "CredentialMissing",
            f"{whose} is to be erased, and the operator has no credential for it; ask the platform admin to set "
            "`operator.cleanupSecretName` of the chart",
        )
    if observed.runtime is None:
        return Seen(
            "False", "RuntimeNotFound", f"{whose} is to be erased; the runtime that says where it is must be there"
        )
    again = _again_at(entry)
    if again is not None and facts.now < again:
        facts.look_again_at(again)
        return Seen(
            "False",
            "ErasureFailed",
            f"{whose} could not be erased wholly ({entry['failures']} times); again at {spelled(again)}. The log: "
            f"kubectl logs -n {settings.operator_namespace} -l job-name={_job_before(observed, entry)}",
        )
    if is_busy:
        return Seen("False", "Erasing", f"{whose} is erased after that")
    if runs.live(facts.attempts) is not None or observed.jobs or observed.pods:
        # what still runs could write again what is being erased
        facts.look_again(LOOK_EVERY_S)
        return Seen("False", "WaitingForPods", f"{whose} is erased once the clone's own pods have ended")
    if "startTime" not in entry:
        entry["startTime"] = spelled(facts.now)
        facts.look_again(0.1)  # the Job is the next visit's
        return _erasing(whose, settings, name)
    facts.actions.append(CreateCleanup(_job(observed, settings, entry, name)))
    facts.look_again(LOOK_EVERY_S)
    return _erasing(whose, settings, name)


def _before_it_begins(facts: Facts, entry: Erasure, whose: str) -> Seen | None:
    """What it waits for; None where it is due."""
    observed = facts.observed
    other = _other_consent(facts, entry)
    if other is not None:
        end = consent_end(other)
        assert end is not None
        facts.look_again_at(end)
        return Seen(
            "False",
            "ConsentRenewed",
            f'the VoiceConsent "{entry["consent"]}" was revoked; nothing is erased while another one of the speaker '
            f'holds ("{other["metadata"]["name"]}")',
        )
    at = (time_of(entry["noticeTime"]) or facts.now) + grace(observed)
    if facts.now >= at:
        return None
    facts.look_again_at(at)
    return Seen(
        "False",
        "WaitingForGrace",
        f'the VoiceConsent "{entry["consent"]}" was revoked; {whose} is erased from {spelled(at)} on',
    )


def _other_consent(facts: Facts, entry: Erasure) -> Object | None:
    """Another consent of the same speaker that holds: what was made with it is not to be erased."""
    withdrawn = {each["uid"] for each in facts.erasures}
    for name in sorted(facts.observed.consents):
        consent = facts.observed.consents[name]
        spec, end = consent.get("spec") or {}, consent_end(consent)
        is_of_speaker = spec.get("speaker") == entry["speaker"] and consent["metadata"].get("uid") not in withdrawn
        if is_of_speaker and not _is_revoked(consent) and end is not None and end > facts.now:
            return consent
    return None


def _erasing(whose: str, settings: Settings, name: str) -> Seen:
    return Seen("False", "Erasing", f"{whose} is being erased: kubectl get job {name} -n {settings.operator_namespace}")


def _job(observed: Observed, settings: Settings, entry: Erasure, name: str) -> Object:
    words = ["clock_train.orchestration.erase_speaker", "--namespace", observed.namespace]
    words += ["--speaker", entry["speaker"], "--consent", entry["consent"], "--uid", observed.uid]
    words += ["--receipt", _receipt_id(observed, entry)]
    return erasing_job(observed, settings, name=name, words=words, deadline_s=JOB_DEADLINE_S)


def _receipt_id(observed: Observed, entry: Erasure) -> str:
    """Of each clone its own: several that were made under one consent may erase side by side."""
    return f"{observed.uid}-{hashlib.sha256(entry['uid'].encode()).hexdigest()[:8]}"


def _job_before(observed: Observed, entry: Erasure) -> str:
    return job_name(observed, {**entry, "failures": entry["failures"] - 1})


def _again_at(entry: Erasure) -> datetime | None:
    failed = time_of(entry.get("failTime"))
    if failed is None:
        return None
    # the exponent is bounded before the pause is: two to the power of a year of failures is no number of seconds
    return failed + timedelta(seconds=min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(20, entry["failures"] - 1)))


def _pins(observed: Observed) -> set[tuple[str, str]]:
    """Name and uid of each consent that something of the clone was made with; attempts know more than a status."""
    status = observed.status
    pins = [*(status.get("consents") or [])]
    pins += [pin for each in status.get("versions") or [] for pin in each.get("consents") or []]
    found = {(pin["name"], pin["uid"]) for pin in pins if pin["uid"]}
    for child in observed.children.values():
        found |= _pins_of_attempt((child.get("data") or {}).get(CONSENTS_FILE) or "[]")
    return found


def _pins_of_attempt(written: str) -> set[tuple[str, str]]:
    try:
        return {(str(each["metadata"]["name"]), str(each["metadata"]["uid"])) for each in json.loads(written)}
    except (ValueError, KeyError, TypeError):
        return set()  # somebody else's ConfigMap


def _is_revoked(consent: Object) -> bool:
    return (consent.get("spec") or {}).get("revoked") is True
