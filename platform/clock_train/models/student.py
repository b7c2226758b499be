"""The student: 4.5 to 5.5 million parameters at synthesis, with a stored speaker vector. Sizes only.

Also what a laptop trains in the demo: on two cores the teacher takes about eight times as long a step.
"""

from __future__ import annotations

from clock_train.models.duration import DurationConfig
from clock_train.models.flow import FlowConfig
from clock_train.models.posterior_encoder import PosteriorConfig
from clock_train.models.prior import PriorConfig
from clock_train.models.text_encoder import TextEncoderConfig
from clock_train.models.vocoder import VocoderConfig
from clock_train.models.voice import VoiceConfig, VoiceSource


def student_config() -> VoiceConfig:
    """Sizes of the student."""
    return VoiceConfig(
        voice_source=VoiceSource.STORED,
        latent_channels=96,
        condition_channels=128,
        text_encoder=TextEncoderConfig(channels=128, layers=4, heads=2, feed_forward=448),
        duration=DurationConfig(channels=128),
        prior=PriorConfig(channels=128, layers=2),
        flow=FlowConfig(channels=96, couplings=2, layers=3),
        posterior=PosteriorConfig(channels=128, layers=6),
        vocoder=VocoderConfig(channels=160, layers=8),
    )
