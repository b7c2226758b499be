"""One VoiceClone through every stage on this machine, started twice, with bad manifests and a corpus of a remote."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from mlflow import MlflowClient
from small_voice import Notes, write_corpus

from clock_train.audit.accesses import accesses_of
from clock_train.audit.chain import verify_chain
from clock_train.audit.log import chains_in
from clock_train.bundle.opening import verify_bundle
from clock_train.errors import (
    BudgetSpent,
    CheckpointNotFound,
    CorpusNotFound,
    KeysNotGiven,
    ManifestInvalid,
    RunChanged,
    TrainingStopped,
)
from clock_train.issuing.access import Access, record_access
from clock_train.issuing.installation import KEYS_VARIABLE, Installation
from clock_train.orchestration import mailbox
from clock_train.orchestration.corpus_versions import push_corpus
from clock_train.orchestration.job import JobOutcome, job_place, run_clone
from clock_train.orchestration.log_places import log_place
from clock_train.orchestration.mailbox import SAVE_AND_STOP, FolderMailbox, Mailbox
from clock_train.orchestration.run_listing import list_runs
from clock_train.orchestration.run_log import read_logs
from clock_train.serving.bundle_voice import BundleVoice

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


def run(spec: Path, out: Path, notes: Notes | None = None, mailbox: Mailbox | None = None, **more: Any) -> JobOutcome:
    return run_clone(job_place(spec, out, **more), notes or Notes(), mailbox)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clone")
    write_corpus(folder / "corpus")
    return folder


def test_a_clone_becomes_a_voice_and_a_second_start_reuses_every_stage(place: Path, tmp_path: Path) -> None:
    spec, out = manifest(place), tmp_path / "out"
    first = run(spec, out)

    assert first.done == STAGES
    assert BundleVoice.open(out / "bundle").card.name == "anna"
    assert "speaker_similarity/speech" in first.metrics
    (row,) = list_runs(out)
    assert (row.name, row.status, row.waiting) == ("anna", "finished", 0)

    client = MlflowClient(tracking_uri=f"sqlite:///{out / 'mlflow.db'}")
    kept = Path(client.download_artifacts(row.run_id, "bundle", str(tmp_path)))
    assert verify_bundle(kept, trusted_keys=Installation().trusted_keys()).digest == first.bundle_digest
    assert client.get_run(row.run_id).data.tags["clocktrain.bundleDigest"] == first.bundle_digest

    notes = Notes()
    second = run(spec, out, notes)
    assert (second.done, second.reused) == ([], STAGES)
    assert second.metrics == first.metrics


@pytest.mark.long
def test_missing_keys_of_the_platform_end_the_job_before_anything_is_trained(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEYS_VARIABLE, str(tmp_path / "not-mounted"))
    post = FolderMailbox(tmp_path / "mailbox")
    with pytest.raises(KeysNotGiven, match=r"no watermark-key.json in it"):
        run(manifest(place), tmp_path / "out", mailbox=post)
    said = json.loads((tmp_path / "mailbox" / "progress.json").read_text())
    assert (said["error"]["code"], said["error"]["exitCode"]) == ("KeysNotGiven", 2)
    assert not (tmp_path / "out" / "voice").exists()


def test_what_a_pod_read_and_spoke_is_in_the_store_after_the_pod_is_gone(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOCKTRAIN_ISSUING", str(tmp_path / "pod"))
    write_corpus(tmp_path / "corpus")  # its licence is signed by this pod's key
    store = tmp_path / "store"
    run(manifest(tmp_path), tmp_path / "out", store=str(store))
    shutil.rmtree(tmp_path / "pod")
    (chain,) = chains_in(store / "local" / "job-audit")
    assert chain.name.startswith("job-") and chain.name.endswith("-1-1")
    assert verify_chain(chain).num_lines > 2
    done = [line.access for line in accesses_of([chain])]
    assert done[0] == "train" and {"speak", "export"} <= set(done)


def test_a_persons_own_log_is_not_copied_with_a_run(place: Path, tmp_path: Path) -> None:
    record_access(Installation(), Access.TRAIN, speakers=["anna"])
    run(manifest(place), tmp_path / "out", store=str(tmp_path / "store"))
    assert not (tmp_path / "store" / "local" / "job-audit").exists()


def test_another_seed_is_another_version_and_trains_again(place: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = run(manifest(place), out)
    second = run(manifest(place, training={"seed": 2, "epochs": 1, "batchSize": 4}), out)
    assert second.digest != first.digest
    assert second.done == STAGES


@pytest.mark.long
def test_an_accelerator_that_is_not_here_is_said_and_replaced(place: Path, tmp_path: Path) -> None:
    notes = Notes()
    spec = manifest(place, compute={"acceleratorClassName": "nvidia-a100", "workers": 1})
    run(spec, tmp_path / "out", notes)
    assert any('"nvidia-a100" is not on this machine: training on its CPU' in warning for warning in notes.warnings)


def test_a_revision_of_a_pushed_corpus_is_trained_on(place: Path, tmp_path: Path) -> None:
    pushed = push_corpus(
        place / "corpus", str(tmp_path / "store"), "anna", "first", namespace="voices", report=lambda text: None
    )
    spec = manifest(tmp_path, uri="store/voices/corpora/anna", revision=pushed.revision)
    outcome = run(spec, tmp_path / "out")
    assert outcome.done == STAGES


def test_recordings_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusNotFound, match=r'there is no ".*nowhere" \(spec.speakers, anna\); name a corpus'):
        run(manifest(tmp_path, uri="nowhere"), tmp_path / "out")


def test_a_revision_of_a_plain_folder_is_refused(place: Path, tmp_path: Path) -> None:
    with pytest.raises(ManifestInvalid, match=r"a plain folder has no revision abc; push it"):
        run(manifest(place, revision="abc"), tmp_path / "out")


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


LONG = {"seed": 1, "epochs": 200, "batchSize": 4, "checkpointEveryEpochs": 2}


class StopsAfterCheckpoint(FolderMailbox):
    """Asks to save and stop once a checkpoint was posted."""

    has_seen = False

    def post(self, progress: Mapping[str, Any]) -> None:
        self.has_seen = self.has_seen or "checkpoint" in progress
        super().post(progress)

    def control(self) -> str:
        return SAVE_AND_STOP if self.has_seen else "run"


@pytest.fixture
def stopped(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A job that was asked to save and stop; its store is below the folder, its machine is gone."""
    monkeypatch.setattr(mailbox, "POST_EVERY_S", 0.1)
    monkeypatch.setattr(mailbox, "LOOK_EVERY_S", 0.1)
    with pytest.raises(TrainingStopped, match=r"saved at step \d+ and stopped, as was asked"):
        run(
            manifest(place, training=LONG),
            tmp_path / "out",
            mailbox=StopsAfterCheckpoint(tmp_path / "mail"),
            store=str(tmp_path / "store"),
        )
    letter = json.loads((tmp_path / "mail" / "progress.json").read_text())
    assert (letter["state"], letter["error"]["exitCode"]) == ("stopped", 4)
    assert letter["checkpoint"]["key"].startswith("local/runs/")
    shutil.rmtree(tmp_path / "out")
    return tmp_path


