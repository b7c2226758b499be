"""How much of a clone's budget is used on this machine.

A worker of any class counts as one accelerator. In a cluster the operator counts what pods used, and this is a second
guard; on a laptop it is the only one.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from clock_train.config.experiment import BudgetConfig
from clock_train.errors import BudgetSpent

USAGE_NAME = "usage.json"


class BudgetWatch:
    """Counts from its making; what earlier starts in the same folder used is added.

    A start that was killed with -9 is not counted.
    """

    def __init__(
        self, budget: BudgetConfig, workers: int, folder: Path, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._budget, self._workers, self._path, self._now = budget, max(1, workers), folder / USAGE_NAME, now
        self._began = now()
        self._before = _read(self._path)

    @property
    def accelerator_seconds(self) -> float:
        """Workers times seconds, of all starts."""
        return self._before + self._workers * (self._now() - self._began)

    def spent(self) -> str | None:
        """Which limit is reached, in words; None while there is room."""
        hours, seconds = self._budget.max_accelerator_hours, self._budget.active_deadline_s
        if hours is not None and self.accelerator_seconds >= hours * 3_600:
            return f"spec.budget.maxAcceleratorHours ({hours:g})"
        if seconds is not None and self._now() - self._began >= seconds:
            return f"spec.budget.activeDeadlineSeconds ({seconds})"
        return None

    def check(self) -> None:
        """Raises ``BudgetSpent`` where a limit is reached."""
        limit = self.spent()
        if limit is not None:
            raise BudgetSpent(f"{limit} is used up; what was trained is saved. Raise it and start again to go on")

    def write(self) -> None:
        """Remember what was used, for the next start."""
        self._path.write_text(json.dumps({"acceleratorSeconds": round(self.accelerator_seconds, 1)}), encoding="utf-8")


def _read(path: Path) -> float:
    try:
        return float(json.loads(path.read_text(encoding="utf-8"))["acceleratorSeconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0
