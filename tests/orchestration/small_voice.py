"""A corpus of synthetic speech and a preset small enough that a whole training takes seconds."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from clock_train.audio.writing import write_flac
from clock_train.data.manifest import Clip, Origin, write_manifest
from clock_train.models.discriminators import DiscriminatorConfig
from clock_train.models.duration import DurationConfig
from clock_train.models.flow import FlowConfig
from clock_train.models.posterior_encoder import PosteriorConfig
from clock_train.models.prior import PriorConfig
from clock_train.models.speaker_encoder import SpeakerEncoderConfig
from clock_train.models.text_encoder import TextEncoderConfig, Vocabulary
from clock_train.models.vocoder import VocoderConfig
from clock_train.models.voice import VoiceConfig, VoiceModel, VoiceSource
from clock_train.orchestration.consents import keep_licence
from clock_train.orchestration.presets import PRESETS, Preset
from clock_train.text.inventory import INVENTORY_ID, LANGUAGES, PHONES, TONES
from clock_train.training.generator_step import LossConfig
from clock_train.training.run import TrainingConfig
from clock_train.training.schedule import ScheduleConfig

TEXTS = (
    "Good morning.", "Press one now.", "Is it late?", "Thank you!", "All lines are busy.", "Please hold the line.",
    "Goodbye.", "Who is there?", "The door is open.", "Come in.", "Leave a message.", "Try again later.",
)  # fmt: skip


def tiny_model() -> VoiceConfig:
    return VoiceConfig(
        latent_channels=8,
        condition_channels=12,
        text_encoder=TextEncoderConfig(channels=16, layers=1, heads=1, feed_forward=24),
        duration=DurationConfig(channels=16),
        prior=PriorConfig(channels=16, layers=1),
        flow=FlowConfig(channels=16, couplings=1, layers=1),
        posterior=PosteriorConfig(channels=16, layers=1),
        vocoder=VocoderConfig(channels=16, layers=2),
    )


TINY = Preset(
    name="Tiny",
    purpose="tests",
    model=tiny_model,
    training=TrainingConfig(
        batch_size=4,
        max_steps=12,
        checkpoint_every=4,
        loss=LossConfig(crop_frames=16, window_frames=32),
        schedule=ScheduleConfig(hearing_steps=4),
    ),
)


def with_tiny_preset(*, model: VoiceConfig | None = None, **training: object) -> None:
    """Make the preset known; ``training`` replaces fields of its training."""
    changed = replace(TINY.training, **training)  # type: ignore[arg-type]
    PRESETS["Tiny"] = replace(TINY, training=changed, model=lambda: model or tiny_model())


def tiny_teacher() -> VoiceConfig:
    """The same with a speaker encoder."""
    encoder = SpeakerEncoderConfig(channels=16, convolutions=1, attention_layers=1, heads=1, feed_forward=16)
    return replace(tiny_model(), voice_source=VoiceSource.ENCODER, speaker_encoder=encoder)


TINY_JUDGES = DiscriminatorConfig(periods=[2], period_channels=[4], transforms=[256], spectrum_channels=4)


def write_corpus(folder: Path, *, speaker: str = "anna", pitch_hz: float = 140.0, seconds: float = 1.6) -> Path:
    """Twelve clips of a buzz whose colour changes with each syllable."""
    (folder / "audio").mkdir(parents=True)
    rng = np.random.default_rng(int(pitch_hz))
    clips = []
    for n, text in enumerate(TEXTS):
        t = np.arange(int(seconds * 16_000)) / 16_000
        buzz = sum(np.sin(2 * np.pi * pitch_hz * h * t) / h for h in range(1, 20))
        colour = np.repeat(rng.uniform(0.1, 1.0, 8), len(t) // 8 + 1)[: len(t)]
        path = f"audio/{n:02d}.flac"
        write_flac(folder / path, (0.2 * buzz * colour / 3).astype(np.float32), 16_000)
        style = "question" if text.endswith("?") else "exclamation" if text.endswith("!") else "statement"
        clips.append(
            Clip(
                id=f"{speaker}-{n:02d}",
                speaker=speaker,
                text=text,
                language="en",
                path=path,
                seconds=seconds,
                verdict="accepted",
                style=style,
                origin=Origin(file=f"{n:02d}.wav", start_s=0.0, end_s=seconds),
            )
        )
    write_manifest(folder / "manifest.jsonl", clips)
    (folder / "quality.json").write_text(
        json.dumps({"recordings_sha256": hashlib.sha256(f"{speaker} {pitch_hz}".encode()).hexdigest()})
    )
    keep_licence(folder, licence="none", licence_uri="", attribution="a buzz")
    return folder


def random_voice() -> VoiceModel:
    """Of one speaker, with random weights."""
    vocabulary = Vocabulary(phones=len(PHONES), tones=len(TONES), languages=len(LANGUAGES), inventory_id=INVENTORY_ID)
    return VoiceModel(tiny_model(), vocabulary, num_speakers=1)


class Notes:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.warnings: list[str] = []
        self.stages: list[str] = []
        self.fractions: list[float] = []

    def stage(self, name: str) -> None:
        self.stages.append(name)

    def advance(self, fraction: float, detail: str = "", eta_seconds: float | None = None) -> None:
        self.fractions.append(fraction)

    def note(self, message: str) -> None:
        self.notes.append(message)

    def warn(self, message: str) -> None:
        self.warnings.append(message)
