"""A corpus that sounds a little like speech, and a run small enough to train in a test.

Every phone is a harmonic tone under an envelope of its own, every speaker a pitch: a model can learn both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from clock_train.data.packing import PackedCorpus
from clock_train.data.splits import TEST, TRAIN, VALIDATION
from clock_train.models.discriminators import DiscriminatorConfig
from clock_train.models.duration import DurationConfig
from clock_train.models.flow import FlowConfig
from clock_train.models.posterior_encoder import PosteriorConfig
from clock_train.models.prior import PriorConfig
from clock_train.models.speaker_encoder import SpeakerEncoderConfig
from clock_train.models.text_encoder import TextEncoderConfig, Vocabulary
from clock_train.models.vocoder import VocoderConfig
from clock_train.models.voice import VoiceConfig, VoiceModel, VoiceSource
from clock_train.training.checkpoint import restore
from clock_train.training.loop import StepReport
from clock_train.training.run import Run, TrainingConfig

HOP, RATE_HZ, NUM_PHONES = 256, 16_000, 8
VOCABULARY = Vocabulary(phones=NUM_PHONES, tones=3, languages=2, inventory_id="of the tests")
CPU = torch.device("cpu")
SMALL_JUDGES = DiscriminatorConfig(periods=[2, 3], period_channels=[4, 8], transforms=[256], spectrum_channels=4)


def tiny_corpus(*, clips_of: Mapping[str, int] | None = None, seed: int = 0) -> PackedCorpus:
    """About a second a clip; the first clip of each speaker is for test, the second for validation."""
    clips_of = clips_of or {"anna": 10, "ben": 6}
    rng = np.random.default_rng(seed)
    waves, ids, speaker_of, split_of = [], [], [], []
    for speaker, count in enumerate(clips_of.values()):
        for i in range(count):
            phones = rng.integers(1, NUM_PHONES, rng.integers(5, 9))
            waves.append(_say(phones, 110.0 * 1.5**speaker, rng))
            ids.append(np.stack([phones, phones % 3, np.ones_like(phones)]))
            speaker_of.append(speaker)
            split_of.append({0: TEST, 1: VALIDATION}.get(i, TRAIN))
    count = len(waves)
    return PackedCorpus(
        sample_rate_hz=RATE_HZ,
        inventory_id=VOCABULARY.inventory_id,
        speakers=list(clips_of),
        clip_ids=[f"clip-{i}" for i in range(count)],
        texts=[f"text {i}" for i in range(count)],
        languages=["en"] * count,
        styles=["statement", "question"] * (count // 2) + ["statement"] * (count % 2),
        emotions=[""] * count,
        samples=np.concatenate(waves),
        sample_offsets=np.cumsum([0, *(len(wave) for wave in waves)]),
        tokens=np.concatenate(ids, axis=1),
        token_offsets=np.cumsum([0, *(each.shape[1] for each in ids)]),
        speaker_of=np.array(speaker_of),
        split_of=np.array(split_of),
        speed_percent=np.zeros(count, dtype=np.float32),
    )


def _say(phones: np.ndarray, f0_hz: float, rng: np.random.Generator) -> np.ndarray:
    parts = []
    for phone in phones:
        t = np.arange(int(rng.integers(5, 11)) * HOP) / RATE_HZ
        loudness = 0.5 + 0.5 * np.cos(np.arange(1, 20) * (phone + 1) * 0.7)
        parts.append(sum(a * np.sin(2 * np.pi * k * f0_hz * t) for k, a in enumerate(loudness, 1)))
    wave = np.concatenate(parts)
    return np.round(0.3 * 32767 * wave / np.abs(wave).max()).astype(np.int16)


def tiny_voice(*, voice_source: VoiceSource = VoiceSource.STORED, num_speakers: int = 2, seed: int = 7) -> VoiceModel:
    torch.manual_seed(seed)
    config = VoiceConfig(
        voice_source=voice_source,
        latent_channels=8,
        embedding_channels=16,
        condition_channels=12,
        text_encoder=TextEncoderConfig(channels=16, layers=1, heads=2, feed_forward=24),
        duration=DurationConfig(channels=16),
        prior=PriorConfig(channels=16, layers=1),
        flow=FlowConfig(channels=16, couplings=2, layers=1),
        posterior=PosteriorConfig(channels=16, layers=2),
        vocoder=VocoderConfig(channels=24, layers=2),
        speaker_encoder=SpeakerEncoderConfig(channels=16, convolutions=1, attention_layers=1, heads=2, feed_forward=16),
    )
    return VoiceModel(config, VOCABULARY, num_speakers=num_speakers)


def tiny_run(
    *,
    packed: PackedCorpus | None = None,
    voice: VoiceModel | None = None,
    files: Mapping[str, bytes] | None = None,
    **settings: Any,
) -> Run:
    """A run on the CPU; ``settings`` are those of ``TrainingConfig``, ``files`` a checkpoint to go on from."""
    config = TrainingConfig(**{"batch_size": 4, "discriminators": SMALL_JUDGES, "checkpoint_every": 1_000, **settings})
    packed = packed or tiny_corpus()
    run = Run(voice or tiny_voice(num_speakers=len(packed.speakers)), packed, config, device=CPU)
    if files is not None:
        restore(run, files)
    return run


@dataclass
class Notebook:
    """Keeps what ``fit`` saves and reports."""

    checkpoints: dict[int, dict[str, bytes]] = field(default_factory=dict)
    reports: list[StepReport] = field(default_factory=list)

    def save(self, step: int, files: Mapping[str, bytes]) -> str:
        self.checkpoints[step] = dict(files)
        return f"runs/test/step-{step}"

    def report(self, report: StepReport) -> None:
        self.reports.append(report)

    def terms(self) -> list[dict[str, float]]:
        return [report.terms for report in self.reports]
