"""A plan says what would run, what is reused, how long and at what cost, and where each estimate comes from."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from enum import Enum
from pathlib import Path

import pytest
from small_voice import write_corpus

from clock_train.cli.main import run
from clock_train.config.literal_defaults import literal_defaults
from clock_train.crd.reading import read_manifest
from clock_train.crd.version import version_digest
from clock_train.orchestration import planning, training_preparation
from clock_train.training.run import TrainingConfig
from clock_train.training.schedule import ScheduleConfig

CLONE = """\
apiVersion: clocktrain.dev/v1alpha1
kind: VoiceClone
metadata: {{name: anna}}
spec:
  runtimeRef: {{name: standard}}
  speakers: [{{name: anna, corpus: {{uri: {uri}}}}}]
  preset: {preset}
  {more}
---
apiVersion: clocktrain.dev/v1alpha1
kind: VoiceTrainingRuntime
metadata: {{name: standard}}
spec:
  images: {{trainer: trainer}}
  acceleratorClasses:
  - {{name: cpu, resources: {{cpu: "2", memory: 8Gi}}, pricePerHour: "2.00"}}
  currency: EUR
  storage: {{endpointURL: "https://storage.example.org", bucket: clocktrain, secretName: storage}}
"""
CPU = "compute: {acceleratorClassName: cpu}"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_corpus(tmp_path / "corpus")


def planned(tmp_path: Path, capsys: pytest.CaptureFixture[str], more: str = CPU, **values: str) -> dict:
    path = manifest(tmp_path, more, **values)
    assert run(["plan", "-f", str(path), "--out", str(tmp_path / "out"), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def manifest(tmp_path: Path, more: str = CPU, *, uri: str = "corpus", preset: str = "Demo") -> Path:
    path = tmp_path / "voiceclone.yaml"
    path.write_text(CLONE.format(uri=uri, preset=preset, more=more))
    return path


def test_epochs_become_steps_by_the_clips_of_a_local_corpus(
    tmp_path: Path, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # ten of twelve clips train, in batches of four: two steps an epoch, at 0.31 s (35 %) and 0.40 s of 16 clips
    found = planned(tmp_path, capsys, CPU + "\n  training: {epochs: 50, batchSize: 4}")
    assert (found["trainingClips"], found["steps"]) == (10, 100)
    assert found["estimatedSeconds"] == pytest.approx((35 * 0.31 + 65 * 0.40) / 4, abs=0.1)
    assert "measured on one thread of another machine's CPU at batch 16" in found["stepSource"]
    assert "in proportion to batch 4" in found["stepSource"]


def test_a_remote_corpus_leaves_steps_and_verdicts_open(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = planned(
        tmp_path, capsys, CPU + "\n  training: {epochs: 9}\n  budget: {maxCost: '1'}", uri="s3://bucket/a/b"
    )
    assert found["steps"] is None and found["estimatedCost"] is None
    assert found["budget"] == [{"limit": "maxCost", "allowed": 1.0, "estimate": None, "exceeded": None}]
    assert any("its size is known after Prepare" in note for note in found["notes"])


def test_a_cpu_budget_bounds_the_time(tmp_path: Path, corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = planned(tmp_path, capsys)
    assert (found["steps"], found["estimatedSeconds"]) == (20_000, 600.0)
    assert found["estimatedCost"] == pytest.approx(2.0 / 6, abs=0.01)
    assert found["currency"] == "EUR"


def test_budgets_are_judged(tmp_path: Path, corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    budget = "\n  budget: {maxAcceleratorHours: 1, maxCost: '5', activeDeadlineSeconds: 9999999}"
    found = planned(tmp_path, capsys, CPU + budget, preset="Basic")
    assert [(line["limit"], line["exceeded"]) for line in found["budget"]] == [
        ("maxAcceleratorHours", True),
        ("maxCost", True),
        ("activeDeadlineSeconds", False),
    ]


def test_a_measured_step_of_this_folder_comes_first(
    tmp_path: Path, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").mkdir()
    rows = [{"step": n, "phase": phase, "step_seconds": 0.01} for n, phase in ((10, "hearing"), (20, "reading"))]
    (tmp_path / "out" / "history-1.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"cut')
    found = planned(tmp_path, capsys)
    assert found["estimatedSeconds"] == pytest.approx(200.0)
    assert found["stepSource"] == "measured here, by the newest steps of history-1.jsonl"


def test_finished_stages_of_this_version_are_reused_up_to_the_first_that_runs(
    tmp_path: Path, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    digest = version_digest(read_manifest(manifest(tmp_path)).spec)
    stages = {
        "Prepare": {"digest": digest, "finishedAt": "2026-11-24T10:00:00Z"},
        "Pretrain": {"digest": "other", "finishedAt": "2026-11-24T11:00:00Z"},
        "Evaluate": {"digest": digest, "finishedAt": "2026-11-24T12:00:00Z"},
    }
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "stages.json").write_text(json.dumps(stages))
    found = planned(tmp_path, capsys)
    assert [(stage["name"], stage["action"], stage["why"]) for stage in found["stages"]] == [
        ("Prepare", "reuse", "finished 2026-11-24T10:00:00Z for this version"),
        ("Pretrain", "run", "finished for another version"),
        ("Distill", "skip", "the clone asks for no distillation"),
        ("Evaluate", "run", "a stage before it runs"),
        ("Export", "run", "a stage before it runs"),
    ]


def test_when_all_is_finished_nothing_is_left_to_pay(
    tmp_path: Path, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    digest = version_digest(read_manifest(manifest(tmp_path)).spec)
    names = ("Prepare", "Pretrain", "Evaluate", "Export")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "stages.json").write_text(json.dumps({name: {"digest": digest} for name in names}))
    found = planned(tmp_path, capsys)
    assert {stage["action"] for stage in found["stages"]} == {"reuse", "skip"}
    assert (found["estimatedSeconds"], found["estimatedCost"]) == (0.0, 0.0)


@pytest.mark.parametrize("text", ["{", "[]", '{"Prepare": 8}'])
def test_a_damaged_ledger_counts_as_empty(
    text: str, tmp_path: Path, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "stages.json").write_text(text)
    assert planned(tmp_path, capsys)["stages"][0]["action"] == "run"


def test_an_unmeasured_device_is_said_and_not_guessed(
    tmp_path: Path, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = manifest(tmp_path, "compute: {acceleratorClassName: nvidia-t4}", preset="Basic")
    path.write_text(path.read_text().replace("{name: cpu,", "{name: nvidia-t4,"))
    assert run(["plan", "-f", str(path), "--out", str(tmp_path / "out")]) == 0
    page = capsys.readouterr().out
    assert "no step of the teacher on cuda was measured: time and cost unknown" in page
    assert "Cost:  unknown" in page


def test_a_fine_tune_and_a_distillation_are_stages(
    tmp_path: Path, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = planned(tmp_path, capsys, CPU + "\n  base: {cloneRef: {name: b}}\n  distillation: {policy: Always}")
    assert [stage["name"] for stage in found["stages"]] == ["Prepare", "Finetune", "Distill", "Evaluate", "Export"]
    assert {stage["action"] for stage in found["stages"]} == {"run"}
    steps = {stage["name"]: stage["steps"] for stage in found["stages"]}
    assert steps["Distill"] == 400 and steps["Evaluate"] is None
    assert found["estimatedSeconds"] == pytest.approx(600 + 45), "both trainings are counted, each up to its budget"


def test_people_read_estimates_as_estimates(tmp_path: Path, corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = manifest(tmp_path, CPU + "\n  budget: {maxCost: '0.10'}")
    assert run(["plan", "--file", str(path), "--out", str(tmp_path / "out")]) == 0
    page = capsys.readouterr().out
    assert "Time:  about 10 min (training only), an estimate" in page
    assert "Cost:  about 0.33 EUR (estimate)" in page
    assert "Budget: WOULD EXCEED maxCost 0.1 (estimate 0.33)" in page


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("compute: {acceleratorClassName: nvidia-t5}", "acceleratorClassName is 'nvidia-t5'; give one of"),
        ("compute: {acceleratorClassName: nvidia-t4}", "the runtime standard has cpu"),
        ("trainig: {}", "there is no field spec.trainig; did you mean training?"),
    ],
)
def test_a_clone_that_cannot_run_is_refused(
    more: str, says: str, tmp_path: Path, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plan", "-f", str(manifest(tmp_path, more))]) == 2
    assert says in capsys.readouterr().err


def test_the_defaults_read_from_source_are_those_of_the_dataclasses() -> None:
    for module, kind in (("run", TrainingConfig), ("schedule", ScheduleConfig)):
        found = literal_defaults(f"clock_train.training.{module}", kind.__name__)
        fields = {field.name: field.default for field in dataclasses.fields(kind)}
        assert found == {
            name: value
            for name, value in fields.items()
            if value is not dataclasses.MISSING
            and not isinstance(value, Enum)  # of what is no literal nothing is planned
        }
    assert planning.MOST_HEARING == training_preparation.MOST_HEARING


def test_planning_loads_no_torch(tmp_path: Path, corpus: Path) -> None:
    code = (
        f"import sys; from clock_train.cli.main import run; run(['plan', '-f', {str(manifest(tmp_path))!r}]);"
        "assert 'torch' not in sys.modules and 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, capture_output=True)
