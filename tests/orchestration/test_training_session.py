from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from small_voice import TINY_JUDGES, Notes, tiny_teacher, with_tiny_preset, write_corpus

from clock_train.audit.accesses import accesses_of
from clock_train.audit.log import chains_in
from clock_train.consent.record import read_record
from clock_train.errors import (
    BaseIncompatible,
    CheckpointDamaged,
    ConfigError,
    ConsentForged,
    ConsentInvalid,
    ConsentMissing,
    ConsentRevoked,
    CorpusUnwritable,
    RunBusy,
    RunChanged,
    StorageFull,
    TrainingDataTooSmall,
)
from clock_train.issuing.installation import Installation
from clock_train.models.speech import Voice
from clock_train.orchestration.presets import PRESETS
from clock_train.orchestration.run_lock import locked
from clock_train.orchestration.training_preparation import TrainRequest
from clock_train.orchestration.training_session import TrainOutcome, train
from clock_train.storage import atomic_file
from clock_train.training.schedule import ScheduleConfig

WAIT_S = 120.0


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_corpus(tmp_path / "corpus")


@pytest.fixture(autouse=True)
def tiny_preset() -> object:
    with_tiny_preset()
    yield
    del PRESETS["Tiny"]


def run(corpus: Path, output: Path, notes: Notes | None = None, **request: object) -> TrainOutcome:
    wanted = TrainRequest(corpora=[corpus], output=output, preset="Tiny", device="cpu", **request)  # type: ignore[arg-type]
    return train(wanted, notes or Notes())


def weights(output: Path) -> bytes:
    return (output / "voice" / "weights.safetensors").read_bytes()


def checkpoints(output: Path) -> list[Path]:
    return sorted(output.glob("store/local/runs/*/attempt-1/checkpoints/step-*"), key=lambda p: int(p.name[5:]))


def test_a_corpus_becomes_a_voice_that_speaks(corpus: Path, tmp_path: Path) -> None:
    outcome = run(corpus, tmp_path / "out")

    voice = Voice.load(outcome.voice_path)
    waveform = voice.say("Good morning. Is it late?")
    assert voice.card.speakers == ["anna"]
    assert voice.card.training["steps"] == 12
    assert len(waveform) > 4_000 and np.isfinite(waveform).all() and np.abs(waveform).max() <= 1.0


def test_a_finished_run_returns_at_once_with_the_same_voice(corpus: Path, tmp_path: Path) -> None:
    run(corpus, tmp_path / "out")
    before, notes = weights(tmp_path / "out"), Notes()

    outcome = run(corpus, tmp_path / "out", notes)

    assert outcome.resumed_from == 12
    assert weights(tmp_path / "out") == before
    assert any("going on from step 12" in note for note in notes.notes)
    assert any("reusing the packed corpus" in note for note in notes.notes)


def test_more_steps_go_on_from_the_newest_checkpoint(corpus: Path, tmp_path: Path) -> None:
    run(corpus, tmp_path / "out")
    outcome = run(corpus, tmp_path / "out", max_steps=16)
    assert (outcome.resumed_from, outcome.result.step) == (12, 16)


def test_another_seed_is_refused_or_another_run_in_the_same_folder(corpus: Path, tmp_path: Path) -> None:
    run(corpus, tmp_path / "out")
    with pytest.raises(
        RunChanged, match=r"training\.seed was 1 and is 2\. Give the values it was made with .* or --fork"
    ):
        run(corpus, tmp_path / "out", seed=2)
    outcome = run(corpus, tmp_path / "out", seed=2, fork=True)
    assert outcome.resumed_from is None


def test_other_recordings_are_not_gone_on_with(corpus: Path, tmp_path: Path) -> None:
    run(corpus, tmp_path / "out")
    other = write_corpus(tmp_path / "other", pitch_hz=200.0)
    with pytest.raises(RunChanged, match="corpus_revision was"):
        run(other, tmp_path / "out")


def test_the_newest_two_checkpoints_and_the_best_are_kept(corpus: Path, tmp_path: Path) -> None:
    with_tiny_preset(max_steps=20, checkpoint_every=2)
    outcome = run(corpus, tmp_path / "out")
    kept = {int(path.name[5:]) for path in checkpoints(tmp_path / "out")}
    assert kept == {18, 20, outcome.result.best_step}


def test_a_damaged_checkpoint_is_passed_over_for_the_one_before_it(corpus: Path, tmp_path: Path) -> None:
    run(corpus, tmp_path / "out")
    with (checkpoints(tmp_path / "out")[-1] / "generator.safetensors").open("r+b") as file:
        file.seek(-4, os.SEEK_END)
        file.write(b"oops")
    notes = Notes()

    outcome = run(corpus, tmp_path / "out", notes)

    assert outcome.resumed_from == 8
    assert "CheckpointDamaged: step-12" in notes.warnings[0] and "step 8, the one before it" in notes.warnings[0]
    assert outcome.result.step == 12


