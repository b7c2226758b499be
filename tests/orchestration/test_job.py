"""One VoiceClone through every stage on this machine, started twice, with bad manifests and a corpus of a remote."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from small_voice import Notes, write_corpus

from clock_train.errors import CorpusNotFound, ManifestInvalid
from clock_train.models.speech import Voice
from clock_train.orchestration.corpus_versions import push_corpus
from clock_train.orchestration.job import run_clone
from clock_train.orchestration.run_listing import list_runs

pytestmark = [pytest.mark.ring2, pytest.mark.timeout(400)]
STAGES = ["Prepare", "Pretrain", "Evaluate", "Export"]


def manifest(folder: Path, *, uri: str = "corpus", revision: str | None = None, **spec: Any) -> Path:
    corpus = {"uri": uri, **({"revision": revision} if revision else {})}
    wanted = {
        "runtimeRef": {"name": "standard"},
        "speakers": [{"name": "anna", "corpus": corpus}],
        "preset": "Demo",
        "training": {"seed": 1, "epochs": 1, "batchSize": 4},
        **spec,
    }
    path = folder / "anna.yaml"
    head = {"apiVersion": "clocktrain.dev/v1alpha1", "kind": "VoiceClone"}
    path.write_text(yaml.safe_dump({**head, "metadata": {"name": "anna", "namespace": "local"}, "spec": wanted}))
    return path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clone")
    write_corpus(folder / "corpus")
    return folder


def test_a_clone_becomes_a_voice_and_a_second_start_reuses_every_stage(place: Path, tmp_path: Path) -> None:
    spec, out = manifest(place), tmp_path / "out"
    first = run_clone(spec, out, Notes())

    assert first.done == STAGES
    assert Voice.load(out / "bundle" / "voice").card.name == "anna"
    assert "speaker_similarity/speech" in first.metrics
    (row,) = list_runs(out)
    assert (row.name, row.status, row.waiting) == ("anna", "finished", 0)

    notes = Notes()
    second = run_clone(spec, out, notes)
    assert (second.done, second.reused) == ([], STAGES)
    assert second.metrics == first.metrics


@pytest.mark.long
def test_another_seed_is_another_version_and_trains_again(place: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = run_clone(manifest(place), out, Notes())
    second = run_clone(manifest(place, training={"seed": 2, "epochs": 1, "batchSize": 4}), out, Notes())
    assert second.digest != first.digest
    assert second.done == STAGES


@pytest.mark.long
def test_an_accelerator_that_is_not_here_is_said_and_replaced(place: Path, tmp_path: Path) -> None:
    notes = Notes()
    spec = manifest(place, compute={"acceleratorClassName": "nvidia-a100", "workers": 1})
    run_clone(spec, tmp_path / "out", notes)
    assert any('"nvidia-a100" is not on this machine: training on its CPU' in warning for warning in notes.warnings)


def test_a_revision_of_a_pushed_corpus_is_trained_on(place: Path, tmp_path: Path) -> None:
    pushed = push_corpus(
        place / "corpus", str(tmp_path / "store"), "anna", "first", namespace="voices", report=lambda text: None
    )
    spec = manifest(tmp_path, uri="store/voices/corpora/anna", revision=pushed.revision)
    outcome = run_clone(spec, tmp_path / "out", Notes())
    assert outcome.done == STAGES


def test_recordings_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusNotFound, match=r'there is no ".*nowhere" \(spec.speakers, anna\); name a corpus'):
        run_clone(manifest(tmp_path, uri="nowhere"), tmp_path / "out", Notes())


def test_a_revision_of_a_plain_folder_is_refused(place: Path, tmp_path: Path) -> None:
    with pytest.raises(ManifestInvalid, match=r"a plain folder has no revision abc; push it"):
        run_clone(manifest(place, revision="abc"), tmp_path / "out", Notes())


def test_the_entry_point_ends_with_2_for_what_the_user_can_mend(tmp_path: Path) -> None:
    path = manifest(tmp_path, preset="Demmo")
    command = [sys.executable, "-m", "clock_train.orchestration.job", "--spec", str(path), "--out", str(tmp_path / "o")]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, env={**os.environ, "PYTHONPATH": "platform"}, check=False
    )
    assert done.returncode == 2
    assert "ManifestInvalid" in done.stderr and "preset" in done.stderr


def test_the_entry_point_prints_what_it_made_as_json(place: Path, tmp_path: Path) -> None:
    path = manifest(place)
    command = [sys.executable, "-m", "clock_train.orchestration.job", "--spec", str(path), "--out", str(tmp_path / "o")]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, env={**os.environ, "PYTHONPATH": "platform"}, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["clone"] == "anna"
