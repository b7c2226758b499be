"""A VoiceClone as an experiment and a fixed list of configuration keys.

Nothing of a manifest becomes a key or an override by itself: each field that reaches the configuration has its line
here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clock_train.config.composing import choices, nearest
from clock_train.crd.v1alpha1 import VoiceCloneSpec
from clock_train.errors import ConfigValueInvalid

COMPUTE_OF_CLASS = {"nvidia-t4": "t4", "nvidia-a100": "a100", "cpu": "cpu"}
"""Accelerator class → file of ``conf/compute``."""
AUGMENTED_SHARE = 0.3
"""Share of noisy clips where a manifest asks for noise and its preset has none: what conf/training/article.yaml has."""
KEYS: dict[str, tuple[str, Callable[[Any], object]]] = {
    "training.seed": ("training.seed", int),
    "training.epochs": ("passes.epochs", int),
    "training.batch_size": ("training.batch_size", int),
    "training.learning_rate": ("training.optimizer.learning_rate", float),
    "training.checkpoint_every_epochs": ("passes.checkpoint_every_epochs", int),
    "training.augmentation.noise_snr_decibels.min": ("training.augmentation.noise_snr_min_db", float),
    "training.augmentation.noise_snr_decibels.max": ("training.augmentation.noise_snr_max_db", float),
    "training.augmentation.speed_percent": ("training.augmentation.speed_percent", float),
    "compute.accelerator_class_name": ("compute", str),
    "compute.workers": ("compute.workers", int),
    "compute.min_workers": ("compute.min_workers", int),
    "budget.max_accelerator_hours": ("budget.max_accelerator_hours", float),
    "budget.max_cost": ("budget.max_cost", float),
    "budget.active_deadline_seconds": ("budget.active_deadline_s", int),
    "budget.pending_deadline_seconds": ("budget.pending_deadline_s", int),
}
"""Field of the spec → key of the configuration, and what turns one into the other."""


def experiment_of(spec: VoiceCloneSpec) -> tuple[str, dict[str, object]]:
    """The experiment of a clone, and what its fields override; for ``load_config``.

    Raises:
        ConfigValueInvalid: the accelerator class has no configuration.
    """
    overrides: dict[str, object] = {}
    for field, (key, convert) in KEYS.items():
        value = _value_at(spec, field)
        if value is not None:
            overrides[key] = convert(value)
    if "compute" in overrides:
        overrides["compute"] = compute_of(str(overrides["compute"]))
    if spec.compute is not None and spec.compute.workers is None and spec.compute.min_workers is not None:
        overrides["compute.workers"] = 1
    _ask_for_augmentation(spec, overrides)
    return spec.preset.lower(), overrides


def compute_of(class_name: str) -> str:
    """The compute configuration of an accelerator class.

    Raises:
        ConfigValueInvalid: there is none.
    """
    if class_name not in COMPUTE_OF_CLASS:
        known = list(COMPUTE_OF_CLASS)
        raise ConfigValueInvalid(
            f"spec.compute.acceleratorClassName is {class_name!r}; give one of {', '.join(known)}"
            f"{nearest(class_name, known)}"
        )
    assert COMPUTE_OF_CLASS[class_name] in choices("compute")
    return COMPUTE_OF_CLASS[class_name]


def _ask_for_augmentation(spec: VoiceCloneSpec, overrides: dict[str, object]) -> None:
    """A range means nothing where no clip is augmented, as in the preset Demo: asking for it switches it on."""
    augmentation = spec.training.augmentation if spec.training else None
    if augmentation is None:
        return
    if augmentation.speed_percent == 0:
        overrides["training.augmentation.speed_copies"] = 0
    if spec.preset != "Demo":
        return
    if augmentation.noise_snr_decibels is not None:
        overrides["training.augmentation.noise_share"] = AUGMENTED_SHARE
    if augmentation.speed_percent:
        overrides["training.augmentation.speed_copies"] = 1


def _value_at(spec: VoiceCloneSpec, field: str) -> Any:
    value: Any = spec
    for name in field.split("."):
        value = getattr(value, name, None)
    return value
