"""Distillation: what a student learns from its teacher besides what the recordings say.

The loop is ``fit`` and the student's own losses stay: ``lessons`` bring the teacher's durations, which take the place
of the search, and two terms more. The teacher's prior, frame by frame, becomes the student's; and on sentences that the
teacher spoke from its mean, the student must speak the same sound by the path that it will speak by, from text alone.
That path is free of the chance which recordings have, so its sound can be compared frame by frame.
Source: Hinton et al., Distilling the Knowledge in a Neural Network (2015); sequences spoken by the teacher after Kim
and Rush (2016) and Ren et al., FastSpeech (2019).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from clock_train.errors import ConfigError
from clock_train.models.student import student_config
from clock_train.models.voice import VoiceConfig
from clock_train.training.lessons import LessonConfig
from clock_train.training.run import TrainingConfig

MOST_PARAMETERS = 5_500_000
"""Of a student at synthesis."""


@dataclass(frozen=True, kw_only=True)
class DistillConfig:
    """The student, how it is trained, and how much its teacher speaks for it."""

    student: VoiceConfig = field(default_factory=student_config)
    """Sound settings are taken from the teacher."""
    training: TrainingConfig = field(default_factory=TrainingConfig)
    """As of any training, but that the text encoder hears the prior from the first step: durations are known."""
    sentences: int = 2_000
    """Texts that the teacher speaks: those of the corpus, then new ones of their parts, or those of a text file."""
    lesson: LessonConfig = field(default_factory=LessonConfig)
    cache_mib: int = 2_048
    """Most room on disk for what the teacher spoke; fewer sentences where it is too small."""
    noise_scale: float = 0.0
    """How much of the prior's spread the teacher speaks with; above 0 its speech is no function of the text alone."""

    def __post_init__(self) -> None:
        if self.sentences < 1:
            raise ConfigError(f"distillation.sentences is {self.sentences}; give 1 or more")
        if self.cache_mib < 1:
            raise ConfigError(f"distillation.cache_mib is {self.cache_mib}; give 1 or more")
        if not 0 <= self.noise_scale <= 1:
            raise ConfigError(f"distillation.noise_scale is {self.noise_scale}; give 0 to 1")
