"""Whether what was measured is what was wanted, as a table for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clock_train.errors import ConfigError
from clock_train.evaluation.figures import (
    ALL_STYLES,
    METRICS,
    SYNTHETIC_PHONE_ERRORS,
    EvaluationReport,
    Row,
    Subject,
)


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a figure should reach: at least, or at most."""

    metric: str
    subject: Subject
    at_least: float | None = None
    at_most: float | None = None

    def __post_init__(self) -> None:
        if self.metric == SYNTHETIC_PHONE_ERRORS.name:
            raise ConfigError(
                f"{self.metric} cannot have a target: its judge learnt from another synthesiser. Name another figure"
            )


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A measured figure beside its target, as the table for people shows it."""

    title: str
    measured: float | None
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None
    note: str = ""
    """Interval, floor and ceiling, or why there is no figure."""

    @property
    def is_met(self) -> bool | None:
        """None where there is no target; a figure that could not be measured is not met."""
        if self.at_least is None and self.at_most is None:
            return None
        if self.measured is None:
            return False
        return (self.at_least is None or self.measured >= self.at_least) and (
            self.at_most is None or self.measured <= self.at_most
        )


def figures(report: EvaluationReport, targets: Sequence[Target] = ()) -> list[Figure]:
    """All rows over all styles, those with a target first; a target that was not measured shows as missed."""
    shown = [_figure(row, _target(targets, row)) for row in report.rows if row.style == ALL_STYLES]
    for target in targets:
        if report.row(target.metric, target.subject) is None:
            row = Row(metric=target.metric, subject=target.subject, unavailable="not measured")
            shown.append(_figure(row, target))
    return sorted(shown, key=lambda figure: figure.is_met is None)


def _target(targets: Sequence[Target], row: Row) -> Target | None:
    return next((target for target in targets if (target.metric, target.subject) == (row.metric, row.subject)), None)


def _figure(row: Row, target: Target | None) -> Figure:
    metric = METRICS[row.metric]
    return Figure(
        title=f"{metric.title}: {row.subject.value}",
        measured=row.value,
        unit=metric.unit,
        at_least=target.at_least if target else None,
        at_most=target.at_most if target else None,
        note=_note(row),
    )


def _note(row: Row) -> str:
    if row.value is None:
        return f"not available: {row.unavailable}"
    parts = []
    if row.low is not None and row.high is not None:
        parts.append(f"95 % interval {row.low:.3f} to {row.high:.3f}")
    if row.floor is not None:
        parts.append(f"floor {row.floor:.3f}")
    if row.ceiling is not None:
        parts.append(f"ceiling {row.ceiling:.3f}")
    if row.num_failed:
        parts.append(f"{row.num_failed} of {row.num_items + row.num_failed} sentences without a score")
    if row.unavailable:
        parts.append(f"of those not available: {row.unavailable}")
    return ", ".join(parts)