def newest_checkpoint(store: Path) -> Path:
    return max(store.glob("local/runs/*/attempt-1/checkpoints/step-*"), key=lambda path: int(path.name[5:]))


def test_a_next_attempt_on_a_new_machine_goes_on_from_the_checkpoint(place: Path, stopped: Path) -> None:
    checkpoint = newest_checkpoint(stopped / "store")
    step = int(checkpoint.name.removeprefix("step-"))
    spec = manifest(place, training=LONG, budget={"activeDeadlineSeconds": 20})
    notes = Notes()
    with pytest.raises(BudgetSpent, match=r"spec.budget.activeDeadlineSeconds \(20\) is used up"):
        run(spec, stopped / "out2", notes, store=str(stopped / "store"), attempt=2, resume_from=str(checkpoint))
    assert f"going on from step {step}, its newest checkpoint" in notes.notes
    later = list((stopped / "store").glob("local/runs/*/attempt-2/checkpoints/step-*"))
    assert later and all(int(path.name.removeprefix("step-")) > step for path in later)
    assert checkpoint.exists()
    logs = log_place(str(stopped / "out2"), None)
    assert b"going on from step" in b"".join(log.content for log in read_logs(logs.storage, logs.prefix))


def test_the_same_attempt_started_again_on_a_new_machine_goes_on(place: Path, stopped: Path) -> None:
    """What KubeRay does when the head's machine is lost: the same job from the start, with an empty disk."""
    step = int(newest_checkpoint(stopped / "store").name.removeprefix("step-"))
    notes = Notes()
    with pytest.raises(BudgetSpent):
        run(
            manifest(place, training=LONG, budget={"activeDeadlineSeconds": 15}),
            stopped / "out2",
            notes,
            store=str(stopped / "store"),
        )
    assert f"going on from step {step}, its newest checkpoint" in notes.notes


