"""The whole voice model: text and a voice to speech, and what training needs of it.

VITS-shaped: a posterior encoder hears, a flow maps, a prior predicts from text, a decoder speaks. Peculiar here:
alignment is searched on an auxiliary mel head of the text encoder and not on the latents, where it collapsed within a
CPU's budget (docs/adr/0002); the prior works at the frame rate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

import torch
from torch import Tensor, nn

from clock_train.audio.mel import MelConfig
from clock_train.errors import ConfigError
from clock_train.models.alignment import align
from clock_train.models.condition import Condition
from clock_train.models.duration import DurationConfig, DurationPredictor
from clock_train.models.flow import Flow, FlowConfig
from clock_train.models.posterior_encoder import PosteriorConfig, PosteriorEncoder
from clock_train.models.prior import FramePrior, PriorConfig
from clock_train.models.speaker_encoder import SpeakerEncoder, SpeakerEncoderConfig
from clock_train.models.text_encoder import TextEncoder, TextEncoderConfig, Vocabulary
from clock_train.models.vocoder import Vocoder, VocoderConfig

MAX_FRAMES_A_PHONE = 60.0
"""About a second; a longer predicted duration is a mistake of the predictor, not speech."""


class VoiceSource(Enum):
    """Where the speaker vector comes from."""

    ENCODER = "encoder"
    """The speaker encoder hears a recording: the teacher."""
    STORED = "stored"
    """A vector for each speaker, stored with the model: the student."""


@dataclass(frozen=True, kw_only=True)
class VoiceConfig:
    """All sizes of one voice model."""

    mel: MelConfig = field(default_factory=MelConfig)
    voice_source: VoiceSource = VoiceSource.STORED
    latent_channels: int = 128
    embedding_channels: int = 256
    condition_channels: int = 256
    text_encoder: TextEncoderConfig = field(default_factory=TextEncoderConfig)
    duration: DurationConfig = field(default_factory=DurationConfig)
    prior: PriorConfig = field(default_factory=PriorConfig)
    flow: FlowConfig = field(default_factory=FlowConfig)
    posterior: PosteriorConfig = field(default_factory=PosteriorConfig)
    vocoder: VocoderConfig = field(default_factory=VocoderConfig)
    speaker_encoder: SpeakerEncoderConfig = field(default_factory=SpeakerEncoderConfig)

    def __post_init__(self) -> None:
        if self.vocoder.hop_samples != self.mel.hop_samples:
            raise ConfigError(
                f"models.vocoder.hop_samples is {self.vocoder.hop_samples} but audio.mel.hop_samples is "
                f"{self.mel.hop_samples}; one frame must mean one thing: set both to the same"
            )
        if self.latent_channels % 2 != 0:
            raise ConfigError(f"models.latent_channels is {self.latent_channels}; the flow needs an even number")


@dataclass(frozen=True)
class Hearing:
    """What the posterior encoder made of recordings: the latent and the distribution it was drawn from, (B, C, T)."""

    latent: Tensor
    mean: Tensor
    log_deviation: Tensor
    mask_B1T: Tensor


@dataclass(frozen=True)
class Reading:
    """What the text encoder made of texts."""

    encoded_BCL: Tensor
    mel_BML: Tensor
    """The auxiliary mel head: the mean mel frame of each phone in its context, in normalised log-mel."""
    anchor_BML: Tensor
    """The same from the phone alone. A head that sees the neighbours may as well describe the next phone's frames, and
    alignments then drift by half a phone (word starts were 46 ms late); one that sees a single phone cannot."""
    mask_B1L: Tensor


class VoiceModel(nn.Module):
    """Teacher or student, by configuration."""

    def __init__(self, config: VoiceConfig, vocabulary: Vocabulary, *, num_speakers: int) -> None:
        super().__init__()
        self.config, self.vocabulary, self.num_speakers = config, vocabulary, num_speakers
        wide = config.condition_channels
        self.condition = Condition(embedding_channels=config.embedding_channels, condition_channels=wide)
        if config.voice_source is VoiceSource.ENCODER:
            self.speaker_encoder = SpeakerEncoder(config.speaker_encoder, embedding_channels=config.embedding_channels)
        else:
            self.stored_speakers = nn.Embedding(num_speakers, config.embedding_channels)
            nn.init.normal_(self.stored_speakers.weight, std=config.embedding_channels**-0.5)
        text = config.text_encoder
        self.text_encoder = TextEncoder(text, vocabulary, condition_channels=wide)
        self.mel_head = nn.Conv1d(text.channels, config.mel.n_mels, 1)
        self.anchor_head = nn.Conv1d(text.channels, config.mel.n_mels, 1)
        self.duration = DurationPredictor(config.duration, text_channels=text.channels, condition_channels=wide)
        latent = config.latent_channels
        self.prior = FramePrior(
            config.prior, text_channels=text.channels, latent_channels=latent, condition_channels=wide
        )
        self.flow = Flow(config.flow, latent_channels=latent, condition_channels=wide)
        bins = config.mel.n_fft // 2 + 1
        self.posterior_encoder = PosteriorEncoder(
            config.posterior, spectrum_bins=bins, latent_channels=latent, condition_channels=wide
        )
        self.vocoder = Vocoder(config.vocoder, latent_channels=latent, condition_channels=wide)

    def hear(self, log_spectrum_BFT: Tensor, frames_B: Tensor, condition_BG: Tensor, noise_BCT: Tensor) -> Hearing:
        """Latents of recordings.

        Args:
            log_spectrum_BFT: (B, F, T) natural-log magnitudes.
            frames_B: (B,) valid frames.
            condition_BG: (B, G).
            noise_BCT: (B, C, T) standard normal; zeros give the mean.
        """
        mask = length_mask(frames_B, log_spectrum_BFT.shape[-1])
        mean, log_deviation = self.posterior_encoder(log_spectrum_BFT, mask, condition_BG)
        latent = (mean + noise_BCT * torch.exp(log_deviation)) * mask
        return Hearing(latent, mean, log_deviation, mask)

    def read(self, ids_B3L: Tensor, phones_B: Tensor, condition_BG: Tensor) -> Reading:
        """Encode texts: (B, 3, L) ids with ``phones_B`` valid phones each."""
        mask = length_mask(phones_B, ids_B3L.shape[-1])
        encoded = self.text_encoder(ids_B3L, mask, condition_BG)
        anchor = self.anchor_head(self.text_encoder.embed(ids_B3L))
        return Reading(encoded, self.mel_head(encoded) * mask, anchor * mask, mask)

    @torch.no_grad()
    def search_alignment(self, reading: Reading, mel_BMT: Tensor, phones_B: Tensor, frames_B: Tensor) -> Tensor:
        """Durations (B, L) of the monotonic path that fits both mel heads to normalised log-mel (B, M, T) best."""
        distance = _squared_distance(reading.mel_BML, mel_BMT) + _squared_distance(reading.anchor_BML, mel_BMT)
        return align(-0.25 * distance, phones_B, frames_B)

    @torch.no_grad()
    def synthesize(
        self,
        ids_B3L: Tensor,
        phones_B: Tensor,
        condition_BG: Tensor,
        *,
        speed: float = 1.0,
        noise_scale: float = 0.5,
        generator: torch.Generator | None = None,
        draw: Callable[[tuple[int, int, int]], Tensor] | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Speak texts.

        Args:
            ids_B3L: (B, 3, L) phone, tone and language ids.
            phones_B: (B,) valid phones.
            condition_BG: (B, G).
            speed: above 1 is faster.
            noise_scale: how much of the prior's spread to draw; 0 speaks its mean.
            generator: source of the randomness, on the CPU, so that devices agree.
            draw: (B, C, T) to normal noise, in place of the generator.

        Returns:
            waveforms (B, T * hop), valid samples (B,), durations (B, L) in frames.
        """
        reading = self.read(ids_B3L, phones_B, condition_BG)
        durations = self.durations(reading.encoded_BCL, reading.mask_B1L, condition_BG, speed)
        frames = durations.sum(1)
        mask = length_mask(frames, int(frames.max()))
        shape = len(frames), self.config.latent_channels, mask.shape[-1]
        noise = torch.randn(shape, generator=generator) if draw is None else draw(shape)
        noise = noise.to(reading.encoded_BCL) * noise_scale
        latent = self.latents(reading.encoded_BCL, durations, mask, condition_BG, noise)
        # one clip has no padding, and its mask would cost a product a layer
        waveform = self.vocoder(latent, condition_BG, mask_B1T=mask if len(frames) > 1 else None)
        return waveform, frames * self.config.mel.hop_samples, durations

    def durations(self, encoded_BCL: Tensor, mask_B1L: Tensor, condition_BG: Tensor, speed: float | Tensor) -> Tensor:
        """(B, L) int64 frames of each phone, zero in the padding; ``speed`` above 1 is faster."""
        log_frames = self.duration(encoded_BCL, mask_B1L, condition_BG)
        wanted = torch.clamp(torch.exp(log_frames) / speed, 1.0, MAX_FRAMES_A_PHONE)
        # the mean of logarithms is below the logarithm of the mean: rounding down as well made speech a fifth too short
        return torch.ceil(wanted).long() * mask_B1L.squeeze(1).long()

    def latents(
        self, encoded_BCL: Tensor, durations_BL: Tensor, mask_B1T: Tensor, condition_BG: Tensor, noise_BCT: Tensor
    ) -> Tensor:
        """What the decoder speaks, (B, C, T): the prior's draw, mapped back through the flow.

        ``noise_BCT`` is normal, already scaled by how much of the prior's spread to draw.
        """
        mean, log_deviation = self.prior(encoded_BCL, durations_BL, mask_B1T, condition_BG)
        latent = (mean + noise_BCT * torch.exp(log_deviation)) * mask_B1T
        return self.flow(latent, mask_B1T, condition_BG, inverse=True) * mask_B1T


def _squared_distance(predicted_BML: Tensor, target_BMT: Tensor) -> Tensor:
    """(B, L, T) squared Euclidean distances of mel frames, but for a term that is the same for every phone."""
    predicted = predicted_BML.float()
    # small differences of large numbers: under autocast the rounding of bfloat16 would decide the path
    with torch.autocast(predicted.device.type, enabled=False):
        return predicted.square().sum(1).unsqueeze(-1) - 2 * predicted.transpose(1, 2) @ target_BMT.float()


def length_mask(lengths_B: Tensor, longest: int) -> Tensor:
    """(B, 1, T) of ones where a position is valid."""
    positions = torch.arange(longest, device=lengths_B.device)
    return (positions[None] < lengths_B[:, None]).unsqueeze(1).to(torch.float32)
