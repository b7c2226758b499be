"""A run that was stopped and taken up again equals one that never stopped, to the last bit."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
import safetensors.torch
import torch
from checkpoint_equality import assert_same, assert_same_files
from tiny_run import SMALL_JUDGES, Notebook, tiny_corpus, tiny_run, tiny_voice

from clock_train.errors import CheckpointMismatch
from clock_train.models.discriminators import DiscriminatorConfig
from clock_train.models.voice import VoiceSource
from clock_train.training.checkpoint import load_average, read_state, restore, to_files
from clock_train.training.device_corpus import AugmentationConfig
from clock_train.training.loop import fit
from clock_train.training.run import Run
from clock_train.training.schedule import ScheduleConfig

STEPS = 12
SETTINGS: dict[str, Any] = {
    "max_steps": STEPS,
    "checkpoint_every": 1,
    "schedule": ScheduleConfig(hearing_steps=4, contest_from_step=8, detach_prior_steps=6, freeze_durations_at_step=7),
    "augmentation": AugmentationConfig(noise_share=0.5),
}


def _unbroken(voice_source: VoiceSource = VoiceSource.STORED) -> tuple[Run, Notebook]:
    run, notebook = tiny_run(voice=tiny_voice(voice_source=voice_source), **SETTINGS), Notebook()
    fit(run, save=notebook.save, report=notebook.report)
    return run, notebook


@pytest.fixture(scope="module")
def unbroken() -> tuple[Run, Notebook]:
    torch.set_num_threads(1)
    return _unbroken()


@pytest.mark.parametrize("stopped_at", [2, 5, 7, 8, 10], ids=lambda step: f"after step {step}")
def test_resuming_equals_never_having_stopped(unbroken: tuple[Run, Notebook], stopped_at: int) -> None:
    run, notebook = unbroken
    # another start and another process's randomness: everything must come from the files
    torch.manual_seed(999)
    resumed = tiny_run(voice=tiny_voice(seed=999), files=notebook.checkpoints[stopped_at], **SETTINGS)
    again = Notebook()
    fit(resumed, save=again.save, report=again.report)
    assert again.terms() == notebook.terms()[stopped_at:]
    assert [r.validation for r in again.reports] == [r.validation for r in notebook.reports[stopped_at:]]
    assert_same_files(to_files(resumed), notebook.checkpoints[STEPS])
    assert resumed.state.best_step == run.state.best_step


def test_resuming_a_teacher_equals_never_having_stopped() -> None:
    _, notebook = _unbroken(VoiceSource.ENCODER)
    voice = tiny_voice(seed=999, voice_source=VoiceSource.ENCODER)
    resumed = tiny_run(voice=voice, files=notebook.checkpoints[5], **SETTINGS)
    fit(resumed, save=Notebook().save)
    assert_same_files(to_files(resumed), notebook.checkpoints[STEPS])


def test_a_stop_in_between_saves_what_can_be_gone_on_from(unbroken: tuple[Run, Notebook]) -> None:
    first = Notebook()
    settings = {**SETTINGS, "checkpoint_every": STEPS}
    stopped = tiny_run(voice=tiny_voice(), **settings)
    fit(stopped, save=first.save, stop_requested=lambda: stopped.state.step == 9)
    assert list(first.checkpoints) == [9]
    resumed = tiny_run(voice=tiny_voice(seed=3), files=first.checkpoints[9], **settings)
    fit(resumed, save=first.save)
    for name in ("generator.safetensors", "ema.safetensors", "discriminators.safetensors"):
        expected = safetensors.torch.load(unbroken[1].checkpoints[STEPS][name])
        assert_same(safetensors.torch.load(first.checkpoints[STEPS][name]), expected, name)


def test_two_runs_with_one_seed_are_the_same_and_with_another_are_not() -> None:
    notebooks = []
    for seed in (1, 1, 2):
        notebook = Notebook()
        fit(tiny_run(seed=seed, max_steps=2), save=notebook.save, report=notebook.report)
        notebooks.append(notebook)
    assert notebooks[0].terms() == notebooks[1].terms() != notebooks[2].terms()


def test_first_weights_of_the_judges_do_not_depend_on_when_they_come() -> None:
    early, late = tiny_run(), tiny_run(max_steps=2)
    early.begin_contest()
    fit(late, save=Notebook().save)
    random = torch.get_rng_state()
    late.begin_contest()
    assert torch.equal(torch.get_rng_state(), random)
    assert early.discriminators is not None
    assert late.discriminators is not None
    assert_same(dict(early.discriminators.state_dict()), dict(late.discriminators.state_dict()), "judges")


def test_saving_changes_nothing(unbroken: tuple[Run, Notebook]) -> None:
    run, _ = unbroken
    assert_same_files(to_files(run), to_files(run))


def test_the_averaged_weights_are_the_ones_that_speak(unbroken: tuple[Run, Notebook]) -> None:
    run, notebook = unbroken
    voice = tiny_voice(seed=5)
    load_average(voice, notebook.checkpoints[STEPS])
    assert_same(dict(voice.named_parameters()), run.average.state(), "average")


MISMATCH = "belongs to another model, phone inventory or list of speakers .* start a new output folder, or go back"


def test_a_checkpoint_of_another_model_is_refused(unbroken: tuple[Run, Notebook]) -> None:
    with pytest.raises(CheckpointMismatch, match=rf"CheckpointMismatch: this checkpoint \(step 2\) {MISMATCH}"):
        tiny_run(voice=tiny_voice(voice_source=VoiceSource.ENCODER), files=unbroken[1].checkpoints[2])


def test_a_checkpoint_of_other_speakers_is_refused(unbroken: tuple[Run, Notebook]) -> None:
    others = tiny_corpus(clips_of={"carla": 10, "ben": 6})
    with pytest.raises(CheckpointMismatch, match=MISMATCH):
        tiny_run(packed=others, files=unbroken[1].checkpoints[2])


def test_a_refused_checkpoint_leaves_the_run_untouched(unbroken: tuple[Run, Notebook]) -> None:
    run = tiny_run(voice=tiny_voice(voice_source=VoiceSource.ENCODER))
    before = {name: value.clone() for name, value in run.voice.state_dict().items()}
    with pytest.raises(CheckpointMismatch):
        restore(run, unbroken[1].checkpoints[2])
    assert run.state.step == 0
    assert_same(dict(run.voice.state_dict()), before, "voice")


def test_a_checkpoint_with_other_judges_is_refused(unbroken: tuple[Run, Notebook]) -> None:
    wider = DiscriminatorConfig(**{**vars(SMALL_JUDGES), "spectrum_channels": 6})
    with pytest.raises(CheckpointMismatch, match=r"judges .* training\.discriminators"):
        tiny_run(files=unbroken[1].checkpoints[10], discriminators=wider)


def test_frozen_durations_of_another_corpus_are_refused(unbroken: tuple[Run, Notebook]) -> None:
    larger = tiny_corpus(clips_of={"anna": 12, "ben": 6})
    with pytest.raises(CheckpointMismatch, match=r"durations .* 16 clips, the corpus has 18; go on with the corpus"):
        tiny_run(packed=larger, files=unbroken[1].checkpoints[10])


def test_a_checkpoint_of_another_version_is_refused(unbroken: tuple[Run, Notebook]) -> None:
    files = dict(unbroken[1].checkpoints[2])
    files["state.json"] = json.dumps({**json.loads(files["state.json"]), "format": 2}).encode()
    with pytest.raises(CheckpointMismatch, match="written by another version of clock-train; install that version"):
        read_state(files)


def test_a_checkpoint_is_never_unpickled(unbroken: tuple[Run, Notebook]) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return (pytest.fail, ("the checkpoint was unpickled",))

    buffer = io.BytesIO()
    torch.save({"batches": Bomb()}, buffer)
    files = {**unbroken[1].checkpoints[2], "random.pt": buffer.getvalue()}
    with pytest.raises(Exception, match=r"[Ww]eights.only"):
        tiny_run(files=files)
