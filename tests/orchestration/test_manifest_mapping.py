"""Every field of a clone that configures a training reaches the configuration, and no other text does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from clock_train.config.experiment import load_config
from clock_train.crd.reading import _model_of
from clock_train.crd.v1alpha1 import VoiceCloneSpec
from clock_train.errors import ConfigValueInvalid
from clock_train.orchestration.manifest_mapping import AUGMENTED_SHARE, COMPUTE_OF_CLASS, KEYS, experiment_of

SPEAKERS = [{"name": "anna", "corpus": {"uri": "corpora/anna"}}]


def spec(**fields: Any) -> VoiceCloneSpec:
    return VoiceCloneSpec.model_validate({"speakers": SPEAKERS, "preset": "Basic", **fields})


def leaves(kind: type[BaseModel], where: str) -> Iterator[str]:
    for name, field in kind.model_fields.items():
        inner = _model_of(field.annotation)
        yield from leaves(inner, f"{where}.{name}") if inner else [f"{where}.{name}"]


def test_every_field_of_training_compute_and_budget_is_mapped() -> None:
    fields = VoiceCloneSpec.model_fields
    wanted = [
        leaf
        for part in ("training", "compute", "budget")
        if (kind := _model_of(fields[part].annotation))
        for leaf in leaves(kind, part)
    ]
    assert sorted(wanted) == sorted(KEYS)


def test_a_full_clone_becomes_its_configuration() -> None:
    name, overrides = experiment_of(
        spec(
            preset="Professional",
            training={
                "seed": 7,
                "epochs": 500,
                "batchSize": 24,
                "learningRate": "1e-4",
                "checkpointEveryEpochs": 10,
                "augmentation": {"noiseSNRDecibels": {"min": 10, "max": 20}, "speedPercent": 5},
            },
            compute={"acceleratorClassName": "nvidia-t4", "workers": 2, "minWorkers": 1},
            budget={
                "maxAcceleratorHours": 8,
                "maxCost": "50.5",
                "activeDeadlineSeconds": 43_200,
                "pendingDeadlineSeconds": 3_600,
            },
        )
    )
    config = load_config(name, overrides)
    training, augmentation = config.training, config.training.augmentation
    assert (config.name, training.seed, training.batch_size) == ("Professional", 7, 24)
    assert training.optimizer.learning_rate == 1e-4
    assert (config.passes.epochs, config.passes.checkpoint_every_epochs) == (500, 10)
    assert (augmentation.noise_snr_min_db, augmentation.noise_snr_max_db, augmentation.speed_percent) == (10, 20, 5)
    assert (augmentation.noise_share, augmentation.speed_copies) == (0.3, 1)
    assert (config.compute.device, config.compute.workers, config.compute.min_workers) == ("cuda", 2, 1)
    budget = config.budget
    assert (budget.max_accelerator_hours, budget.max_cost) == (8.0, 50.5)
    assert (budget.active_deadline_s, budget.pending_deadline_s) == (43_200, 3_600)


@pytest.mark.parametrize("preset", ["Demo", "Base", "Basic", "Professional", "Pretrain"])
def test_a_clone_without_options_is_its_preset(preset: str) -> None:
    name, overrides = experiment_of(spec(preset=preset))
    assert overrides == {}
    assert load_config(name, overrides) == load_config(preset)


def test_asking_the_demo_for_augmentation_switches_it_on() -> None:
    augmentation = {"noiseSNRDecibels": {"min": 15, "max": 25}, "speedPercent": 20}
    config = load_config(*experiment_of(spec(preset="Demo", training={"augmentation": augmentation})))
    assert config.training.augmentation == load_config("basic").training.augmentation
    assert load_config("basic").training.augmentation.noise_share == AUGMENTED_SHARE


@pytest.mark.parametrize("class_name", COMPUTE_OF_CLASS)
def test_every_class_has_a_configuration(class_name: str) -> None:
    load_config(*experiment_of(spec(compute={"acceleratorClassName": class_name, "minWorkers": 1})))


def test_an_unknown_class_is_refused_by_name() -> None:
    with pytest.raises(ConfigValueInvalid, match=r"acceleratorClassName is 'nvidia-t5'; give one of .*did you mean"):
        experiment_of(spec(compute={"acceleratorClassName": "nvidia-t5"}))


def test_no_speed_means_no_copies() -> None:
    config = load_config(*experiment_of(spec(training={"augmentation": {"speedPercent": 0}})))
    assert config.training.augmentation.speed_copies == 0
