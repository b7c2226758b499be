"""Several systems on the same sentences: a table of their figures, the best of each column marked.

Sentences and judges are the same for all, so figures can be compared; what one system did not speak is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clock_train.evaluation import figures
from clock_train.evaluation.better_row import better_row
from clock_train.evaluation.figures import EvaluationReport, Metric, Row, Subject

COLUMNS = (
    figures.SIMILARITY,
    figures.WORD_ERRORS,
    figures.PHONE_ERRORS,
    figures.MISMATCH,
    figures.MCD_WARPED,
    figures.F0,
    figures.DURATION,
    figures.DNSMOS_OVERALL,
)
RECORDINGS = "the recordings"
SAYING_NOTHING = ("voice", "held-out", "wavs")
"""Last parts of folders that are called the same in every run."""


@dataclass(frozen=True, kw_only=True)
class Entrant:
    """One system: what it is called, and what the judges said."""

    name: str
    report: EvaluationReport

    @property
    def num_missing(self) -> int:
        """Sentences without a sound that could be judged."""
        return sum(each.subject is Subject.SPEECH and each.metric == figures.MEL.name for each in self.report.failures)


@dataclass(frozen=True, kw_only=True)
class Leaderboard:
    """The first entrant is the one that the others are set against."""

    entrants: Sequence[Entrant]

    @property
    def columns(self) -> list[Metric]:
        """Metrics that a judge gave for at least one of them."""
        return [metric for metric in COLUMNS if any(_value(_row(each, metric)) is not None for each in self.entrants)]

    def row(self, entrant: Entrant, metric: Metric) -> Row | None:
        """The figure of a system's speech, with its interval."""
        return _row(entrant, metric)

    def best(self, metric: Metric) -> Entrant | None:
        """Who has the best figure, whether or not the intervals overlap."""
        scored = [(each, value) for each in self.entrants if (value := _value(_row(each, metric))) is not None]
        if not scored:
            return None
        if metric.better == "near 1":
            return min(scored, key=lambda one: abs(one[1] - 1))[0]
        return (max if metric.better == "higher" else min)(scored, key=lambda one: one[1])[0]

    def against_first(self, entrant: Entrant, metric: Metric) -> str:
        """``better`` or ``worse`` than the first beyond the 95 % intervals; empty where they overlap."""
        if entrant is self.entrants[0]:
            return ""
        found = better_row(metric, _row(self.entrants[0], metric), _row(entrant, metric))
        return "" if found is None else ("worse", "better")[found]

    def recordings(self, metric: Metric) -> float | None:
        """What the recordings themselves score: measured, or the ceiling of the row."""
        report = self.entrants[0].report
        natural = _value(report.row(metric, Subject.NATURAL))
        spoken = _row(self.entrants[0], metric)
        return natural if natural is not None else None if spoken is None else spoken.ceiling

    def as_json(self) -> dict[str, object]:
        """Plain values."""
        return {
            "columns": [metric.name for metric in self.columns],
            "recordings": {metric.name: self.recordings(metric) for metric in self.columns},
            "best": {metric.name: best.name for metric in self.columns if (best := self.best(metric)) is not None},
            "systems": [
                {
                    "name": each.name,
                    "missing": each.num_missing,
                    "figures": {metric.name: _plain(_row(each, metric)) for metric in self.columns},
                    "againstFirst": {
                        metric.name: said for metric in self.columns if (said := self.against_first(each, metric))
                    },
                }
                for each in self.entrants
            ],
        }


def names_of(folders: Sequence[Path]) -> list[str]:
    """A short name for each: its last part, as much before it as tells them apart, and a number for the same again."""
    names: list[str] = []
    for folder in folders:
        parts = folder.absolute().parts
        others = [other.absolute().parts for other in folders if other.absolute() != folder.absolute()]
        least = 2 if parts[-1] in SAYING_NOTHING else 1
        depth = next(
            (n for n in range(least, len(parts)) if all(other[-n:] != parts[-n:] for other in others)), len(parts)
        )
        name = "/".join(parts[-depth:])
        again = sum(before == folder.absolute() for before in map(Path.absolute, folders[: len(names)]))
        names.append(f"{name} ({again + 1})" if again else name)
    return names


def _row(entrant: Entrant, metric: Metric) -> Row | None:
    return entrant.report.row(metric, Subject.SPEECH)


def _value(row: Row | None) -> float | None:
    return None if row is None else row.value


def _plain(row: Row | None) -> dict[str, float | int | None]:
    return (
        {"value": None}
        if row is None or row.value is None
        else {"value": row.value, "low": row.low, "high": row.high, "sentences": row.num_items}
    )
