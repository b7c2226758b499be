"""The teacher: 45 to 55 million parameters at synthesis, its speaker encoder included. Sizes only."""

from __future__ import annotations

from clock_train.models.duration import DurationConfig
from clock_train.models.flow import FlowConfig
from clock_train.models.posterior_encoder import PosteriorConfig
from clock_train.models.prior import PriorConfig
from clock_train.models.text_encoder import TextEncoderConfig
from clock_train.models.vocoder import VocoderConfig
from clock_train.models.voice import VoiceConfig, VoiceSource


def teacher_config() -> VoiceConfig:
    """Sizes of the teacher."""
    return VoiceConfig(
        voice_source=VoiceSource.ENCODER,
        latent_channels=192,
        text_encoder=TextEncoderConfig(channels=256, layers=8, heads=4, feed_forward=1_024),
        duration=DurationConfig(channels=256),
        prior=PriorConfig(channels=256, layers=3),
        flow=FlowConfig(channels=192, couplings=4, layers=4),
        posterior=PosteriorConfig(channels=192, layers=16),
        vocoder=VocoderConfig(channels=384, layers=12),
    )
