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
        if kind in NORMALLY_FALSE and not claim:
            continue
        message = condition["message"] or f"{kind} is {condition['status']}"
        events.append(Event("Warning" if bad else "Normal", condition["reason"], message[:1_024]))
    before = {entry["number"]: entry for entry in observed.status.get("attempts", [])}
    for attempt in status["attempts"]:
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
