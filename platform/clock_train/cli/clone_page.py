"""One clone as a page for a person: where it is, what it cost, what is wrong, what to do. Pure: the time is given."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from clock_train.cli.next_steps import next_steps
from clock_train.crd.names import is_paused

NOT_CONFIGURED = "not configured"
MARKS = {"done": "✓", "now": "▶", "todo": "·", "skip": "–", "failed": "✗"}
BAR = 20


def clone_page(
    clone: Mapping[str, Any], now: datetime, *, consents: Mapping[str, Any] | str = "", is_verbose: bool = False
) -> list[str]:
    """Lines to print.

    Args:
        clone: the VoiceClone as the API server gives it.
        now: with its zone.
        consents: name → VoiceConsent, those that there are; or why they cannot be shown.
        is_verbose: all conditions and attempts, with times and places.
    """
    spec, status, metadata = clone.get("spec") or {}, clone.get("status") or {}, clone["metadata"]
    conditions = {each["type"]: each for each in status.get("conditions") or []}
    lines = [f"{metadata['name']} in {metadata['namespace']}: {_summary(clone, conditions)}"]
    if not status:
        lines.append("The operator has not looked at it yet: is it installed and running?")
    elif status.get("observedGeneration", 0) < metadata.get("generation", 0):
        lines.append("The newest edit has not been looked at yet.")
    lines += ["", _stage_bar(spec, status, conditions), ""]
    version, voice = status.get("version"), status.get("voice")
    rows = [
        ("Version", f"{version['number']} ({version['digest'][:12]})" if version else "not known yet"),
        ("Voice", f"version {voice['version']}, {voice['bundleURI']}" if voice else "none yet"),
        *_attempts(status, now, is_verbose),
        ("Checkpoint", _checkpoint(status.get("checkpoint"), now, is_verbose)),
        ("Cost", _cost(status.get("cost"))),
        ("Budget", _fields(spec.get("budget"))),
        ("Base", _base(spec)),
        *_consents(spec, status, consents, now),
        (
            "Tracking",
            (status.get("tracking") or {}).get("url")
            or (status.get("tracking") or {}).get("runID")
            or "no run yet, or not configured",
        ),
        ("Gate", _fields(spec.get("gate"))),
        ("Serving", _serving(spec, status)),
        ("Figures", _figures(status)),
    ]
    lines += [f"{name + ':' if name else '':<12}{text}" for name, text in rows]
    lines += ["", "Conditions:", *_conditions(conditions, now, is_verbose)]
    steps = next_steps(dict(clone))
    lines += ["", *(f"Next: {step}" for step in steps)] if steps else []
    return lines


def summary(clone: Mapping[str, Any]) -> str:
    """The clone in a few words."""
    conditions = {each["type"]: each for each in (clone.get("status") or {}).get("conditions") or []}
    return _summary(clone, conditions)


def _summary(clone: Mapping[str, Any], conditions: Mapping[str, Any]) -> str:
    status = clone.get("status") or {}
    if clone["metadata"].get("deletionTimestamp"):
        return "being deleted"
    mark = "paused (clocktrain unpause lets the operator go on); " if is_paused(clone) else ""
    for kind in ("Failed", "Suspended"):
        found = conditions.get(kind)
        if found and found["status"] == "True":
            return f"{mark}{kind}: {found['reason']}" if kind == "Failed" else f"{mark}{kind}"
    ready = conditions.get("Ready")
    if ready and ready["status"] == "True":
        return f"{mark}Ready"
    if ready is None:
        return f"{mark}not looked at yet"
    stage, progress = status.get("stage"), status.get("progress") or {}
    if ready["reason"] == "Training" and stage:
        return f"{mark}{stage} {progress.get('percent', 0)} %{_eta(progress)}"
    admitted = conditions.get("Admitted")
    if ready["reason"] in ("Training", "Waiting") and admitted and admitted["status"] != "True":
        return f"{mark}waiting: {admitted['reason']}"
    return f"{mark}{ready['reason']}"


def _eta(progress: Mapping[str, Any]) -> str:
    seconds = progress.get("etaSeconds")
    return "" if seconds is None else f", about {_span(seconds)} left"


def _stage_bar(spec: Mapping[str, Any], status: Mapping[str, Any], conditions: Mapping[str, Any]) -> str:
    train = "Finetune" if spec.get("base") else "Pretrain"
    distils = (spec.get("distillation") or {}).get("policy") == "Always"
    stages = ["Prepare", train, "Distill", "Evaluate", "Export"]
    current, version, voice = status.get("stage"), status.get("version") or {}, status.get("voice") or {}
    is_finished = bool(voice) and voice.get("version") == version.get("number")
    has_failed = (conditions.get("Failed") or {}).get("status") == "True"
    parts, is_before = [], current in stages
    for stage in stages:
        if stage == "Distill" and not distils:
            state = "skip"
        elif is_finished:
            state = "done"
        elif stage == current:
            state, is_before = "failed" if has_failed else "now", False
        else:
            state = "done" if is_before else "todo"
        parts.append(f"{MARKS[state]} {stage}")
    line = "  ".join(parts)
    progress = status.get("progress")
    if not progress or is_finished:
        return line
    filled = round(BAR * progress["percent"] / 100)
    bar = "█" * filled + "░" * (BAR - filled)
    return f"{line}\n{bar} {progress['percent']} %, step {progress['step']} of {progress['totalSteps']}{_eta(progress)}"


def _attempts(status: Mapping[str, Any], now: datetime, is_verbose: bool) -> list[tuple[str, str]]:
    found = status.get("attempts") or []
    if not found:
        return [("Attempts", "none yet")]
    shown = found if is_verbose else found[-3:]
    rows = [_attempt(each, now, is_verbose) for each in shown]
    if len(shown) < len(found):
        rows.insert(0, f"{len(found) - len(shown)} before (-v shows them)")
    return [("Attempts" if i == 0 else "", row) for i, row in enumerate(rows)]


def _attempt(attempt: Mapping[str, Any], now: datetime, is_verbose: bool) -> str:
    began, ended = attempt.get("startTime") or attempt["createTime"], attempt.get("completionTime")
    took = _span((_time(ended) - _time(began)).total_seconds()) if ended else ""
    if ended:
        state = f"{attempt.get('reason', 'ended')} after {took}"
    elif "stopReason" in attempt:
        state = f"saving, then stopping ({attempt['stopReason']})"
    else:
        state = f"{'running' if 'startTime' in attempt else 'waiting'} for {_age(began, now)}"
    workers = f"{attempt['workers']} worker{'s' if attempt['workers'] != 1 else ''}"
    starts = f", started {attempt['starts']} times" if attempt.get("starts", 1) > 1 else ""
    line = f"{attempt['number']}: {state}, {workers}{starts}"
    if is_verbose:
        line += f", made {attempt['createTime']}"
        line += f", from {attempt['resumedFrom']}" if attempt.get("resumedFrom") else ", from the beginning"
    return f"{line}; {attempt['message']}" if attempt.get("message") else line


def _checkpoint(checkpoint: Mapping[str, Any] | None, now: datetime, is_verbose: bool) -> str:
    if not checkpoint:
        return "none yet"
    where = f", {checkpoint['uri']}" if is_verbose else ""
    return f"step {checkpoint['step']}, saved {_age(checkpoint['saveTime'], now)} ago{where}"


def _cost(cost: Mapping[str, Any] | None) -> str:
    if not cost:
        return "nothing yet"
    hours = f"{cost['acceleratorSeconds'] / 3600:.2f} accelerator hours in attempts that ended"
    return (
        f"{cost['amount']} {cost['currency']} ({hours})" if "amount" in cost else f"{hours}; prices: {NOT_CONFIGURED}"
    )


def _fields(part: Mapping[str, Any] | None) -> str:
    return ", ".join(f"{name} {value}" for name, value in part.items()) if part else NOT_CONFIGURED


def _base(spec: Mapping[str, Any]) -> str:
    base = spec.get("base") or {}
    if "cloneRef" in base:
        return f"the clone {base['cloneRef']['name']}"
    return base.get("bundleURI") or "none: trained from scratch"


def _consents(
    spec: Mapping[str, Any], status: Mapping[str, Any], consents: Mapping[str, Any] | str, now: datetime
) -> list[tuple[str, str]]:
    pinned = {pin["name"] for pin in status.get("consents") or []}
    rows = []
    for speaker in spec.get("speakers") or []:
        name = (speaker.get("consentRef") or {}).get("name")
        if name is None:
            rows.append(f"{speaker['name']}: none named")
            continue
        state = "accepted" if name in pinned else "not accepted yet"
        if isinstance(consents, str):
            state += f"; {consents}" if consents else ""
        elif name not in consents:
            state += "; there is no such VoiceConsent"
        else:
            found = consents[name]["spec"]
            is_over = _time(found["expirationTime"]) <= now
            state += ", REVOKED" if found.get("revoked") else ""
            state += f", {'ENDED' if is_over else 'ends'} {found['expirationTime'][:10]}"
        rows.append(f"{speaker['name']}: {name} ({state})")
    return [("Consents" if i == 0 else "", row) for i, row in enumerate(rows)]


def _serving(spec: Mapping[str, Any], status: Mapping[str, Any]) -> str:
    """What is asked for, and what it came to: a wish that cannot be followed leaves the champion before."""
    if not spec.get("serving"):
        return NOT_CONFIGURED
    found = status.get("serving") or {}
    parts = [f"version {found['champion']}"] if found else ["not served"]
    if "candidate" in found:
        parts.append(f"{found['canaryPercent']} % of the requests to version {found['candidate']}")
    if "previous" in found:
        parts.append(f"version {found['previous']} before")
    return f"{', '.join(parts)}; {_fields(spec['serving'])}"


def _figures(status: Mapping[str, Any]) -> str:
    found = status.get("metrics") or []
    return ", ".join(f"{metric['name']} {metric['value']}" for metric in found) if found else "not evaluated yet"


def _conditions(conditions: Mapping[str, Any], now: datetime, is_verbose: bool) -> list[str]:
    shown = [
        each for each in conditions.values() if is_verbose or each["status"] != "Unknown" or each["reason"] != "NotYet"
    ]
    if not shown:
        return ["  none yet"]
    return [
        f"  {each['type']:<10} {each['status']:<8} {each['reason']:<18} {each['message']}".rstrip()
        + (f" (since {_age(each['lastTransitionTime'], now)})" if is_verbose else "")
        for each in shown
    ]


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _age(text: str, now: datetime) -> str:
    return _span(max(0.0, (now - _time(text)).total_seconds()))


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.0f} d"
