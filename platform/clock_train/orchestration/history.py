"""What a run did, as one JSON object a line: curves for the report, and for whoever wants to look."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from clock_train.orchestration.history_file import read_history
from clock_train.training.loop import StepReport, scores_row

WRITE_EVERY = 10
"""Steps a line; each holds the means of its steps."""


class History:
    """Appends to a file; a run that goes on from a checkpoint first drops the lines after it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._waiting: list[StepReport] = []

    def go_back_to(self, step: int) -> None:
        """Forget what came after a step."""
        kept = [row for row in read_history(self.path) if row["step"] <= step]
        self.path.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
        self._waiting = []

    def add(self, report: StepReport) -> dict[str, Any] | None:
        """Take one step's figures; the line that was written, if this step completed one."""
        self._waiting.append(report)
        if len(self._waiting) < WRITE_EVERY and report.validation is None and not report.saved_seconds:
            return None
        steps, self._waiting = self._waiting, []
        names = sorted({name for step in steps for name in step.terms})
        row: dict[str, Any] = {
            "step": report.step,
            "phase": report.phase,
            "cpu_seconds": round(report.cpu_seconds, 2),
            "learning_rate": report.learning_rate,
            "step_seconds": sum(step.step_seconds for step in steps) / len(steps),
            "data_seconds": sum(step.data_seconds for step in steps) / len(steps),
            "saved_seconds": sum(step.saved_seconds for step in steps),
            "terms": {name: _mean([step.terms[name] for step in steps if name in step.terms]) for name in names},
        }
        if report.validation is not None:
            row["validation"] = scores_row(report.validation)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        return row


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
