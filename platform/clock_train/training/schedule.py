"""The phases of a run, and when each begins.

Hearing first, then reading, then the contest: the decoder learns to speak what the posterior hears while the text
encoder only aligns; then prior and durations join; discriminators come last, and only where they can be afforded (86 %
of such a step on a CPU).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from clock_train.errors import ConfigError


class Phase(Enum):
    """What a step trains."""

    HEARING = "hearing"
    """Posterior and decoder on short crops; the text encoder aligns by its mel head."""
    READING = "reading"
    """All of the generator, on whole clips."""
    CONTEST = "contest"
    """The same, against the discriminators."""


@dataclass(frozen=True, kw_only=True)
class ScheduleConfig:
    """Steps at which phases begin; a fine-tune from a base usually starts with ``hearing_steps = 0``."""

    hearing_steps: int = 600
    contest_from_step: int | None = None
    """None: no discriminators in this run."""
    detach_prior_steps: int = 10_000
    """Until this step the prior reads a detached text encoder, whose only teacher is then the mel head: with the
    prior's gradient in it from the start, alignment collapsed."""
    freeze_durations_at_step: int | None = None
    """From here each clip keeps the durations found by then; no search any more."""

    def __post_init__(self) -> None:
        if self.hearing_steps < 0:
            raise ConfigError(f"training.schedule.hearing_steps is {self.hearing_steps}; give 0 or more")
        if self.contest_from_step is not None and self.contest_from_step < self.hearing_steps:
            raise ConfigError(
                f"training.schedule.contest_from_step ({self.contest_from_step}) lies before the end of hearing "
                f"({self.hearing_steps}); discriminators judge speech, so let the decoder learn to speak first"
            )

    def phase(self, step: int) -> Phase:
        """The phase of a step, counted from 0."""
        if step < self.hearing_steps:
            return Phase.HEARING
        if self.contest_from_step is not None and step >= self.contest_from_step:
            return Phase.CONTEST
        return Phase.READING
