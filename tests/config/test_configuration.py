"""Experiments compose to the recorded numbers, and every bad key or value is refused with its name and a way out."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from clock_train.config.checking import keys_of
from clock_train.config.composing import choices, compose, conf_path
from clock_train.config.experiment import (
    CHANGES,
    SCHEMA_VERSION,
    ComputeConfig,
    ExperimentConfig,
    load_config,
    read_params,
    resolved,
    write_params,
)
from clock_train.errors import ConfigError, ConfigKeyUnknown, ConfigOutdated, ConfigValueInvalid
from clock_train.models.config_text import from_plain, to_plain
from clock_train.models.student import student_config
from clock_train.models.teacher import teacher_config
from clock_train.models.voice import VoiceConfig
from clock_train.orchestration.presets import NAMES, PRESETS, preset

ROOT = Path(__file__).parents[2]
RECORDED = json.loads((Path(__file__).parent / "recorded_presets.json").read_text())


@pytest.mark.parametrize("name", RECORDED)
def test_a_preset_has_the_numbers_it_always_had(name: str) -> None:
    # recorded when the presets were Python code
    config = load_config(name)
    assert config.name == name
    found = {"purpose": config.purpose, "model": to_plain(config.model), "training": to_plain(config.training)}
    assert found == RECORDED[name]
    assert config.model == from_plain(VoiceConfig, RECORDED[name]["model"])
    assert preset(name.upper()).training == config.training
    assert PRESETS[name].model() == config.model


def test_the_presets_are_those_that_were_recorded() -> None:
    assert list(NAMES) == list(RECORDED)


def test_model_groups_are_the_sizes_that_the_models_name() -> None:
    assert load_config("demo", {"model": "student"}).model == student_config()
    assert load_config("demo", {"model": "teacher"}).model == teacher_config()


@pytest.mark.parametrize("name", choices("experiment"))
def test_every_experiment_composes_and_comes_back_from_its_params(name: str, tmp_path: Path) -> None:
    config = load_config(name)
    write_params(config, tmp_path / "params.yaml")
    assert read_params(tmp_path / "params.yaml") == config
    assert json.loads(json.dumps(resolved(config))) == resolved(config)


@pytest.mark.parametrize("group", ["model", "training", "compute"])
def test_every_choice_of_every_group_fits(group: str) -> None:
    for choice in choices(group):
        load_config("demo", {group: choice})


def test_an_experiment_takes_its_groups_and_an_override_wins() -> None:
    assert load_config("t4").compute == ComputeConfig(device="cuda", workers=1)
    assert load_config("t4", {"compute": "cpu"}).compute.device == "cpu"
    assert load_config("basic", {"training.batch_size": 8}).training.batch_size == 8


def test_texts_and_a_mapping_give_the_same() -> None:
    texts = ["training.batch_size=8", "training.optimizer.learning_rate=1e-4", "training.patience=null"]
    values = {"training.batch_size": 8, "training.optimizer.learning_rate": 1e-4, "training.patience": None}
    assert load_config("basic", texts) == load_config("basic", values)


def test_no_value_is_read_by_the_override_grammar() -> None:
    for text in ("${oc.env:HOME}", "a,b", "range(1,3)", "{x: 1}\n", "???"):
        assert load_config("demo", {"purpose": text}).purpose == text


@pytest.mark.parametrize(
    ("overrides", "kind", "says"),
    [
        (
            {"training.batchsize": 8},
            ConfigKeyUnknown,
            "there is no training.batchsize; did you mean training.batch_size",
        ),
        ({"trainig.batch_size": 8}, ConfigKeyUnknown, "there is no trainig; did you mean training"),
        ({"training.xyz": 8}, ConfigKeyUnknown, "there is no training.xyz; training has seed, batch_size"),
        ({"training.seed.more": 8}, ConfigValueInvalid, "training.seed is {'more': 8}; give a whole number"),
        ({"name.more": 8}, ConfigKeyUnknown, "name.more: name is a value and has nothing below it"),
        ({"training.batch_size": "many"}, ConfigValueInvalid, "training.batch_size is 'many'; give a whole number"),
        ({"training.batch_size": 1.5}, ConfigValueInvalid, "training.batch_size is 1.5; give a whole number"),
        ({"training.batch_size": True}, ConfigValueInvalid, "training.batch_size is True; give a whole number"),
        ({"training.batch_size": None}, ConfigValueInvalid, "training.batch_size is None; give a whole number"),
        ({"training.batch_size": 0}, ConfigValueInvalid, "training.batch_size is 0; give 1 or more"),
        ({"training.bf16": "perhaps"}, ConfigValueInvalid, "training.bf16 is 'perhaps'; give true or false"),
        ({"training.optimizer.learning_rate": 7}, ConfigValueInvalid, "learning_rate is 7.0; give a number between"),
        ({"training.optimizer.learning_rate": "nan"}, ConfigValueInvalid, "learning_rate is 'nan'; give a number"),
        ({"training.patience": "x"}, ConfigValueInvalid, "training.patience is 'x'; give a whole number, or null"),
        ({"training": 8}, ConfigValueInvalid, "training cannot be 8; choose one of article, plain"),
        ({"training.loss": 8}, ConfigValueInvalid, "training.loss is 8; give a group of keys"),
        ({"training.discriminators.periods": 3}, ConfigValueInvalid, "periods is 3; give a list of whole numbers"),
        ({"training.discriminators.periods": [2, "x"]}, ConfigValueInvalid, "periods[1] is 'x'; give a whole number"),
        ({"model.voice_source": "ears"}, ConfigValueInvalid, "voice_source is 'ears'; give one of ENCODER, STORED"),
        ({"compute": "a1000"}, ConfigValueInvalid, "choose one of a100, cpu, laptop, t4; did you mean a100"),
        ({"compute": "../experiment/t4"}, ConfigValueInvalid, "compute cannot be '../experiment/t4'"),
        ({"compute.device": "tpu"}, ConfigValueInvalid, "compute.device is 'tpu'; give auto, cpu, cuda or cuda:N"),
        ({"compute.workers": -1}, ConfigValueInvalid, "compute.workers is -1; give 0 or more"),
        ({"compute.min_workers": 3}, ConfigValueInvalid, "compute.min_workers is 3; give 1 to compute.workers (0)"),
        ({"passes.epochs": 0}, ConfigValueInvalid, "passes.epochs is 0; give 1 or more"),
        ({"budget.max_cost": -1}, ConfigValueInvalid, "budget.max_cost is -1.0; give more than 0"),
        ({"schema_version": 0}, ConfigOutdated, "schema_version is 0, this is 1. What changed: 1: presets became"),
        ({"schema_version": 99}, ConfigValueInvalid, "schema_version is 99, this clock-train knows 1"),
        ({"schema_version": "one"}, ConfigValueInvalid, "schema_version is 'one'; give a whole number"),
        (["training.batch_size"], ConfigValueInvalid, "is no override; write key=value"),
        (["=8"], ConfigValueInvalid, "is no override; write key=value"),
        (["training.seed=[1"], ConfigValueInvalid, "has a value that is not YAML"),
        (["training.seed=!!int ''"], ConfigValueInvalid, "has a value that is not YAML"),
        (["training.seed=1", "training.seed=2"], ConfigValueInvalid, "training.seed is given twice"),
        (["purpose=" + "x" * 2_000], ConfigValueInvalid, "of at most 1000 letters"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_by_name(overrides: object, kind: type[ConfigError], says: str) -> None:
    with pytest.raises(kind) as refused:
        load_config("demo", overrides)  # type: ignore[arg-type]
    assert says in str(refused.value)


def test_an_unknown_experiment_names_the_nearest() -> None:
    with pytest.raises(ConfigValueInvalid, match=r"experiment cannot be 'profesional'.*did you mean professional"):
        load_config("profesional")


def test_params_without_a_version_are_outdated(tmp_path: Path) -> None:
    values = resolved(load_config("demo"))
    del values["schema_version"]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(ConfigOutdated, match="replace `preset: Basic`"):
        read_params(tmp_path / "params.yaml")


@pytest.mark.parametrize(
    ("text", "says"),
    [("{", "is not YAML"), ("a: !!bool x", "is not YAML"), ("8", "holds no configuration"), (None, "cannot be read")],
)
def test_params_that_are_none_are_refused(text: str | None, says: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(ConfigError, match=says):
        read_params(tmp_path / "params.yaml")


def test_equal_params_are_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    write_params(load_config("demo"), path)
    before = path.stat().st_mtime_ns
    write_params(load_config("demo"), path)
    assert path.stat().st_mtime_ns == before


def test_every_version_says_what_changed() -> None:
    assert list(CHANGES) == list(range(1, SCHEMA_VERSION + 1))


def test_composing_leaves_what_it_gave_before_alone() -> None:
    compose("demo")["training"]["loss"]["kl"] = 7
    assert compose("demo")["training"]["loss"]["kl"] == 0.1


def test_yaml_names_no_class_and_repeats_no_default() -> None:
    defaults = {key: default for key, _, default in keys_of(ExperimentConfig)}
    for path in conf_path().rglob("*.yaml"):
        assert "_target_" not in path.read_text(encoding="utf-8")
    for name in choices("experiment"):
        for key, value in _flat(compose(name)):
            is_overriding = key in ("schema_version", "training.max_cpu_seconds", "training.batch_size")
            assert is_overriding or value != defaults[key], f"{name}: {key} repeats the default"


def test_the_frozen_dataclasses_stay_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        load_config("demo").training.seed = 2  # type: ignore[misc]


def test_composing_needs_no_torch_and_importing_it_no_hydra() -> None:
    code = (
        "import sys; import clock_train.config.composing as c; assert 'hydra' not in sys.modules;"
        "c.compose('basic'); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def _flat(values: dict[str, object], where: str = "") -> list[tuple[str, object]]:
    rows: list[tuple[str, object]] = []
    for name, value in values.items():
        key = f"{where}.{name}" if where else name
        rows += _flat(value, key) if isinstance(value, dict) else [(key, value)]
    return rows
