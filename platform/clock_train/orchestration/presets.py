"""Presets: what a person names instead of thirty numbers; each is an experiment of ``conf/``, read when asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from clock_train.config.experiment import ExperimentConfig, load_config
from clock_train.errors import ConfigError
from clock_train.models.voice import VoiceConfig
from clock_train.orchestration.card_facts import is_gpu
from clock_train.training.run import TrainingConfig

NAMES = ("Demo", "Base", "Basic", "Professional", "Pretrain")


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A model and how it is trained."""

    name: str
    purpose: str
    model: Callable[[], VoiceConfig]
    training: TrainingConfig


def usual_preset(device: str = "auto") -> str:
    """What a fine-tune takes where none is named: the teacher's losses on a GPU, what a CPU can afford without one."""
    return "Basic" if is_gpu(device) else "Demo"


class Presets(dict[str, Preset]):
    """The presets that were asked for, by name."""

    def __missing__(self, name: str) -> Preset:
        if name not in NAMES:
            raise KeyError(name)
        return self.setdefault(name, _preset(load_config(name)))


PRESETS = Presets()


def preset(name: str) -> Preset:
    """The preset of a name, whatever its capitals.

    Raises:
        ConfigError: no such preset.
    """
    for known in (*NAMES, *PRESETS):
        if known.lower() == name.lower():
            return PRESETS[known]
    raise ConfigError(f'there is no preset "{name}"; choose one of {", ".join(NAMES)}')


def preset_of(config: ExperimentConfig) -> str:
    """Make a configuration known in this process, and return the name that a `TrainRequest` takes."""
    name = f"{config.name} as configured"
    PRESETS[name] = _preset(config)
    return name


def _preset(config: ExperimentConfig) -> Preset:
    return Preset(name=config.name, purpose=config.purpose, model=lambda: config.model, training=config.training)


def for_fine_tuning(training: TrainingConfig, *, has_discriminators: bool) -> TrainingConfig:
    """The same training, started from a base: decoder and alignment are there, so no hearing phase."""
    schedule = replace(training.schedule, hearing_steps=0, detach_prior_steps=0)
    if schedule.contest_from_step is not None:
        schedule = replace(schedule, contest_from_step=0 if has_discriminators else 500)
    return replace(training, schedule=schedule)
