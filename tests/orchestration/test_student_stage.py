"""The stage distill of a VoiceClone: it runs, is reused, goes on elsewhere, is judged and exported, and is erased."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from small_voice import Notes, write_corpus

from clock_train.config.experiment import ExperimentConfig, load_config
from clock_train.errors import TrainingStopped
from clock_train.orchestration import job, mailbox
from clock_train.orchestration.erase_clone import erase_clone
from clock_train.orchestration.job import JobOutcome, job_place, run_clone
from clock_train.orchestration.mailbox import SAVE_AND_STOP, FolderMailbox, Mailbox
from clock_train.orchestration.pipeline_stages import export_voice
from clock_train.serving.bundle_voice import BundleVoice
from clock_train.storage.opening import open_storage

pytestmark = [pytest.mark.ring2, pytest.mark.timeout(400)]
TINY = {
    "model": {
        "latent_channels": 8,
        "text_encoder": {"channels": 16, "layers": 1, "heads": 1, "feed_forward": 24},
        "vocoder": {"channels": 16, "layers": 2},
    },
    "training": {"max_steps": 4, "checkpoint_every": 2, "batch_size": 4},
    "distillation.student": {
        "latent_channels": 4,
        "text_encoder": {"channels": 8, "layers": 1, "heads": 1, "feed_forward": 8},
        "condition_channels": 16,
        "vocoder": {"channels": 8, "layers": 1},
        "flow": {"channels": 8, "layers": 1},
        "posterior": {"channels": 8, "layers": 1},
    },
    "distillation.training": {"max_steps": 6, "checkpoint_every": 2, "batch_size": 4},
    "distillation.sentences": 8,
}


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    def small(experiment: str, overrides: Mapping[str, object]) -> ExperimentConfig:
        return load_config(experiment, {**overrides, **TINY})

    monkeypatch.setattr(job, "load_config", small)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clone")
    write_corpus(folder / "corpus")
    return folder


@pytest.fixture
def no_judges(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judging takes most of a small clone's time, and is another test's."""

    def judged(voice: Path, out: Path, *, packed: Path) -> None:
        assert packed.exists() and (voice / "voice.json").exists()
        out.mkdir(parents=True, exist_ok=True)
        (out / "metrics.json").write_text("{}")

    def exported(voice: Path, out: Path, *, packed: Path, metrics: Path, tracking_run: str) -> None:
        export_voice(voice, out, metrics=metrics, tracking_run=tracking_run)  # no corpus: no int8 to be judged

    monkeypatch.setattr(job, "evaluate_voice", judged)
    monkeypatch.setattr(job, "export_voice", exported)


def manifest(folder: Path, policy: str = "Always") -> Path:
    spec = {
        "runtimeRef": {"name": "standard"},
        "speakers": [{"name": "anna", "corpus": {"uri": "corpus"}}],
        "preset": "Demo",
        "distillation": {"policy": policy},
    }
    path = folder / f"anna-{policy}.yaml"
    head = {"apiVersion": "clocktrain.dev/v1alpha1", "kind": "VoiceClone", "metadata": {"name": "anna"}}
    path.write_text(yaml.safe_dump({**head, "spec": spec}))
    return path


def run(spec: Path, out: Path, letters: Mailbox | None = None, notes: Notes | None = None, **more: Any) -> JobOutcome:
    return run_clone(job_place(spec, out, **more), notes or Notes(), letters)


def test_the_student_is_taught_judged_and_exported_and_nothing_is_done_twice(place: Path, tmp_path: Path) -> None:
    store, letters = str(tmp_path / "store"), FolderMailbox(tmp_path / "mail")
    first = run(manifest(place), tmp_path / "out", letters, store=store)
    assert first.done == ["Prepare", "Pretrain", "Distill", "Evaluate", "Export"]
    card = json.loads((tmp_path / "out/distill/voice/voice.json").read_text())
    bundle = BundleVoice.open(tmp_path / "out" / "bundle")
    assert bundle.card.training["teacher"] == "anna"
    assert bundle.card.training["teacherSentences"] == 8
    letter = json.loads((tmp_path / "mail" / "progress.json").read_text())
    assert letter["student"] == {
        "parameters": card["parameterCounts"]["synthesis"],
        "teacherParameters": card["training"]["teacherParameters"],
        "steps": 6,
        "sentences": 8,
    }
    assert letter["student"]["parameters"] < letter["student"]["teacherParameters"]
    assert letter["totalSteps"] == 6, "of the stage that ran last"

    shutil.rmtree(tmp_path / "out")
    again = run(manifest(place), tmp_path / "new", letters, store=store)
    assert (again.done, again.reused) == ([], first.done)
    assert again.bundle_digest == first.bundle_digest
    assert json.loads((tmp_path / "mail" / "progress.json").read_text())["student"] == letter["student"]


@pytest.mark.long
@pytest.mark.usefixtures("no_judges")
def test_a_clone_that_asks_for_no_student_exports_the_voice_itself(place: Path, tmp_path: Path) -> None:
    outcome = run(manifest(place, "Never"), tmp_path / "out")
    assert "Distill" not in outcome.done
    assert "teacher" not in BundleVoice.open(tmp_path / "out" / "bundle").card.training
    assert not (tmp_path / "out" / "distill").exists()


class StopsInTheStudent(FolderMailbox):
    """Asks to save and stop once the student has made a step."""

    is_wanted = False

    def post(self, progress: Mapping[str, Any]) -> None:
        self.is_wanted = self.is_wanted or (progress.get("stage") == "Distill" and progress.get("step", 0) > 0)
        super().post(progress)

    def control(self) -> str:
        return SAVE_AND_STOP if self.is_wanted else "run"


@pytest.mark.usefixtures("no_judges")
def test_a_stopped_student_goes_on_in_the_next_attempt_and_is_erased_with_the_clone(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox, "POST_EVERY_S", 0.05)
    monkeypatch.setattr(mailbox, "LOOK_EVERY_S", 0.05)
    monkeypatch.setitem(TINY, "distillation.training", {"max_steps": 300, "checkpoint_every": 100, "batch_size": 4})
    store, spec = tmp_path / "store", manifest(place)
    with pytest.raises(TrainingStopped, match=r"saved at step \d+ and stopped, as was asked"):
        run(spec, tmp_path / "out", StopsInTheStudent(tmp_path / "mail"), store=str(store))
    letter = json.loads((tmp_path / "mail" / "progress.json").read_text())
    assert letter["state"] == "stopped" and letter["stage"] == "Distill"
    teachers = letter["checkpoint"]["key"]
    assert (store / teachers / "COMMITTED").exists(), "the clone goes on from its own checkpoint, not the student's"

    shutil.rmtree(tmp_path / "out")
    notes = Notes()
    outcome = run(spec, tmp_path / "new", notes=notes, store=str(store), attempt=2, resume_from=str(store / teachers))
    assert outcome.done == ["Distill", "Evaluate", "Export"]
    assert f"going on from step {letter['step']}, its newest checkpoint" in notes.notes

    uid = teachers.split("/")[2]
    receipt = erase_clone(
        open_storage(str(store)), store=str(store), namespace="local", uid=uid, name="anna", tracking_uri=None
    )
    assert any(f"{uid}-student/attempt-1/checkpoints" in key for _, _, key in receipt.items)
    assert not list(store.glob("local/runs/*"))
