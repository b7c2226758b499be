"""The loop: how it ends, what it says and saves, and that it trains."""

from __future__ import annotations

import itertools
import re
from typing import Any

import numpy as np
import pytest
import torch
from tiny_run import CPU, Notebook, tiny_corpus, tiny_run, tiny_voice

from clock_train.errors import ConfigError, TrainingDiverged
from clock_train.models.vocoder import VocoderConfig, VocoderRate
from clock_train.models.voice import VoiceConfig, VoiceModel, VoiceSource
from clock_train.training.device_corpus import Batch
from clock_train.training.generator_step import LossConfig, StepOutput
from clock_train.training.loop import Ending, fit
from clock_train.training.optimizers import OptimizerConfig
from clock_train.training.run import Run, TrainingConfig
from clock_train.training.schedule import ScheduleConfig
from clock_train.training.validation import ValidationScores, durations_of_corpus, validate

READING = ScheduleConfig(hearing_steps=0)


def test_a_run_ends_after_its_steps_and_saves_validates_and_reports_each() -> None:
    notebook = Notebook()
    result = fit(tiny_run(max_steps=5, checkpoint_every=2), save=notebook.save, report=notebook.report)
    assert (result.ending, result.step) == (Ending.STEPS, 5)
    assert sorted(notebook.checkpoints) == [2, 4, 5]
    assert [r.step for r in notebook.reports] == [1, 2, 3, 4, 5]
    assert [r.validation is not None for r in notebook.reports] == [False, True, False, True, True]
    assert [r.fraction for r in notebook.reports] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert result.last_validation == notebook.reports[-1].validation
    assert result.best_step in notebook.checkpoints


def test_a_run_of_no_steps_does_nothing() -> None:
    notebook = Notebook()
    result = fit(tiny_run(max_steps=0), save=notebook.save, report=notebook.report)
    assert (result.ending, result.step, notebook.checkpoints, notebook.reports) == (Ending.STEPS, 0, {}, [])


def test_a_cpu_budget_ends_the_run_with_a_checkpoint() -> None:
    notebook = Notebook()
    run = tiny_run(max_steps=100_000, max_cpu_seconds=0.3)
    result = fit(run, save=notebook.save, report=notebook.report)
    assert result.ending is Ending.BUDGET
    assert result.cpu_seconds >= 0.3
    assert list(notebook.checkpoints) == [result.step]
    assert notebook.reports[-1].fraction == 1.0


def test_a_budget_counts_what_was_spent_before_the_resumption() -> None:
    notebook = Notebook()
    fit(tiny_run(max_steps=2), save=notebook.save)
    run = tiny_run(max_steps=100_000, max_cpu_seconds=5.0, files=notebook.checkpoints[2])
    assert run.state.cpu_seconds > 0
    run.state.cpu_seconds = 5.0
    assert fit(run, save=notebook.save).ending is Ending.BUDGET
    assert run.state.step == 2


def test_a_wish_to_stop_saves_at_once_and_ends() -> None:
    notebook, asked = Notebook(), itertools.count(1)
    result = fit(tiny_run(max_steps=50), save=notebook.save, stop_requested=lambda: next(asked) == 3)
    assert (result.ending, result.step) == (Ending.STOPPED, 3)
    assert list(notebook.checkpoints) == [3]


