"""Which of two figures is better beyond chance: their 95 % intervals do not overlap."""

from __future__ import annotations

from clock_train.evaluation.figures import Metric, Row


def better_row(metric: Metric, first: Row | None, second: Row | None) -> int | None:
    """0 or 1; None where one of them has no figure or no interval, or the two intervals overlap."""
    if first is None or second is None or first.value is None or second.value is None:
        return None
    if first.low is None or first.high is None or second.low is None or second.high is None:
        return None
    if first.low <= second.high and second.low <= first.high:
        return None
    if metric.better == "near 1":
        return int(abs(first.value - 1) >= abs(second.value - 1))
    return int((first.value > second.value) != (metric.better == "higher"))
