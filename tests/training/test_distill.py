"""A student learns what its teacher knows: what the lessons are, where gradients go, and that it ends nearer to it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from checkpoint_equality import assert_same, assert_same_files
from tiny_lessons import LABELS, VECTORS, random_texts, taught, taught_run, tiny_student
from tiny_run import HOP, Notebook, tiny_run, tiny_voice
from torch import Tensor

from clock_train.data.packing import PackedCorpus
from clock_train.data.splits import TRAIN
from clock_train.errors import CheckpointMismatch, ConfigError, CorpusDamaged
from clock_train.models.condition import clean_circumstances
from clock_train.models.voice import VoiceModel, length_mask
from clock_train.training.asking import project
from clock_train.training.batching import SamplerPosition
from clock_train.training.checkpoint import load_average, restore, to_files
from clock_train.training.device_corpus import AugmentationConfig
from clock_train.training.generator_step import GeneratorStep, LossConfig
from clock_train.training.lessons import LessonConfig, Lessons, prior_divergence
from clock_train.training.loop import fit
from clock_train.training.mixed_batches import MixedPlan
from clock_train.training.optimizers import OptimizerConfig
from clock_train.training.schedule import Phase, ScheduleConfig
from clock_train.training.teacher_speech import speak

STEPS = 12
SETTINGS: dict[str, Any] = {
    "max_steps": STEPS,
    "checkpoint_every": 1,
    "schedule": ScheduleConfig(hearing_steps=3, contest_from_step=8),
}
HOT = OptimizerConfig(learning_rate=3e-3, warmup_steps=20)
TEACHER_STEPS, STUDENT_STEPS = 450, 60
SPEAKING: dict[str, Any] = {
    "max_steps": STUDENT_STEPS,
    "checkpoint_every": STUDENT_STEPS,
    "schedule": ScheduleConfig(hearing_steps=20),
    "optimizer": HOT,
}


@pytest.fixture(scope="module")
def lessons() -> tuple[PackedCorpus, Lessons]:
    torch.set_num_threads(1)
    return taught()


@pytest.fixture(scope="module")
def trained_teacher() -> VoiceModel:
    """A teacher that has learnt something worth teaching."""
    torch.set_num_threads(1)
    schedule = ScheduleConfig(hearing_steps=60, detach_prior_steps=150)
    run = tiny_run(max_steps=TEACHER_STEPS, checkpoint_every=TEACHER_STEPS, optimizer=HOT, schedule=schedule)
    with torch.no_grad():
        run.voice.stored_speakers.weight.copy_(VECTORS)
    run.voice.stored_speakers.weight.requires_grad_(False)
    notebook = Notebook()
    fit(run, save=notebook.save)
    load_average(run.voice, notebook.checkpoints[TEACHER_STEPS])
    return run.voice.eval().requires_grad_(False)


def test_lessons_say_every_frame_of_every_clip(lessons: tuple[PackedCorpus, Lessons]) -> None:
    packed, said = lessons
    frames = np.diff(packed.sample_offsets) // HOP
    phones = np.diff(packed.token_offsets)
    assert len(packed) == 16 + 12 and said.is_spoken.tolist() == [False] * 16 + [True] * 12
    assert said.durations_NL.sum(1).tolist() == frames.tolist(), "each frame belongs to one phone"
    for clip, count in enumerate(phones):
        assert (said.durations_NL[clip, :count] >= 1).all() and (said.durations_NL[clip, count:] == 0).all()
    assert said.prior_TC2.shape == (frames.sum(), 2 * 4) and said.prior_TC2.dtype == torch.float16
    assert said.channels == 4 and 0 < said.kept_variance <= 1
    assert set(packed.split_of[16:]) == {TRAIN}, "what the teacher spoke is never judged"


def test_a_window_of_the_prior_is_that_part_of_the_whole(lessons: tuple[PackedCorpus, Lessons]) -> None:
    _, said = lessons
    clips = torch.tensor([0, 5])
    whole, _ = said.prior(clips, torch.tensor([0, 0]), 20)
    part, deviation = said.prior(clips, torch.tensor([3, 7]), 6)
    assert torch.equal(part[0], whole[0, :, 3:9]) and torch.equal(part[1], whole[1, :, 7:13])
    last = int(said.frames_N[0]) - 1
    past, _ = said.prior(clips[:1], torch.tensor([last]), 4)
    assert torch.equal(past, past[..., :1].expand_as(past)), "the last frame is repeated"
    assert deviation.isfinite().all()


def test_durations_of_what_it_spoke_are_those_it_spoke_with(lessons: tuple[PackedCorpus, Lessons]) -> None:
    packed, said = lessons
    texts = random_texts(12, seed=5)
    vectors = VECTORS[[text.speaker for text in texts]]
    again = speak(tiny_voice().eval(), [t.ids_3L for t in texts], vectors, [LABELS] * 12, noise_scale=0.0, seed=1)
    for n, spoken in enumerate(again):
        assert said.durations_NL[16 + n, : len(spoken.durations)].tolist() == spoken.durations.tolist()
        wave = packed.samples[packed.sample_offsets[16 + n] : packed.sample_offsets[17 + n]]
        assert np.array_equal(wave, spoken.samples), "the same texts are the same samples"


def test_noise_is_seeded() -> None:
    teacher, texts = tiny_voice().eval(), random_texts(3, seed=1)

    def say(seed: int) -> list[bytes]:
        spoken = speak(teacher, [t.ids_3L for t in texts], VECTORS[[0, 1, 0]], [LABELS] * 3, noise_scale=0.7, seed=seed)
        return [each.samples.tobytes() for each in spoken]

    assert say(1) == say(1) != say(2)


def test_lessons_survive_their_file_and_a_cut_one_is_refused(
    lessons: tuple[PackedCorpus, Lessons], tmp_path: Path
) -> None:
    path = tmp_path / "lessons.safetensors"
    lessons[1].save(path)
    assert Lessons.load(path).digest == lessons[1].digest
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CorpusDamaged, match="Delete it: it is made again from the teacher"):
        Lessons.load(path)


def test_a_projected_gaussian_has_the_projected_moments() -> None:
    generator = torch.Generator().manual_seed(0)
    directions = torch.linalg.qr(torch.randn(6, 6, generator=generator)).Q
    mean = torch.randn(400, 6, generator=generator) * torch.tensor([5.0, 3.0, 1.0, 0.1, 0.1, 0.1]) @ directions.T
    log_deviation = torch.randn(400, 6, generator=generator) * 0.3
    projected, kept = project(torch.cat([mean, log_deviation], dim=1), 3)
    assert projected.shape == (400, 6) and kept > 0.99
    # distances between means survive where the directions left out carry almost nothing
    apart = (mean[0] - mean[1]).norm()
    assert (projected[0, :3] - projected[1, :3]).norm() == pytest.approx(float(apart), rel=0.05)
    assert torch.exp(2 * projected[:, 3:]).sum(1).max() <= torch.exp(2 * log_deviation).sum(1).max() + 1e-4
    spread = projected[:, :3].var(0)
    assert spread[0] > spread[1] > spread[2], "the first channels carry most"


def test_a_latent_that_is_wide_enough_is_taken_as_it_is() -> None:
    statistics = torch.randn(10, 8)
    same, kept = project(statistics, 4)
    assert torch.equal(same, statistics) and kept == 1.0


def test_the_divergence_is_that_of_the_distributions_and_zero_between_equals() -> None:
    mean, log_deviation = torch.randn(2, 3, 5), torch.randn(2, 3, 5) * 0.2
    wanted = torch.randn(2, 3, 5), torch.randn(2, 3, 5) * 0.2
    mask, rows = torch.ones(2, 1, 5), torch.ones(2)
    assert float(prior_divergence((mean, log_deviation), mean, log_deviation, mask, rows)) == pytest.approx(0, abs=1e-6)
    teacher = torch.distributions.Normal(wanted[0], wanted[1].exp())
    student = torch.distributions.Normal(mean, log_deviation.exp())
    expected = torch.distributions.kl_divergence(teacher, student).mean()
    assert float(prior_divergence(wanted, mean, log_deviation, mask, rows)) == pytest.approx(float(expected), rel=1e-5)
    only_first = prior_divergence(wanted, mean, log_deviation, mask, torch.tensor([1.0, 0.0]))
    half = torch.distributions.kl_divergence(teacher, student)[0].mean() / 2
    assert float(only_first) == pytest.approx(float(half), rel=1e-5)


def _gradients(run_voice: VoiceModel, term: Tensor) -> set[str]:
    run_voice.zero_grad(set_to_none=True)
    term.backward(retain_graph=True)
    return {
        name.split(".")[0]
        for name, parameter in run_voice.named_parameters()
        if parameter.grad is not None and float(parameter.grad.abs().max()) > 0
    }


def test_the_teachers_terms_reach_all_that_speaks_and_nothing_that_only_hears(
    lessons: tuple[PackedCorpus, Lessons],
) -> None:
    run = taught_run(*lessons)
    indices = run.plan.next(SamplerPosition())
    output = run.generator_step(
        run.corpus.batch(indices),
        Phase.READING,
        detach_prior=False,
        durations_BL=lessons[1].durations_NL[indices, : run.corpus.batch(indices).ids_B3L.shape[2]],
        generator=torch.Generator().manual_seed(0),
        lesson=run.lesson(indices),
    )
    speaks = {"condition", "stored_speakers", "text_encoder", "prior"}
    assert _gradients(run.voice, output.terms["teacher_prior"]) == speaks
    # the flow begins as the identity: its shift has a gradient, its inside none yet
    assert _gradients(run.voice, output.terms["teacher_speech"]) == speaks | {"flow", "vocoder"}


def test_the_teacher_stays_as_it_was() -> None:
    teacher = tiny_voice().eval()
    before = copy.deepcopy(teacher.state_dict())
    packed, said = taught(teacher)
    fit(taught_run(packed, said, max_steps=3), save=Notebook().save)
    assert_same(dict(teacher.state_dict()), before, "teacher")
    assert all(parameter.grad is None for parameter in teacher.parameters())


def test_a_clip_that_is_made_noisy_is_not_taught_the_clean_prior(lessons: tuple[PackedCorpus, Lessons]) -> None:
    noisy = AugmentationConfig(noise_share=1.0)
    run = taught_run(*lessons, max_steps=1, augmentation=noisy, schedule=ScheduleConfig(hearing_steps=0))
    notebook = Notebook()
    fit(run, save=notebook.save, report=notebook.report)
    assert notebook.terms()[0]["teacher_prior"] == 0.0


def test_losses_of_the_lessons_fall(trained_teacher: VoiceModel) -> None:
    notebook = Notebook()
    run = taught_run(*taught(trained_teacher, sentences=24), **{**SPEAKING, "max_steps": 2 * STUDENT_STEPS})
    fit(run, save=notebook.save, report=notebook.report)
    taught_terms = [terms for terms in notebook.terms() if "teacher_prior" in terms]
    for name in ("teacher_prior", "teacher_speech", "duration"):
        first, last = (np.mean([terms[name] for terms in part]) for part in (taught_terms[:8], taught_terms[-8:]))
        assert last < 0.8 * first, name


def test_a_taught_student_speaks_more_like_the_teacher_than_an_untaught_one(trained_teacher: VoiceModel) -> None:
    """New texts, the teacher's durations, each from its mean: the distance of their log-mels."""
    packed, said = taught(trained_teacher, sentences=24)
    with_teacher, without = [], []
    for seed in (11, 12):
        for distances, run in (
            (with_teacher, taught_run(packed, said, student=tiny_student(seed=seed), **SPEAKING)),
            (without, tiny_run(voice=tiny_student(seed=seed), **SPEAKING)),
        ):
            notebook = Notebook()
            fit(run, save=notebook.save)
            load_average(run.voice, notebook.checkpoints[STUDENT_STEPS])
            distances.append(_distance_to(trained_teacher, run.voice.eval()))
    # 1.11 and 0.96 against 1.27 and 1.35 where it was measured, a third pair 1.10 against 1.38: a ratio of 0.79
    assert np.mean(with_teacher) < 0.9 * np.mean(without), (with_teacher, without)


