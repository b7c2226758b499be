"""What the judges said of the gate: as a condition of the version that is trained, and for each that may be served."""

from __future__ import annotations

from voiceclone_operator.conditions import Seen
from voiceclone_operator.facts import Facts

BAD = {"Missed", "JudgeMissing"}
MISSED, JUDGE_MISSING = "GateMissed", "JudgeMissing"


def gate_now(facts: Facts) -> Seen | None:
    """What the job's judges say in its letter; None where it has not come to that."""
    lines = facts.letter.values.get("gate")
    if not facts.is_told or not isinstance(lines, list) or not facts.letter.metrics:
        return None
    bad = [line for line in lines if isinstance(line, dict) and line.get("reason") in BAD]
    if not bad:
        return Seen("True", "GatePassed" if lines else "Evaluated", "judged on held-out sentences; see status.metrics")
    reason = MISSED if any(line["reason"] == "Missed" for line in bad) else JUDGE_MISSING
    return Seen("True", reason, "; ".join(str(line.get("message", ""))[:300] for line in bad))


def gate_before(facts: Facts) -> Seen | None:
    """What the status says of the gate already: the mailbox speaks of the newest attempt only."""
    for condition in facts.observed.status.get("conditions") or []:
        if condition["type"] == "Evaluated" and condition["status"] != "Unknown":
            return Seen(condition["status"], condition["reason"], condition["message"])
    return None


def has_passed(facts: Facts) -> bool | None:
    """Of the version that has just finished; None where nobody said."""
    seen = gate_now(facts) or gate_before(facts)
    return None if seen is None else seen.reason not in (MISSED, JUDGE_MISSING)
