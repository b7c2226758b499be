"""Budgets and deadlines of a clone against what was used and the time."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from voiceclone_operator.attempts import Ended
from voiceclone_operator.facts import Facts
from voiceclone_operator.figures import accelerator_seconds
from voiceclone_operator.observed import time_of


def over_budget(facts: Facts, attempt: dict[str, Any] | None) -> str | None:
    """Reason where the budget is used up, with the attempt that runs; None while there is room."""
    budget = facts.spec.budget if facts.spec is not None else None
    if budget is None:
        return None
    running = accelerator_seconds(attempt, facts.now) if attempt is not None else 0
    seconds = facts.seconds + running
    if budget.max_accelerator_hours is not None and seconds >= budget.max_accelerator_hours * 3_600:
        return Ended.BUDGET
    price = facts.accepted.accelerator.price_per_hour if facts.accepted is not None else None
    if (
        budget.max_cost is not None
        and price is not None
        and Decimal(seconds) * Decimal(price) >= Decimal(budget.max_cost) * 3_600
    ):
        return Ended.BUDGET
    return None


def over_deadline(facts: Facts, attempt: dict[str, Any]) -> str | None:
    """Reason where an attempt waited or ran too long; None while it may go on."""
    assert facts.spec is not None
    budget = facts.spec.budget
    made, began = time_of(attempt.get("createTime")), time_of(attempt.get("startTime"))
    if budget is None or made is None:
        return None
    if began is None:
        limit = budget.pending_deadline_seconds
        is_over = limit is not None and facts.now >= made + timedelta(seconds=limit)
        return Ended.PENDING_DEADLINE if is_over else None
    limit = budget.active_deadline_seconds
    is_over = limit is not None and facts.now >= began + timedelta(seconds=limit)
    return Ended.ACTIVE_DEADLINE if is_over else None


def is_deadline_raised(facts: Facts, last: dict[str, Any]) -> bool:
    """Whether the deadline that ended an attempt allows more by now."""
    budget = facts.spec.budget if facts.spec is not None else None
    ended = time_of(last.get("completionTime"))
    limits = {
        Ended.ACTIVE_DEADLINE: (budget.active_deadline_seconds if budget else None, last.get("startTime")),
        Ended.PENDING_DEADLINE: (budget.pending_deadline_seconds if budget else None, last.get("createTime")),
    }
    if last.get("reason") not in limits or ended is None:
        return False
    limit, since = limits[Ended(last["reason"])]
    began = time_of(since)
    return limit is None or (began is not None and began + timedelta(seconds=limit) > ended)