@torch.inference_mode()
def _distance_to(teacher: VoiceModel, student: VoiceModel) -> float:
    spectrogram = GeneratorStep(student, LossConfig()).spectrogram
    total = 0.0
    for text in random_texts(8, seed=77):
        ids, phones = torch.from_numpy(text.ids_3L)[None], torch.tensor([text.ids_3L.shape[1]])
        mels, durations = [], None
        for voice in (teacher, student):
            vectors = VECTORS if voice is teacher else voice.stored_speakers.weight
            condition = voice.condition(vectors[text.speaker][None], torch.tensor([LABELS]), clean_circumstances(1))
            reading = voice.read(ids, phones, condition)
            if durations is None:
                durations = voice.durations(reading.encoded_BCL, reading.mask_B1L, condition, 1.0)
            mask = length_mask(durations.sum(1), int(durations.sum()))
            noise = torch.zeros(1, voice.config.latent_channels, mask.shape[-1])
            latent = voice.latents(reading.encoded_BCL, durations, mask, condition, noise)
            mels.append(spectrogram.log_mel_of(spectrogram.magnitude(voice.vocoder(latent, condition))))
        total += float((mels[0] - mels[1]).abs().mean())
    return total / 8


@pytest.mark.parametrize("stopped_at", [2, 6, 10], ids=["hearing", "reading", "contest"])
def test_a_resumed_student_equals_an_unbroken_one(lessons: tuple[PackedCorpus, Lessons], stopped_at: int) -> None:
    whole = Notebook()
    fit(taught_run(*lessons, **SETTINGS), save=whole.save, report=whole.report)
    assert "durations.safetensors" not in whole.checkpoints[STEPS], "the lessons have them"
    torch.manual_seed(999)
    run = taught_run(*lessons, student=tiny_student(seed=999), **SETTINGS)
    restore(run, whole.checkpoints[stopped_at])
    again = Notebook()
    fit(run, save=again.save, report=again.report)
    assert again.terms() == whole.terms()[stopped_at:]
    assert_same_files(to_files(run), whole.checkpoints[STEPS])


