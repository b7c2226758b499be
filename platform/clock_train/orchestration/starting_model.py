"""The model a run begins with: fresh from a seed, or taken over from a base."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from clock_train.data.packed_file import PackedCorpus
from clock_train.errors import BaseIncompatible, ConfigError, TeacherIncompatible
from clock_train.models.discriminators import DiscriminatorConfig, Discriminators
from clock_train.models.text_encoder import Vocabulary
from clock_train.models.voice import VoiceConfig, VoiceModel, VoiceSource
from clock_train.models.voice_files import LoadedVoice, load_voice, stored_vectors
from clock_train.text.inventory import INVENTORY_ID, LANGUAGES, NUM_TONES, PHONES
from clock_train.training.generator_step import speaker_vectors
from clock_train.training.run import Run
from clock_train.training.taking_over import take_over

EMBEDDING_CLIPS = 64
"""Clips of a speaker whose vectors are averaged into the stored one."""


@dataclass(frozen=True)
class StartingModel:
    """A model and, where the base kept them, its discriminators."""

    voice: VoiceModel
    discriminators: Discriminators | None
    base_speakers: list[str]


def vocabulary() -> Vocabulary:
    """Sizes of the text front-end's tables."""
    return Vocabulary(phones=len(PHONES), tones=NUM_TONES, languages=len(LANGUAGES), inventory_id=INVENTORY_ID)


def from_scratch(
    config: VoiceConfig, packed: PackedCorpus, *, seed: int, initial_vectors: dict[str, list[float]] | None
) -> StartingModel:
    """A fresh model; the same seed gives the same weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        voice = VoiceModel(config, vocabulary(), num_speakers=len(packed.speakers))
    _set_vectors(voice, packed.speakers, initial_vectors)
    return StartingModel(voice, None, [])


def from_base(
    path: Path,
    packed: PackedCorpus,
    *,
    seed: int,
    initial_vectors: dict[str, list[float]] | None,
    judges: DiscriminatorConfig,
) -> StartingModel:
    """A base's weights, with room for the speakers of this corpus.

    A speaker whom the base knows keeps the vector; a new one starts from the mean of the base's.

    Raises:
        BaseIncompatible: the base has another phone inventory or sample rate.
        VoiceNotFound, BundleDamaged: the base cannot be read.
    """
    base = load_voice(path)
    config = base.model.config
    if base.model.vocabulary.inventory_id != INVENTORY_ID:
        raise BaseIncompatible(
            f'the base "{path}" was trained with phone inventory {base.model.vocabulary.inventory_id}, this version '
            f"has {INVENTORY_ID}; use a base of this version, or train one: clocktrain pretrain"
        )
    if config.mel.sample_rate_hz != packed.sample_rate_hz:
        raise BaseIncompatible(
            f'the base "{path}" speaks at {config.mel.sample_rate_hz} Hz but the corpus is packed at '
            f"{packed.sample_rate_hz} Hz; build the corpus at the base's rate, or use another base"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        voice = VoiceModel(config, vocabulary(), num_speakers=len(packed.speakers))
    weights = base.model.state_dict()
    if config.voice_source is VoiceSource.STORED:
        known = dict(zip(base.card.speakers, base.vectors_SE, strict=True))
        mean = base.vectors_SE.mean(0)
        rows = np.stack([known.get(name, mean) for name in packed.speakers])
        weights["stored_speakers.weight"] = torch.from_numpy(rows)
    voice.load_state_dict(weights)
    _set_vectors(voice, packed.speakers, initial_vectors)
    return StartingModel(voice, _judges_of(base, judges, path), base.card.speakers)


def taken_over(started: StartingModel, path: Path, judges: DiscriminatorConfig | None) -> StartingModel:
    """A student with what fits of its teacher; with the teacher's discriminators where ``judges`` says their sizes.

    Raises:
        TeacherIncompatible: the discriminators have other sizes.
        VoiceNotFound, BundleDamaged: the voice cannot be read.
    """
    teacher = load_voice(path)
    take_over(started.voice, teacher.model)
    if judges is None:
        return started
    try:
        return replace(started, discriminators=_judges_of(teacher, judges, path))
    except BaseIncompatible as error:
        raise TeacherIncompatible(
            f'the discriminators of the teacher "{path}" have other sizes than distillation.training.discriminators; '
            "give those that it was trained with"
        ) from error


def _judges_of(base: LoadedVoice, config: DiscriminatorConfig, path: Path) -> Discriminators | None:
    if base.discriminators is None:
        return None
    made = Discriminators(config)
    try:
        made.load_state_dict(base.discriminators)
    except RuntimeError as error:
        raise BaseIncompatible(
            f'the discriminators of the base "{path}" have other sizes than training.discriminators; use the preset '
            "that the base was trained with"
        ) from error
    return made


def _set_vectors(voice: VoiceModel, speakers: list[str], vectors: dict[str, list[float]] | None) -> None:
    if not vectors or voice.config.voice_source is not VoiceSource.STORED:
        return
    width = voice.config.embedding_channels
    for name, vector in vectors.items():
        if name not in speakers:
            raise ConfigError(
                f'speaker_embeddings names "{name}", but the recordings are of {", ".join(speakers)}; use those names'
            )
        if len(vector) != width:
            raise ConfigError(
                f'the embedding of "{name}" has {len(vector)} numbers, this model takes {width}; '
                "make it with clock_train.extract_speaker_embedding"
            )
        with torch.no_grad():
            voice.stored_speakers.weight[speakers.index(name)] = torch.tensor(vector, dtype=torch.float32)


@torch.no_grad()
def vectors_after_training(run: Run) -> np.ndarray:
    """(S, E): stored vectors, or the mean of what the encoder hears in each speaker's training clips."""
    voice, packed = run.voice, run.corpus.packed
    if voice.config.voice_source is VoiceSource.STORED:
        return stored_vectors(voice)
    voice.eval()
    means = []
    for speaker in range(len(packed.speakers)):
        clips = [i for i in packed.of_split(0) if packed.speaker_of[i] == speaker][:EMBEDDING_CLIPS]
        vectors = []
        for start in range(0, len(clips), 8):
            batch = run.corpus.batch(clips[start : start + 8])
            _, log_mel = run.generator_step.spectrogram(batch.waveform_BN)
            vectors.append(speaker_vectors(voice, batch.speaker_B, log_mel, batch.frames_B))
        mean = torch.cat(vectors).mean(0)
        means.append(torch.nn.functional.normalize(mean, dim=0).cpu().numpy())
    return np.stack(means).astype(np.float32)
