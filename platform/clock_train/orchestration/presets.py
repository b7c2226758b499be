"""Presets: what a person names instead of thirty numbers. Only what differs from the defaults is here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from clock_train.errors import ConfigError
from clock_train.models.student import student_config
from clock_train.models.teacher import teacher_config
from clock_train.models.voice import VoiceConfig
from clock_train.training.device_corpus import AugmentationConfig
from clock_train.training.generator_step import LossConfig
from clock_train.training.optimizers import OptimizerConfig
from clock_train.training.run import TrainingConfig
from clock_train.training.schedule import ScheduleConfig


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A model and how it is trained."""

    name: str
    purpose: str
    model: Callable[[], VoiceConfig]
    training: TrainingConfig


ARTICLE_AUGMENTATION = AugmentationConfig(noise_share=0.3, speed_copies=1)
"""Noise at 15 to 25 dB SNR and speed within 20 %, as the article advises."""

PRESETS = {
    "Demo": Preset(
        name="Demo",
        purpose="ten minutes of two cores: alignment and the voice's colour, not yet intelligible speech",
        model=student_config,
        training=TrainingConfig(
            max_steps=20_000,
            max_cpu_seconds=600.0,
            checkpoint_every=200,
            # docs/adr/0002: a softer divergence keeps the resynthesis near the recording; the shorter window buys
            # steps, and what it costs is not measured yet
            loss=LossConfig(kl=0.2, window_frames=64),
            schedule=ScheduleConfig(hearing_steps=800),
        ),
    ),
    "Basic": Preset(
        name="Basic",
        purpose="10 to 30 minutes of recordings, one GPU",
        model=teacher_config,
        training=TrainingConfig(
            batch_size=32,
            max_steps=20_000,
            checkpoint_every=500,
            patience=10,
            optimizer=OptimizerConfig(learning_rate=2e-4, decay_per_step=0.99995),
            schedule=ScheduleConfig(hearing_steps=1_000, contest_from_step=2_000, freeze_durations_at_step=5_000),
            augmentation=ARTICLE_AUGMENTATION,
        ),
    ),
    "Professional": Preset(
        name="Professional",
        purpose="two hours of recordings or more, one GPU or several",
        model=teacher_config,
        training=TrainingConfig(
            batch_size=32,
            max_steps=100_000,
            checkpoint_every=1_000,
            patience=15,
            optimizer=OptimizerConfig(learning_rate=2e-4, decay_per_step=0.99998),
            schedule=ScheduleConfig(hearing_steps=2_000, contest_from_step=4_000, freeze_durations_at_step=20_000),
            augmentation=ARTICLE_AUGMENTATION,
        ),
    ),
    "Pretrain": Preset(
        name="Pretrain",
        purpose="many speakers, one data-centre GPU: the base that others are fine-tuned from",
        model=teacher_config,
        training=TrainingConfig(
            batch_size=64,
            max_steps=200_000,
            checkpoint_every=1_000,
            optimizer=OptimizerConfig(learning_rate=4e-4, decay_per_step=0.99998),
            schedule=ScheduleConfig(hearing_steps=2_000, contest_from_step=4_000, freeze_durations_at_step=20_000),
            augmentation=ARTICLE_AUGMENTATION,
        ),
    ),
}


def preset(name: str) -> Preset:
    """The preset of a name, whatever its capitals.

    Raises:
        ConfigError: no such preset.
    """
    for known in PRESETS.values():
        if known.name.lower() == name.lower():
            return known
    raise ConfigError(f'there is no preset "{name}"; choose one of {", ".join(PRESETS)}')


def for_fine_tuning(training: TrainingConfig, *, has_discriminators: bool) -> TrainingConfig:
    """The same training, started from a base: decoder and alignment are there, so no hearing phase."""
    schedule = replace(training.schedule, hearing_steps=0, detach_prior_steps=0)
    if schedule.contest_from_step is not None:
        schedule = replace(schedule, contest_from_step=0 if has_discriminators else 500)
    return replace(training, schedule=schedule)