def test_a_checkpoint_of_other_lessons_is_refused(lessons: tuple[PackedCorpus, Lessons]) -> None:
    notebook = Notebook()
    fit(taught_run(*lessons, max_steps=1, checkpoint_every=1), save=notebook.save)
    packed, other = taught(tiny_voice(seed=8))
    with pytest.raises(CheckpointMismatch, match="start a new output folder, or go back"):
        restore(taught_run(packed, other), notebook.checkpoints[1])


@pytest.mark.parametrize(("batch", "share", "expected"), [(4, 0.5, 2), (5, 0.4, 2), (16, 0.25, 4), (2, 0.9, 1)])
def test_every_batch_has_its_share_of_both_kinds(batch: int, share: float, expected: int) -> None:
    plan = MixedPlan(range(20), range(20, 50), [9] * 50, [0] * 50, batch_size=batch, spoken_share=share, seed=1)
    position, seen = SamplerPosition(), set[int]()
    for _ in range(60):
        chosen = plan.next(position)
        assert len(chosen) == batch == plan.batch_size
        assert (chosen >= 20).sum() == expected
        seen |= set(chosen.tolist())
    assert seen == set(range(50)), "every clip has its turn"


def test_the_kinds_are_spread_over_the_rows_and_follow_from_the_position_alone() -> None:
    kinds = range(8), range(8, 24), [9] * 24, [0] * 24
    plans = [MixedPlan(*kinds, batch_size=8, spoken_share=0.5, seed=3) for _ in "ab"]
    position = SamplerPosition()
    drawn = [plans[0].next(position).tolist() for _ in range(7)]
    assert all(sum(row >= 8 for row in rows[:4]) == 2 for rows in drawn), "two workers get as many of each"
    late = SamplerPosition(*divmod(5, plans[1].batches_per_epoch))
    assert plans[1].next(late).tolist() == drawn[5]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"spoken_share": 0.0}, "distillation.lesson.spoken_share is 0.0; give a number between 0 and 1"),
        ({"spoken_share": 1.0}, "needs both, recordings and sentences"),
        ({"prior": -1.0}, r"distillation.lesson.prior is -1.0; give 0 or more"),
        ({"speech": -1.0}, r"distillation.lesson.speech is -1.0; give 0 or more"),
    ],
)
def test_a_share_that_leaves_one_kind_out_is_refused(values: dict[str, float], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        LessonConfig(**values)