def test_an_attempt_is_not_gone_on_with_after_its_recordings_changed(tmp_path: Path, stopped: Path) -> None:
    other = tmp_path / "elsewhere"
    other.mkdir()
    write_corpus(other / "corpus", seconds=1.5)
    with pytest.raises(RunChanged, match=r"attempt-1 trained run [0-9a-f]+, and this one differs: corpus_revision was"):
        run(manifest(other, training=LONG), tmp_path / "out2", store=str(stopped / "store"))


def test_a_checkpoint_that_is_not_there_is_named(place: Path, tmp_path: Path) -> None:
    spec = manifest(place)
    with pytest.raises(CheckpointNotFound, match=r"\.\.\./attempt-<n>/checkpoints/step-<m> of an earlier attempt"):
        run(spec, tmp_path / "out", attempt=2, resume_from="s3://elsewhere/x")


def test_a_finished_clone_needs_nothing_again_on_a_new_machine(place: Path, tmp_path: Path) -> None:
    spec = manifest(place, gate={"minSpeakerSimilarity": "1.0"})
    store = str(tmp_path / "store")
    first = run(spec, tmp_path / "out", store=store)
    assert first.done == STAGES
    assert (tmp_path / "store" / "local" / "bundles" / first.bundle_digest / "COMMITTED").exists()
    shutil.rmtree(tmp_path / "out")
    notes = Notes()
    second = run(spec, tmp_path / "new", notes, store=store)
    assert (second.done, second.reused) == ([], STAGES)
    assert (second.metrics, second.bundle_digest) == (first.metrics, first.bundle_digest)
    assert [verdict.reason for verdict in second.gate] == ["Missed"]
    assert any(warning.startswith("gate: minSpeakerSimilarity 1: missed with") for warning in notes.warnings)
    assert BundleVoice.open(tmp_path / "new" / "bundle").card.name == "anna"


def test_judging_alone_is_done_again_where_it_was_cut_off(place: Path, tmp_path: Path) -> None:
    spec, store = manifest(place), tmp_path / "store"
    first = run(spec, tmp_path / "out", store=str(store))
    (ledger,) = store.glob("local/runs/*/attempt-1/stages.json")
    entries = json.loads(ledger.read_text())
    ledger.write_text(json.dumps({stage: entries[stage] for stage in ("Prepare", "Pretrain")}))
    shutil.rmtree(tmp_path / "out")
    second = run(spec, tmp_path / "new", store=str(store))
    assert second.done == ["Evaluate", "Export"]
    assert second.metrics == pytest.approx(first.metrics, rel=1e-3, abs=1e-3)
