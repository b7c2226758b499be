"""Stops a run whose loss has become useless, and says which term and where to go on from."""

from __future__ import annotations

import math
from collections.abc import Mapping

from clock_train.errors import TrainingDiverged

PATIENT_STEPS = 50
"""A term's first steps may be wild, whenever it joins."""
RUNAWAY = 20.0
"""Times the running mean."""
STRIKES = 5
"""Runaway steps in a row before the run is stopped."""


class LossWatch:
    """Looks at each step's terms."""

    def __init__(self) -> None:
        self._mean: dict[str, float] = {}
        self._seen: dict[str, int] = {}
        self._strikes: dict[str, int] = {}

    def look(self, step: int, terms: Mapping[str, float], *, last_good: str | None) -> None:
        """Check one step.

        Raises:
            TrainingDiverged: a term is not a number, or stayed far above its running mean.
        """
        for name, value in terms.items():
            if not math.isfinite(value):
                raise TrainingDiverged(self._message(step, name, f"became {value}", last_good))
            if name == "gradient_norm":
                continue
            seen, mean = self._seen.get(name, 0), self._mean.get(name, 0.0)
            runaway = seen >= PATIENT_STEPS and abs(value) > RUNAWAY * max(abs(mean), 1e-3)
            self._strikes[name] = self._strikes.get(name, 0) + 1 if runaway else 0
            if self._strikes[name] >= STRIKES:
                reason = f"is {value:.3g} against a running mean of {mean:.3g}, for {STRIKES} steps"
                raise TrainingDiverged(self._message(step, name, reason, last_good))
            if not runaway:
                self._mean[name] = value if seen == 0 else 0.98 * mean + 0.02 * value
                self._seen[name] = seen + 1

    @staticmethod
    def _message(step: int, name: str, what: str, last_good: str | None) -> str:
        goes_on = f"the last good checkpoint is {last_good}" if last_good else "no checkpoint had been written yet"
        return (
            f'at step {step} the loss term "{name}" {what}; {goes_on}. Lower the learning rate (half is a good try) '
            "and run again: it goes on from there"
        )