def test_without_a_better_score_the_run_ends_early_and_names_the_best_step(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = iter([5.0, 3.0, 4.0, 3.5, 6.0, 1.0])
    monkeypatch.setattr(
        "clock_train.training.loop.validate", lambda _: ValidationScores(next(scores), 0.0, 0.0, 0.0, 0.0)
    )
    notebook = Notebook()
    run = tiny_run(max_steps=60, checkpoint_every=2, patience=3, schedule=READING)
    result = fit(run, save=notebook.save)
    assert (result.ending, result.step, result.best_step) == (Ending.EARLY, 10, 4)
    assert 10 in notebook.checkpoints


def test_patience_counts_in_a_fine_tune_that_begins_with_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clock_train.training.loop.validate", lambda _: ValidationScores(1.0, 0.0, 0.0, 0.0, 0.0))
    result = fit(tiny_run(max_steps=20, checkpoint_every=1, patience=2, schedule=READING), save=Notebook().save)
    assert (result.ending, result.step) == (Ending.EARLY, 3)


def test_patience_waits_until_the_text_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clock_train.training.loop.validate", lambda _: ValidationScores(1.0, 0.0, 0.0, 0.0, 0.0))
    schedule = ScheduleConfig(hearing_steps=6)
    result = fit(tiny_run(max_steps=20, checkpoint_every=1, patience=2, schedule=schedule), save=Notebook().save)
    assert result.ending is Ending.EARLY
    assert result.step > 6


@pytest.mark.parametrize("rate", [VocoderRate.FRAME, VocoderRate.SAMPLE])
def test_validation_leaves_weights_averages_and_randomness_as_they_were(rate: VocoderRate) -> None:
    config = tiny_voice().config
    voice = VoiceModel(
        VoiceConfig(**{**vars(config), "vocoder": VocoderConfig(rate=rate, channels=8, layers=1)}),
        tiny_voice().vocabulary,
        num_speakers=2,
    )
    run = Run(voice, tiny_corpus(), TrainingConfig(batch_size=2, max_steps=1), device=CPU)
    fit(run, save=Notebook().save)
    before = {name: value.clone() for name, value in run.voice.state_dict().items()}
    average = {name: value.clone() for name, value in run.average.state().items()}
    random, batches = torch.get_rng_state(), run.generator.get_state()
    validate(run)
    assert all(torch.equal(value, before[name]) for name, value in run.voice.state_dict().items())
    assert all(torch.equal(value, average[name]) for name, value in run.average.state().items())
    assert torch.equal(torch.get_rng_state(), random)
    assert torch.equal(run.generator.get_state(), batches)
    assert all(parameter.grad is None or parameter.grad.isfinite().all() for parameter in run.voice.parameters())


def test_validation_says_the_same_twice() -> None:
    run = tiny_run()
    assert validate(run) == validate(run)


def test_validation_hears_only_its_own_split() -> None:
    packed = tiny_corpus()
    scores = validate(tiny_run(packed=packed))
    for clip in [i for i in range(len(packed)) if i not in packed.of_split(1)]:
        packed.samples[packed.sample_offsets[clip] : packed.sample_offsets[clip + 1]] = 0
    assert validate(tiny_run(packed=packed)) == scores


def test_how_often_is_validated_changes_no_weight() -> None:
    runs = []
    for every in (1, 4):
        # made one after the other: dropout draws from the one source of randomness that a run seeds
        runs.append(tiny_run(max_steps=4, checkpoint_every=every))
        fit(runs[-1], save=Notebook().save)
    often, seldom = (run.voice.state_dict() for run in runs)
    assert all(torch.equal(value, often[name]) for name, value in seldom.items())


def test_a_loss_that_becomes_nan_stops_with_the_last_good_checkpoint() -> None:
    notebook, run = Notebook(), tiny_run(max_steps=20, checkpoint_every=2)

    def poison() -> bool:
        if run.state.step == 5:
            next(run.voice.vocoder.parameters()).data.fill_(float("nan"))
        return False

    with pytest.raises(TrainingDiverged, match=r'at step 6 the loss term "mel" became nan; .* runs/test/step-4\.'):
        fit(run, save=notebook.save, stop_requested=poison)
    assert sorted(notebook.checkpoints) == [2, 4]


def test_a_divergence_right_after_a_resumption_names_where_the_run_came_from() -> None:
    run = tiny_run(max_steps=3)
    next(run.voice.vocoder.parameters()).data.fill_(float("nan"))
    with pytest.raises(TrainingDiverged, match="the last good checkpoint is runs/a/step-7"):
        fit(run, save=Notebook().save, last_good="runs/a/step-7")


def test_terms_of_a_phase_are_those_that_it_trains() -> None:
    notebook = Notebook()
    schedule = ScheduleConfig(hearing_steps=1, contest_from_step=2)
    fit(tiny_run(max_steps=3, schedule=schedule), save=notebook.save, report=notebook.report)
    hearing, reading, contest = (set(terms) for terms in notebook.terms())
    always = {"alignment", "anchor", "mel", "stft", "gradient_norm"}
    assert hearing == always | {"latent_size"}
    assert reading == always | {"kl", "duration"}
    assert contest == reading | {"discriminator", "adversarial", "feature_matching"}
    assert [r.phase for r in notebook.reports] == ["hearing", "reading", "contest"]


def test_feature_matching_has_a_switch() -> None:
    notebook = Notebook()
    schedule = ScheduleConfig(hearing_steps=0, contest_from_step=0)
    settings = LossConfig(feature_matching=0.0)
    fit(tiny_run(max_steps=1, schedule=schedule, loss=settings), save=notebook.save, report=notebook.report)
    assert "feature_matching" not in notebook.terms()[0]
    assert "adversarial" in notebook.terms()[0]


def test_the_spectral_loss_has_a_switch() -> None:
    notebook = Notebook()
    fit(tiny_run(max_steps=1, loss=LossConfig(stft=0.0)), save=notebook.save, report=notebook.report)
    assert "stft" not in notebook.terms()[0]


def test_the_judges_learn_from_their_own_loss_only() -> None:
    run = tiny_run(max_steps=1, schedule=ScheduleConfig(hearing_steps=0, contest_from_step=0))
    run.begin_contest()
    assert run.discriminators is not None
    before = {name: value.clone() for name, value in run.discriminators.state_dict().items()}
    notebook = Notebook()
    fit(run, save=notebook.save, report=notebook.report)
    assert any(not torch.equal(value, before[name]) for name, value in run.discriminators.state_dict().items())
    # the generator's backward pass ran last: had it reached the judges, their gradients would be there again
    with_judges = run.generator_optimizer.param_groups
    judges = {id(p) for p in run.discriminators.parameters()}
    assert not any(id(p) in judges for group in with_judges for p in group["params"])


def test_durations_freeze_at_their_step_and_nothing_is_searched_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    run = tiny_run(max_steps=5, schedule=ScheduleConfig(hearing_steps=0, freeze_durations_at_step=2))
    searched_at, used = [], []
    search, step = VoiceModel.search_alignment, run.generator_step.forward

    def spy_search(voice: VoiceModel, *args: Any) -> torch.Tensor:
        if voice.training:
            searched_at.append(run.state.step)
        return search(voice, *args)

    def spy_step(batch: Batch, *args: Any, **settings: Any) -> StepOutput:
        output = step(batch, *args, **settings)
        used.append((batch.indices, output.durations_BL))
        return output

    monkeypatch.setattr(VoiceModel, "search_alignment", spy_search)
    monkeypatch.setattr(run.generator_step, "forward", spy_step)
    fit(run, save=Notebook().save)
    assert searched_at == [0, 1]
    assert run.frozen_durations is not None
    for indices, durations in used[2:]:
        assert torch.equal(durations, run.frozen_durations[indices, : durations.shape[1]])


def test_frozen_durations_of_a_corpus_fit_every_clip() -> None:
    run = tiny_run()
    durations = durations_of_corpus(run)
    frames = torch.from_numpy(np.diff(run.corpus.packed.sample_offsets) // 256)
    phones = torch.from_numpy(np.diff(run.corpus.packed.token_offsets))
    assert torch.equal(durations.sum(1), frames)
    assert torch.equal((durations > 0).sum(1), phones)


@pytest.mark.parametrize("voice_source", list(VoiceSource))
def test_a_tiny_model_learns_a_tiny_corpus(voice_source: VoiceSource) -> None:
    notebook = Notebook()
    run = tiny_run(
        packed=tiny_corpus(clips_of={"anna": 4, "ben": 4}),
        voice=tiny_voice(voice_source=voice_source),
        max_steps=80,
        schedule=ScheduleConfig(hearing_steps=40),
        optimizer=OptimizerConfig(learning_rate=3e-3, warmup_steps=5),
    )
    fit(run, save=notebook.save, report=notebook.report)
    first, last = notebook.terms()[:4], notebook.terms()[-4:]

    def mean(terms: list[dict[str, float]], name: str) -> float:
        return float(np.mean([each[name] for each in terms]))

    # seen with seeds 1 to 3: mel to 0.35 to 0.45 of its start, alignment to 0.5 to 0.6
    assert mean(last, "mel") < 0.6 * mean(first, "mel")
    assert mean(last, "alignment") < 0.75 * mean(first, "alignment")
    kl = [terms["kl"] for terms in notebook.terms() if "kl" in terms]
    assert np.mean(kl[-4:]) < 0.8 * np.mean(kl[:4])


def test_every_weight_of_the_generator_moves() -> None:
    voice = tiny_voice(voice_source=VoiceSource.ENCODER)
    run = tiny_run(voice=voice, max_steps=6, schedule=ScheduleConfig(hearing_steps=2))
    # labels and noise occur, so that their tables are reached too
    before = {name: value.clone() for name, value in voice.named_parameters()}
    fit(run, save=Notebook().save)
    still = [name for name, value in voice.named_parameters() if torch.equal(value, before[name])]
    assert [name for name in still if not re.match(r"condition\.(circumstances|emotion)", name)] == []


@pytest.mark.skipif(not torch.cuda.is_available(), reason="bfloat16 is used on CUDA only, and there is none here")
def test_on_a_gpu_mixed_precision_learns_as_float32_does() -> None:
    ends = []
    for bf16 in (True, False):
        packed = tiny_corpus()
        config = TrainingConfig(batch_size=4, max_steps=30, checkpoint_every=1_000, bf16=bf16)
        run = Run(tiny_voice(), packed, config, device=torch.device("cuda"))
        assert run.autocast is bf16
        fit(run, save=Notebook().save)
        ends.append(validate(run).mel)
    # bfloat16 has 8 bits: the course differs, the level does not
    assert ends[0] == pytest.approx(ends[1], rel=0.1)


def test_on_a_cpu_mixed_precision_stays_off() -> None:
    assert tiny_run(bf16=True).autocast is False


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": 0}, "training.batch_size is 0; give 1 or more"),
        ({"max_steps": -1}, "training.max_steps is -1; give 0 or more"),
        ({"checkpoint_every": 0}, "training.checkpoint_every is 0; give 1 or more"),
        ({"max_cpu_seconds": 0.0}, "training.max_cpu_seconds is 0.0; give more than 0, or none"),
        ({"patience": 0}, "training.patience is 0; give 1 or more, or none"),
        ({"ema_decay": 1.5}, "training.ema_decay is 1.5; give 0 or more, less than 1, such as 0.999"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=f"ConfigError: {re.escape(message)}"):
        TrainingConfig(**settings)  # type: ignore[arg-type]