def test_a_run_whose_checkpoints_are_all_damaged_says_so_and_deletes_nothing(corpus: Path, tmp_path: Path) -> None:
    run(corpus, tmp_path / "out")
    for path in checkpoints(tmp_path / "out"):
        (path / "optimizer_generator.pt").write_bytes(b"")
    with pytest.raises(CheckpointDamaged, match=r"every checkpoint under local/runs/.* restore one from a backup"):
        run(corpus, tmp_path / "out")
    assert len(checkpoints(tmp_path / "out")) >= 2


def test_a_full_disk_at_a_checkpoint_keeps_the_one_before(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(corpus, tmp_path / "out", max_steps=4)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        # of the store only: the log's lines come first, and have their own error
        patch.setattr(atomic_file, "os", SimpleNamespace(**{**vars(os), "fsync": full}))
        with pytest.raises(StorageFull, match=r"Free some room and run again; what was stored is untouched"):
            run(corpus, tmp_path / "out")
    assert [path.name for path in checkpoints(tmp_path / "out") if (path / "COMMITTED").exists()] == ["step-4"]

    outcome = run(corpus, tmp_path / "out")
    assert (outcome.resumed_from, outcome.result.step) == (4, 12)


def test_two_runs_into_one_folder_are_refused(corpus: Path, tmp_path: Path) -> None:
    with locked(tmp_path / "out"), pytest.raises(RunBusy, match="another process is training into"):
        run(corpus, tmp_path / "out")


def test_an_output_folder_that_is_a_file_is_refused_by_name(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(CorpusUnwritable, match=r"choose another output folder"):
        run(corpus, tmp_path / "out")


def test_too_few_clips_say_how_many_are_needed(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus")
    lines = (corpus / "manifest.jsonl").read_text().splitlines()
    (corpus / "manifest.jsonl").write_text("\n".join(lines[:5]) + "\n")
    with pytest.raises(TrainingDataTooSmall, match='"anna" has 5 usable clips; at least 8 are needed'):
        run(corpus, tmp_path / "out")


def test_a_device_that_is_not_there_is_refused(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="torch sees no CUDA device"):
        train(TrainRequest(corpora=[corpus], output=tmp_path / "out", preset="Tiny", device="cuda:7"), Notes())


def test_a_base_gives_its_weights_and_knows_its_speakers(corpus: Path, tmp_path: Path) -> None:
    base = run(corpus, tmp_path / "base").voice_path
    other = write_corpus(tmp_path / "other", speaker="ben", pitch_hz=100.0)

    tuned = run(other, tmp_path / "tuned", base=base, max_steps=1, learning_rate=1e-6)

    before, after = Voice.load(base), Voice.load(tuned.voice_path)
    ours, theirs = after.model.vocoder.spectrum.weight, before.model.vocoder.spectrum.weight
    assert np.allclose(ours, theirs, atol=1e-4)
    assert after.card.speakers == ["ben"] and after.card.training["base"] == str(base)
    assert tuned.speakers_in_base == ["anna"]
    found = [each for each in accesses_of(chains_in(Installation().log_folder)) if each.access in ("tune", "train")]
    *_, tune, heard = found
    assert (tune.access, tune.voice, tune.speakers) == ("tune", "anna@1", ("anna",))
    assert (heard.access, heard.speakers) == ("train", ("ben",)) and heard.consent_ids


def test_many_speakers_share_a_teacher_that_one_of_them_is_tuned_from(corpus: Path, tmp_path: Path) -> None:
    schedule = ScheduleConfig(hearing_steps=2, contest_from_step=6)
    with_tiny_preset(model=tiny_teacher(), schedule=schedule, discriminators=TINY_JUDGES)
    other = write_corpus(tmp_path / "other", speaker="ben", pitch_hz=100.0)
    both = TrainRequest(corpora=[corpus, other], output=tmp_path / "base", preset="Tiny", kind="base", device="cpu")

    base = train(both, Notes()).voice_path
    tuned = run(other, tmp_path / "tuned", base=base, max_steps=2).voice_path

    card, vectors = Voice.load(base).card, np.load(base / "speakers.npy")
    assert (card.kind, card.speakers) == ("base", ["anna", "ben"])
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert (base / "discriminators.safetensors").exists()
    assert Voice.load(tuned).card.training["lastPhase"] == "contest"  # from the base's judges, at once
    assert len(Voice.load(base).say("Good night.", speaker="ben")) > 0


@pytest.mark.parametrize(
    ("changed", "value", "message"),
    [
        ("inventory_id", "older", r"was trained with phone inventory older, this version has"),
        ("sample_rate_hz", 24_000, r"speaks at 24000 Hz but the corpus is packed at 16000 Hz"),
    ],
)
def test_a_base_that_does_not_fit_is_refused(
    corpus: Path, tmp_path: Path, changed: str, value: object, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clock_train.orchestration import starting_model

    base = run(corpus, tmp_path / "base").voice_path
    loaded = starting_model.load_voice(base)
    target = loaded.model.vocabulary if changed == "inventory_id" else loaded.model.config.mel
    object.__setattr__(target, changed, value)
    monkeypatch.setattr(starting_model, "load_voice", lambda _: loaded)
    with pytest.raises(BaseIncompatible, match=message):
        run(corpus, tmp_path / "tuned", base=base)


def start(corpus: Path, output: Path, steps: int) -> subprocess.Popen[bytes]:
    root = Path(__file__).parents[2]
    env = {**os.environ, "PYTHONPATH": f"{root / 'platform'}:{Path(__file__).parent}", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "train_tiny.py"), str(corpus), str(output), str(steps)], env=env
    )


def wait_for_step(output: Path, step: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not any(int(path.name[5:]) >= step and (path / "COMMITTED").exists() for path in checkpoints(output)):
        assert process.poll() is None, "the run ended before it could be stopped"
        assert time.monotonic() < deadline, f"no checkpoint of step {step} within {WAIT_S} s"
        time.sleep(0.005)


def test_a_killed_run_goes_on_to_the_very_voice_of_an_unbroken_one(corpus: Path, tmp_path: Path) -> None:
    assert start(corpus, tmp_path / "whole", 60).wait(WAIT_S) == 0

    killed = start(corpus, tmp_path / "killed", 60)
    wait_for_step(tmp_path / "killed", 9, killed)
    killed.kill()
    killed.wait(WAIT_S)
    assert not (tmp_path / "killed" / "voice").exists()
    assert start(corpus, tmp_path / "killed", 60).wait(WAIT_S) == 0

    assert weights(tmp_path / "killed") == weights(tmp_path / "whole")


def test_sigterm_saves_a_checkpoint_and_ends(corpus: Path, tmp_path: Path) -> None:
    process = start(corpus, tmp_path / "out", 100_000)
    wait_for_step(tmp_path / "out", 3, process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(WAIT_S) == 143
    newest = checkpoints(tmp_path / "out")[-1]
    assert (newest / "COMMITTED").exists()


def test_nothing_is_trained_without_a_consent_and_the_error_has_the_command(tmp_path: Path) -> None:
    with_tiny_preset(max_steps=4, checkpoint_every=2)
    corpus = write_corpus(tmp_path / "corpus")
    record = (corpus / "consent.json").read_text()
    wanted = TrainRequest(corpora=[corpus], output=tmp_path / "out", preset="Tiny", device="cpu")
    (corpus / "consent.json").unlink()
    with pytest.raises(ConsentMissing, match=r"clocktrain consent record .* --speaker anna"):
        train(wanted, Notes())
    (corpus / "consent.json").write_text(record.replace('"demonstration"', '"advertising"'))
    with pytest.raises(ConsentForged, match="was altered"):
        train(wanted, Notes())
    (corpus / "consent.json").write_text(record)
    (corpus / "quality.json").write_text("{}")
    with pytest.raises(ConsentInvalid, match="does not say from which recordings it was built"):
        train(wanted, Notes())
    assert not list((tmp_path / "out").glob("packed-*"))


def test_a_consent_that_is_taken_back_in_the_middle_saves_and_stops_the_run(tmp_path: Path) -> None:
    with_tiny_preset(max_steps=400, checkpoint_every=2)
    corpus = write_corpus(tmp_path / "corpus", pitch_hz=151.0)
    registry = Installation().consents()
    consent = read_record(corpus)

    class Revoking(Notes):
        def advance(self, fraction: float, detail: str = "", eta_seconds: float | None = None) -> None:
            if detail.startswith("step") and consent.id not in registry.revoked():
                registry.revoke(consent.id, now=datetime.now(UTC))

    wanted = TrainRequest(corpora=[corpus], output=tmp_path / "out", preset="Tiny", device="cpu")
    with pytest.raises(ConsentRevoked, match="was taken back"):
        train(wanted, Revoking())
    assert checkpoints(tmp_path / "out")  # what was done is saved
    assert not (tmp_path / "out" / "voice").exists()
    with pytest.raises(ConsentRevoked):
        train(wanted, Notes())
