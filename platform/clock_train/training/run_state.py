"""The numbers of a run that are no tensors; saved with each checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, field

from clock_train.training.batching import SamplerPosition


@dataclass
class RunState:
    """The numbers of a run that are no tensors."""

    step: int = 0
    cpu_seconds: float = 0.0
    """Process CPU time spent in steps, over all resumptions; what a CPU budget is counted in."""
    position: SamplerPosition = field(default_factory=SamplerPosition)
    best_score: float | None = None
    best_step: int | None = None
    validations_without_gain: int = 0
    ema_updates: int = 0
    generator_norms: list[float] = field(default_factory=list)
    discriminator_norms: list[float] = field(default_factory=list)
    fingerprint: str = ""
    """Of model, vocabulary and speakers; a checkpoint of another model is refused."""
