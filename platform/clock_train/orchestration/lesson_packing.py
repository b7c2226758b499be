"""Recordings and what a teacher spoke as one packed corpus, with what the teacher says of each clip of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from clock_train.data.packing import LONGEST_SECONDS, PackedCorpus
from clock_train.data.splits import TRAIN
from clock_train.models.voice import VoiceModel
from clock_train.orchestration.teaching_text import TeachingText
from clock_train.training.asking import lessons_of
from clock_train.training.device_corpus import DeviceCorpus
from clock_train.training.lessons import Lessons
from clock_train.training.teacher_speech import Spoken


def with_spoken(
    packed: PackedCorpus, texts: Sequence[TeachingText], spoken: Sequence[Spoken]
) -> tuple[PackedCorpus, dict[int, np.ndarray]]:
    """The corpus with the spoken sentences after its clips, in the training split.

    Returns:
        It, and the durations of each spoken clip by its index. Sentences longer than a corpus' longest clip are left
        out.
    """
    longest = LONGEST_SECONDS * packed.sample_rate_hz
    kept = [pair for pair in zip(texts[: len(spoken)], spoken, strict=True) if len(pair[1].samples) <= longest]
    first = len(packed)
    waves, ids = [each.samples for _, each in kept], [text.ids_3L for text, _ in kept]
    count = len(kept)
    extended = PackedCorpus(
        sample_rate_hz=packed.sample_rate_hz,
        inventory_id=packed.inventory_id,
        speakers=packed.speakers,
        clip_ids=[*packed.clip_ids, *(f"teacher-{n}" for n in range(count))],
        texts=[*packed.texts, *(text.text for text, _ in kept)],
        languages=[*packed.languages, *(text.language for text, _ in kept)],
        styles=[*packed.styles, *(text.style for text, _ in kept)],
        emotions=[*packed.emotions, *[""] * count],
        samples=np.concatenate([packed.samples, *waves]),
        sample_offsets=_longer(packed.sample_offsets, [len(wave) for wave in waves]),
        tokens=np.concatenate([packed.tokens, *ids], axis=1),
        token_offsets=_longer(packed.token_offsets, [each.shape[1] for each in ids]),
        speaker_of=np.concatenate([packed.speaker_of, np.array([t.speaker for t, _ in kept], dtype=np.int64)]),
        split_of=np.concatenate([packed.split_of, np.full(count, TRAIN, dtype=np.int64)]),
        speed_percent=np.concatenate([packed.speed_percent, np.zeros(count, dtype=np.float32)]),
    )
    return extended, {first + n: each.durations for n, (_, each) in enumerate(kept)}


def ask(
    teacher: VoiceModel,
    packed: PackedCorpus,
    vectors_SE: np.ndarray,
    known_durations: dict[int, np.ndarray],
    *,
    latent_channels: int,
    device: torch.device,
    progress: Callable[[int, int], None],
) -> Lessons:
    """What the teacher says of every clip; see ``training.asking``."""
    corpus = DeviceCorpus(packed, hop_samples=teacher.config.mel.hop_samples, device=device)
    vectors = torch.from_numpy(vectors_SE).to(device)
    return lessons_of(
        teacher, corpus, vectors, known_durations=known_durations, latent_channels=latent_channels, progress=progress
    )


def _longer(offsets: np.ndarray, lengths: Sequence[int]) -> np.ndarray:
    return np.concatenate([offsets, offsets[-1] + np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)
