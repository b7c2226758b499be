"""A teacher trained for seconds and a student smaller still, for tests of whole distillations."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from small_voice import TINY, Notes, tiny_model, tiny_teacher, with_tiny_preset, write_corpus

from clock_train.models.text_encoder import TextEncoderConfig
from clock_train.models.vocoder import VocoderConfig
from clock_train.models.voice import VoiceConfig
from clock_train.orchestration.bundle_export import packed_beside
from clock_train.orchestration.distillation import DistillRequest
from clock_train.orchestration.training_preparation import TrainRequest
from clock_train.orchestration.training_session import train
from clock_train.training.distill import DistillConfig
from clock_train.training.lessons import LessonConfig


def smaller_model() -> VoiceConfig:
    """Half the latent, and narrower parts."""
    return replace(
        tiny_model(),
        latent_channels=4,
        text_encoder=TextEncoderConfig(channels=8, layers=1, heads=1, feed_forward=8),
        vocoder=VocoderConfig(channels=8, layers=1),
    )


def small_distillation(*, sentences: int = 12, **training: Any) -> DistillConfig:
    settings = {"max_steps": 6, "checkpoint_every": 2, **training}
    return DistillConfig(
        student=smaller_model(),
        training=replace(TINY.training, **settings),
        sentences=sentences,
        lesson=LessonConfig(spoken_share=0.5),
        cache_mib=64,
    )


def trained_teacher(folder: Path, **training: Any) -> Path:
    """A teacher's voice folder with its packed corpus beside it."""
    with_tiny_preset(model=tiny_teacher(), **training)
    write_corpus(folder / "corpus")
    request = TrainRequest(corpora=[folder / "corpus"], output=folder / "out", preset="Tiny", device="cpu")
    return train(request, Notes()).voice_path


def distill_request(teacher: Path, output: Path, *, config: DistillConfig | None = None, **more: Any) -> DistillRequest:
    packed = packed_beside(teacher.parent)
    assert packed is not None
    settings: dict[str, Any] = {"config": config or small_distillation(), "device": "cpu", **more}
    return DistillRequest(teacher=teacher, packed=packed, output=output, **settings)
