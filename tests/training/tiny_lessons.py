"""A tiny teacher's lessons for a student tinier still, on the corpus of ``tiny_run``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from tiny_run import CPU, HOP, NUM_PHONES, SMALL_JUDGES, VOCABULARY, tiny_corpus, tiny_voice

from clock_train.data.packing import PackedCorpus
from clock_train.models.vocoder import VocoderConfig
from clock_train.models.voice import VoiceModel
from clock_train.orchestration.lesson_packing import with_spoken
from clock_train.orchestration.teaching_text import TeachingText
from clock_train.training.asking import lessons_of
from clock_train.training.device_corpus import DeviceCorpus
from clock_train.training.lessons import LessonConfig, Lessons
from clock_train.training.parallel import ALONE, Parallel
from clock_train.training.run import Run, Teaching, TrainingConfig
from clock_train.training.teacher_speech import speak

VECTORS = torch.nn.functional.normalize(torch.randn(2, 16, generator=torch.Generator().manual_seed(3)), dim=1)
LABELS = (1, 0)


def tiny_student(*, seed: int = 11) -> VoiceModel:
    """Half the latent of ``tiny_voice``."""
    torch.manual_seed(seed)
    config = replace(tiny_voice().config, latent_channels=4, vocoder=VocoderConfig(channels=16, layers=1))
    torch.manual_seed(seed)
    return VoiceModel(config, VOCABULARY, num_speakers=2)


def random_texts(count: int, *, seed: int) -> list[TeachingText]:
    rng = np.random.default_rng(seed)
    texts = []
    for n in range(count):
        phones = rng.integers(1, NUM_PHONES, rng.integers(5, 9))
        ids = np.stack([phones, phones % 3, np.ones_like(phones)])
        texts.append(TeachingText(f"spoken {n}", "en", ids, "statement", n % 2))
    return texts


def taught(
    teacher: VoiceModel | None = None,
    *,
    latent_channels: int = 4,
    sentences: int = 12,
    corpus: PackedCorpus | None = None,
) -> tuple[PackedCorpus, Lessons]:
    """Recordings with spoken sentences after them, and the lessons of both."""
    teacher = (teacher or tiny_voice()).eval()
    texts = random_texts(sentences, seed=5)
    vectors = VECTORS[[text.speaker for text in texts]]
    spoken = speak(teacher, [t.ids_3L for t in texts], vectors, [LABELS] * sentences, noise_scale=0.0, seed=1)
    packed, known = with_spoken(tiny_corpus(), texts, spoken)
    device_corpus = DeviceCorpus(packed, hop_samples=HOP, device=CPU)
    return packed, lessons_of(teacher, device_corpus, VECTORS, known_durations=known, latent_channels=latent_channels)


def taught_run(
    packed: PackedCorpus,
    lessons: Lessons,
    *,
    student: VoiceModel | None = None,
    parallel: Parallel = ALONE,
    lesson: LessonConfig | None = None,
    **settings: Any,
) -> Run:
    """A student's run on the CPU; ``settings`` are those of ``TrainingConfig``."""
    config = TrainingConfig(**{"batch_size": 4, "discriminators": SMALL_JUDGES, "checkpoint_every": 1_000, **settings})
    teaching = Teaching(lessons, lesson or LessonConfig())
    return Run(student or tiny_student(), packed, config, device=CPU, parallel=parallel, teaching=teaching)
