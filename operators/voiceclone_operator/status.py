"""The whole status of a clone from what a plan found out: one function, so that one field manager says all of it."""

from __future__ import annotations

from typing import Any

from clock_train.crd.v1alpha1 import STAGES
from voiceclone_operator import attempts as runs
from voiceclone_operator.attempts import Ended
from voiceclone_operator.bases import erased_of
from voiceclone_operator.conditions import Seen, build
from voiceclone_operator.facts import Facts
from voiceclone_operator.figures import corpus_of, cost_of, metrics_of, progress_of, tracking_of
from voiceclone_operator.gate import gate_before, gate_now
from voiceclone_operator.serving import decide
from voiceclone_operator.tracked import tracked
from voiceclone_operator.waiting import admitted


def build_status(facts: Facts) -> dict[str, Any]:
    """Every field that is known, in the shape of the resource."""
    observed, letter, before = facts.observed, facts.letter, facts.observed.status
    is_told = facts.is_told
    metrics = metrics_of(letter) if is_told else []
    serving, served = decide(facts)
    found: dict[str, Any] = {
        "conditions": build(
            {**_conditions(facts), "Served": served}, before.get("conditions") or [], observed.generation, facts.now
        ),
        "observedGeneration": observed.generation,
        "stage": _stage(facts),
        "progress": progress_of(letter) if is_told else None,
        "attempts": facts.attempts[-runs.KEPT :],
        "checkpoint": facts.checkpoint,
        "metrics": metrics or (before.get("metrics") if not _is_new_version(facts) else None) or [],
        "tracking": (tracking_of(letter, facts.accepted) if is_told else None) or before.get("tracking"),
        "version": facts.version,
        "voice": facts.voice,
        "versions": facts.versions,
        "serving": serving,
        "cost": cost_of(facts.seconds, facts.accepted, before.get("cost")),
        "corpus": (corpus_of(letter) if is_told else None) or before.get("corpus"),
        "consents": _consents(facts),
        "erasures": facts.erasures,
    }
    return {name: value for name, value in found.items() if value not in (None, [])} | {
        "attempts": found["attempts"],
        "conditions": found["conditions"],
    }


def _is_new_version(facts: Facts) -> bool:
    before = facts.observed.status.get("version") or {}
    return facts.version is not None and before.get("number") != facts.version["number"]


def _consents(facts: Facts) -> list[dict[str, str]]:
    """Pinned from the first acceptance: they are taken back by naming others, never by time."""
    if facts.accepted is None:
        return list(facts.observed.status.get("consents") or [])
    return [{"name": name, "uid": uid} for name, uid in facts.accepted.consents]


def _stage(facts: Facts) -> str | None:
    said = facts.letter.values.get("stage") if facts.is_told else None
    if said in STAGES:
        return said
    return facts.observed.status.get("stage") if facts.is_finished else None


def _conditions(facts: Facts) -> dict[str, Seen]:
    seen = {"Accepted": _accepted(facts)}
    attempt = runs.live(facts.attempts)
    seen["Suspended"] = _suspended(facts, attempt)
    seen["Failed"] = _failed(facts)
    seen["Tracked"] = tracked(facts)
    if facts.erased is not None:
        seen["Erased"] = facts.erased
    if facts.is_finished:
        seen |= _finished(facts)
        return seen
    seen["Ready"] = Seen("False", *_why_not_ready(facts, attempt))
    if facts.accepted is None:
        return seen
    if attempt is not None:
        job = runs.job_of(facts.observed, attempt["number"])
        if facts.is_told:
            seen["Admitted"] = Seen("True", "Running", "its pods run")
        else:
            seen["Admitted"] = admitted(facts.observed, facts.accepted, job, attempt["number"])
    elif facts.waiting is not None:
        seen["Admitted"] = Seen("False", *facts.waiting)
    if facts.is_told:
        seen |= _by_stage(facts)
    return seen


def _accepted(facts: Facts) -> Seen:
    if facts.refused is None:
        return Seen("True", "Accepted", "everything that it names is there")
    return Seen("Unknown" if facts.refused.is_waiting else "False", facts.refused.reason, facts.refused.message)


def _suspended(facts: Facts, attempt: dict[str, Any] | None) -> Seen:
    is_wanted = facts.spec is not None and facts.spec.suspend
    if attempt is not None and attempt.get("stopReason") == Ended.SUSPENDED:
        return Seen("False", "Saving", "saving before it stops")
    if is_wanted and attempt is None:
        return Seen("True", "Suspended", "`spec.suspend` is true; set it to false to go on from the newest checkpoint")
    return Seen("False", "NotSuspended")


def _failed(facts: Facts) -> Seen:
    if facts.failed is None:
        return Seen("False", "NotFailed")
    return Seen("True", facts.failed.reason, facts.failed.message)


def _why_not_ready(facts: Facts, attempt: dict[str, Any] | None) -> tuple[str, str]:
    if facts.failed is not None:
        return "Failed", "see the condition Failed"
    if facts.refused is not None:
        return facts.refused.reason, "see the condition Accepted"
    if facts.spec is not None and facts.spec.suspend and attempt is None:
        return "Suspended", "see the condition Suspended"
    if attempt is None:
        return "Waiting", "see the condition Admitted"
    return "Training", "an attempt is under way"


def _finished(facts: Facts) -> dict[str, Seen]:
    done = "finished for this version"
    seen = {
        "DataReady": Seen("True", "Prepared", done),
        "Admitted": Seen("True", "Finished", done),
        "Trained": Seen("True", "Trained", done),
        "Distilled": _distilled(facts),
    }
    gate = seen["Evaluated"] = gate_now(facts) or gate_before(facts) or Seen("True", "Evaluated", done)
    erased = erased_of({"erasures": facts.erasures, "versions": facts.versions})
    if facts.voice is not None and facts.voice["digest"] in erased:
        seen["Ready"] = Seen("False", "Erased", "see the condition Erased; a base of several speakers is retired")
    elif gate.reason in ("GateMissed", "JudgeMissing"):
        seen["Ready"] = Seen("False", gate.reason, gate.message)
    else:
        seen["Ready"] = Seen("True", "Ready", "the voice of this version is in the store")
    return seen


def _distilled(facts: Facts) -> Seen:
    asks = facts.spec is not None and facts.spec.distillation is not None and facts.spec.distillation.policy == "Always"
    if not asks:
        return Seen("False", "NotAsked", "`spec.distillation` does not ask for a student")
    # a job that ends well has made it
    return Seen("True", "Distilled", "the voice is the student's")


def _by_stage(facts: Facts) -> dict[str, Seen]:
    stage = facts.letter.values.get("stage")
    seen: dict[str, Seen] = {}
    if stage == "Prepare":
        failed = facts.failed
        if failed is not None and facts.letter.state == "failed" and facts.letter.error.get("code") == failed.reason:
            seen["DataReady"] = Seen("False", failed.reason, failed.message)
        else:
            seen["DataReady"] = Seen("False", "Preparing", "bringing the recordings")
    elif stage in STAGES:
        seen["DataReady"] = Seen("True", "Prepared", "the recordings are there")
        is_training = stage in ("Pretrain", "Finetune")
        seen["Trained"] = (
            Seen("False", "Training", "see status.progress") if is_training else Seen("True", "Trained", "")
        )
        if stage == "Distill":
            seen["Distilled"] = Seen("False", "Distilling", "see status.progress")
        elif not is_training:
            seen["Distilled"] = _distilled(facts)
        gate = gate_now(facts)
        if gate is not None:
            seen["Evaluated"] = gate
    return seen
