"""Conditions in Kubernetes' standard shape; a time moves only where the status flips, or writing would wake itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from clock_train.crd.v1alpha1 import CONDITIONS
from voiceclone_operator.observed import spelled

NORMALLY_FALSE = ("Suspended", "Failed")
MOST_OF_MESSAGE = 2_000


@dataclass(frozen=True)
class Seen:
    """What is claimed of one type."""

    status: str
    """True, False or Unknown."""
    reason: str
    message: str = ""


UNKNOWN = Seen("Unknown", "NotYet", "not looked at yet")


def build(
    seen: Mapping[str, Seen], before: list[dict[str, Any]], generation: int, now: datetime
) -> list[dict[str, Any]]:
    """All types that there are, those that nobody claims anything of as Unknown."""
    old = {condition["type"]: condition for condition in before}
    return [_condition(name, seen.get(name, UNKNOWN), old.get(name), generation, now) for name in CONDITIONS]


def changes(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Conditions whose status or reason is another one than before."""
    old = {condition["type"]: (condition["status"], condition["reason"]) for condition in before}
    return [c for c in after if old.get(c["type"], ("Unknown", "NotYet")) != (c["status"], c["reason"])]


def _condition(name: str, seen: Seen, old: Mapping[str, Any] | None, generation: int, now: datetime) -> dict[str, Any]:
    since = old["lastTransitionTime"] if old is not None and old["status"] == seen.status else spelled(now)
    return {
        "type": name,
        "status": seen.status,
        "reason": seen.reason,
        "message": seen.message[:MOST_OF_MESSAGE],
        "observedGeneration": generation,
        "lastTransitionTime": since,
    }
