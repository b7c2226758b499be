"""Whether a voice can teach a student, and what that student's sizes are: said before anything is spoken or written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from clock_train.data.packing import PackedCorpus
from clock_train.errors import ConfigError, TeacherIncompatible, TeacherSpeakerUnknown, TeacherUnsuitable
from clock_train.models.counting import count_parameters
from clock_train.models.voice import VoiceConfig, VoiceModel
from clock_train.models.voice_files import LoadedVoice
from clock_train.orchestration.starting_model import vocabulary
from clock_train.text.inventory import INVENTORY_ID
from clock_train.training.distill import MOST_PARAMETERS

TEACHER_KEY = "teacher"
"""Of ``voice.json``'s training facts: only a student has it."""


def student_of(config: VoiceConfig, teacher: VoiceConfig) -> VoiceConfig:
    """The student with the teacher's sound settings: both must mean the same by a frame and a mel."""
    vocoder = replace(config.vocoder, hop_samples=teacher.mel.hop_samples)
    return replace(config, mel=teacher.mel, vocoder=vocoder)


def check_teacher(teacher: LoadedVoice, packed: PackedCorpus, student: VoiceConfig, *, where: Path) -> tuple[int, int]:
    """Parameters at synthesis of the student and of its teacher.

    Raises:
        TeacherUnsuitable: the teacher is a student itself, or no larger than this one.
        TeacherIncompatible: another phone inventory or sample rate.
        TeacherSpeakerUnknown: recordings of somebody whom it does not know.
        ConfigError: the student has more parameters than a student may.
    """
    model = teacher.model
    if model.vocabulary.inventory_id != INVENTORY_ID or packed.inventory_id != INVENTORY_ID:
        raise TeacherIncompatible(
            f'the teacher "{where}" has phone inventory {model.vocabulary.inventory_id} and the corpus '
            f"{packed.inventory_id}, this version has {INVENTORY_ID}; train the teacher with this version"
        )
    if model.config.mel.sample_rate_hz != packed.sample_rate_hz:
        raise TeacherIncompatible(
            f'the teacher "{where}" speaks at {model.config.mel.sample_rate_hz} Hz but the corpus is packed at '
            f"{packed.sample_rate_hz} Hz; name the corpus that the teacher was trained from"
        )
    if TEACHER_KEY in teacher.card.training:
        raise TeacherUnsuitable(
            f'"{where}" is a student itself, distilled from "{teacher.card.training[TEACHER_KEY]}"; name that voice'
        )
    unknown = sorted(set(packed.speakers) - set(teacher.card.speakers))
    if unknown:
        raise TeacherSpeakerUnknown(
            f'the corpus has recordings of {", ".join(unknown)}, whom the teacher "{where}" does not know; it knows '
            f"{', '.join(teacher.card.speakers)}: name the corpus that it was trained from"
        )
    with torch.device("meta"):
        own = count_parameters(VoiceModel(student, vocabulary(), num_speakers=len(packed.speakers))).synthesis
    theirs = count_parameters(model).synthesis
    if own > MOST_PARAMETERS:
        raise ConfigError(
            f"distillation.student has {own:,} parameters at synthesis; a student has at most {MOST_PARAMETERS:,}: "
            "give it smaller layers"
        )
    if theirs <= own:
        raise TeacherUnsuitable(
            f'"{where}" has {theirs:,} parameters at synthesis and its student would have {own:,}; name a teacher (a '
            "voice of the preset Basic or Professional), or give distillation.student smaller layers"
        )
    return own, theirs
