"""The condition Tracked: whether MLflow takes what the job has to tell. It never keeps a voice from being Ready."""

from __future__ import annotations

import re

from voiceclone_operator.conditions import Seen
from voiceclone_operator.facts import Facts

CODE = re.compile(r"(?P<code>Tracking[A-Za-z]{1,40}): ")
"""Of a job's error: the job is not trusted with the reason of a condition."""
COSTS_NOTHING = "training goes on and the voice does not need it"


def tracked(facts: Facts) -> Seen:
    """From the job's letter; without a letter of this attempt, what was known before."""
    if facts.accepted is not None and facts.accepted.runtime.tracking is None:
        return Seen("Unknown", "NotTracked", "the runtime names no `tracking`")
    values = facts.letter.values if facts.is_told else {}
    error = values.get("trackingError")
    if isinstance(error, str) and error:
        named = CODE.match(error)
        return Seen("False", named["code"] if named else "TrackingError", f"{error[:1_500]}; {COSTS_NOTHING}")
    if isinstance(values.get("trackingRun"), str):
        return Seen("True", "Tracked", "see status.tracking")
    for condition in facts.observed.status.get("conditions") or []:
        if condition["type"] == "Tracked":
            return Seen(condition["status"], condition["reason"], condition["message"])
    return Seen("Unknown", "NotYet", "no run was made in MLflow yet")
