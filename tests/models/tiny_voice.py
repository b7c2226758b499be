"""Voice models small enough for a test, with every part that the real ones have."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn

from clock_train.models.condition import clean_circumstances
from clock_train.models.duration import DurationConfig
from clock_train.models.flow import FlowConfig
from clock_train.models.posterior_encoder import PosteriorConfig
from clock_train.models.prior import PriorConfig
from clock_train.models.speaker_encoder import SpeakerEncoderConfig
from clock_train.models.text_encoder import TextEncoderConfig, Vocabulary
from clock_train.models.vocoder import VocoderConfig, VocoderRate
from clock_train.models.voice import VoiceConfig, VoiceModel, VoiceSource

VOCABULARY = Vocabulary(phones=12, tones=4, languages=3, inventory_id="of the tests")
HOP = 256
Module = TypeVar("Module", bound=nn.Module)


def tiny_config(
    *, rate: VocoderRate = VocoderRate.FRAME, voice_source: VoiceSource = VoiceSource.STORED
) -> VoiceConfig:
    return VoiceConfig(
        voice_source=voice_source,
        latent_channels=8,
        embedding_channels=16,
        condition_channels=12,
        text_encoder=TextEncoderConfig(channels=16, layers=2, heads=2, feed_forward=24),
        duration=DurationConfig(channels=16),
        prior=PriorConfig(channels=16, layers=2),
        flow=FlowConfig(channels=16, couplings=2, layers=2),
        posterior=PosteriorConfig(channels=16, layers=2),
        vocoder=VocoderConfig(rate=rate, channels=16, layers=3),
        speaker_encoder=SpeakerEncoderConfig(channels=16, convolutions=1, attention_layers=1, heads=2, feed_forward=16),
    )


def tiny_voice(*, rate: VocoderRate = VocoderRate.FRAME, voice_source: VoiceSource = VoiceSource.STORED) -> VoiceModel:
    """In evaluation mode, its weights shaken: some begin at zero, and what is zero hides mistakes."""
    voice = VoiceModel(tiny_config(rate=rate, voice_source=voice_source), VOCABULARY, num_speakers=2)
    return shaken(voice).eval()


def shaken(module: Module) -> Module:
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return module


def some_ids(batch: int, phones: int) -> Tensor:
    """(B, 3, L) of phone, tone and language ids."""
    sizes = (VOCABULARY.phones, VOCABULARY.tones, VOCABULARY.languages)
    return torch.stack([torch.randint(0, size, (batch, phones)) for size in sizes], dim=1)


def some_condition(voice: VoiceModel, batch: int) -> Tensor:
    """(B, G): stored speakers, no labels, a clean recording."""
    labels = torch.zeros((batch, 2), dtype=torch.int64)
    vectors = torch.nn.functional.normalize(torch.randn(batch, voice.config.embedding_channels), dim=-1)
    return voice.condition(vectors, labels, clean_circumstances(batch)).detach()
