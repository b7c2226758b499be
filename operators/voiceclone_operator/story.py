"""The events of a clone: what a status says for the first time."""

from __future__ import annotations

from typing import Any

from voiceclone_operator.actions import Event
from voiceclone_operator.attempts import Ended
from voiceclone_operator.conditions import NORMALLY_FALSE, changes
from voiceclone_operator.observed import Observed


def events_of(observed: Observed, status: dict[str, Any]) -> list[Event]:
    """One for each claim that is new; a warning for what a person should act on."""
    events = []
    for condition in changes(observed.status.get("conditions") or [], status["conditions"]):
        if condition["status"] == "Unknown":
            continue
        kind, claim = condition["type"], condition["status"] == "True"
        bad = (kind == "Failed" and claim) or (kind in ("Accepted", "DataReady") and not claim)
        if kind == "Served" and not claim:
            if condition["reason"] in ("NotWanted", "NothingToServe"):
                continue
            bad = True
        if (kind in NORMALLY_FALSE and not claim) or condition["reason"] == "NotRevoked":
            continue
        bad = bad or condition["reason"] in ("RetrainBy", "ErasureFailed", "CredentialMissing")
        message = condition["message"] or f"{kind} is {condition['status']}"
        events.append(Event("Warning" if bad else "Normal", condition["reason"], message[:1_024]))
    events += _promotions(observed.status.get("serving") or {}, status.get("serving") or {})
    before = {entry["number"]: entry for entry in observed.status.get("attempts", [])}
    for attempt in status.get("attempts") or []:
        old = before.get(attempt["number"], {})
        if attempt.get("starts", 1) > old.get("starts", 1):
            events.append(
                Event(
                    "Warning",
                    "JobRestarted",
                    f"attempt {attempt['number']} was started again by Ray; it goes on from its newest checkpoint",
                )
            )
        if "reason" in attempt and "reason" not in old and attempt["reason"] == Ended.LOST:
            events.append(
                Event(
                    "Warning",
                    Ended.LOST,
                    f"attempt {attempt['number']} lost its capacity: {attempt.get('message', '')}",
                )
            )
    return events


def _promotions(before: dict[str, int], after: dict[str, int]) -> list[Event]:
    """What the aliases of the voice mean from now on, where that is something else."""
    events = []
    if after.get("champion") not in (None, before.get("champion")):
        earlier = f"; version {after['previous']} was it before" if "previous" in after else ""
        events.append(Event("Normal", "Promoted", f"version {after['champion']} is the champion{earlier}"))
    canary = ("candidate", "canaryPercent")
    if [before.get(name) for name in canary] != [after.get(name) for name in canary]:
        told = f"version {after['candidate']} gets {after['canaryPercent']} of 100" if "candidate" in after else "ended"
        events.append(Event("Normal", "Canary", f"canary: {told}"))
    return events
