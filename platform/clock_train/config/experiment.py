"""One experiment: a model, how it is trained, on what and at what cost, as dataclasses that nothing changes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clock_train.config.checking import plain, typed
from clock_train.config.composing import BROKEN_VALUES, Overrides, compose
from clock_train.errors import ConfigError, ConfigOutdated, ConfigValueInvalid
from clock_train.models.voice import VoiceConfig
from clock_train.training.distill import DistillConfig
from clock_train.training.run import TrainingConfig

SCHEMA_VERSION = 1
CHANGES = {
    1: "presets became experiments of conf/; replace `preset: Basic` by `schema_version: 1` and the experiment basic"
}
"""Schema version → what changed with it and how to mend an older configuration."""


@dataclass(frozen=True, kw_only=True)
class ComputeConfig:
    """Where a training runs."""

    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    workers: int = 0
    """Processes that share each batch; 0 trains in this one."""
    min_workers: int | None = None
    """Fewest workers to go on with when some are lost; None needs all."""

    def __post_init__(self) -> None:
        name, _, number = self.device.partition(":")
        if name not in ("auto", "cpu", "cuda") or (":" in self.device and (name != "cuda" or not number.isdigit())):
            raise ConfigError(f"compute.device is {self.device!r}; give auto, cpu, cuda or cuda:N")
        if self.workers < 0:
            raise ConfigError(f"compute.workers is {self.workers}; give 0 or more")
        if self.min_workers is not None and not 1 <= self.min_workers <= max(1, self.workers):
            raise ConfigError(
                f"compute.min_workers is {self.min_workers}; give 1 to compute.workers ({self.workers}), or null"
            )


@dataclass(frozen=True, kw_only=True)
class PassesConfig:
    """Lengths in passes over the training clips; they become steps once the number of clips is known."""

    epochs: int | None = None
    """Sets training.max_steps."""
    checkpoint_every_epochs: int | None = None
    """Sets training.checkpoint_every."""

    def __post_init__(self) -> None:
        for name in ("epochs", "checkpoint_every_epochs"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f"passes.{name} is {value}; give 1 or more, or null")


@dataclass(frozen=True, kw_only=True)
class BudgetConfig:
    """What a run may cost at most; None sets no limit."""

    max_accelerator_hours: float | None = None
    max_cost: float | None = None
    """In the currency of the runtime."""
    active_deadline_s: int | None = None
    pending_deadline_s: int | None = None

    def __post_init__(self) -> None:
        for name in ("max_accelerator_hours", "max_cost", "active_deadline_s", "pending_deadline_s"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ConfigError(f"budget.{name} is {value}; give more than 0, or null")


@dataclass(frozen=True, kw_only=True)
class ExperimentConfig:
    """Everything that a run is configured by."""

    name: str
    purpose: str
    schema_version: int = SCHEMA_VERSION
    model: VoiceConfig = field(default_factory=VoiceConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    compute: ComputeConfig = field(default_factory=ComputeConfig)
    passes: PassesConfig = field(default_factory=PassesConfig)
    budget: BudgetConfig = field(default_factory=BudgetConfig)
    distillation: DistillConfig = field(default_factory=DistillConfig)


def load_config(experiment: str, overrides: Overrides = ()) -> ExperimentConfig:
    """Compose and check an experiment.

    Args:
        experiment: a file of ``conf/experiment``, whatever its capitals.
        overrides: dotted keys and values, or ``key=value`` texts; ``compute`` and the other groups take a file's name.
    Raises:
        ConfigError: one of its leaves, for an unknown key, a value that cannot be, or an older schema.
    """
    return _experiment(compose(experiment, overrides))


def resolved(config: ExperimentConfig) -> dict[str, Any]:
    """Every value, as dicts, lists, numbers and strings."""
    return plain(config)


def write_params(config: ExperimentConfig, path: Path) -> None:
    """Write every value as YAML, whole or not at all; an equal file stays untouched."""
    import yaml

    text = yaml.safe_dump(resolved(config), sort_keys=False, allow_unicode=True)
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


def read_params(path: Path) -> ExperimentConfig:
    """What `write_params` wrote.

    Raises:
        ConfigError: no such file, no YAML in it, or one of the leaves that `load_config` raises.
    """
    import yaml

    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f'"{path}" cannot be read ({error.strerror}); write it with write_params') from error
    except (yaml.YAMLError, *BROKEN_VALUES) as error:
        raise ConfigError(f'"{path}" is not YAML; write it again with write_params') from error
    if not isinstance(values, Mapping):
        raise ConfigValueInvalid(f'"{path}" holds no configuration; write it again with write_params')
    return _experiment(dict(values))


def _experiment(values: dict[str, Any]) -> ExperimentConfig:
    written = values.get("schema_version", 0)
    if isinstance(written, int) and not isinstance(written, bool):
        if written < SCHEMA_VERSION:
            changes = "; ".join(f"{n}: {text}" for n, text in CHANGES.items() if n > written)
            raise ConfigOutdated(f"schema_version is {written}, this is {SCHEMA_VERSION}. What changed: {changes}")
        if written > SCHEMA_VERSION:
            raise ConfigValueInvalid(
                f"schema_version is {written}, this clock-train knows {SCHEMA_VERSION}; install a later clock-train"
            )
    return typed(ExperimentConfig, values)
