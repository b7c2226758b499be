"""The WaveNet decoder: latents and a voice to the waveform.

Peculiar here: the WaveNet cell runs at the frame rate (or four times it) and an inverse STFT turns its output into
samples, which costs 1/40 of a WaveNet at the sample rate for the same parameters (docs/adr/0002). ``SAMPLE`` is the
classical WaveNet at the sample rate, from noise and upsampled latents, kept as the article's reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import torch
from torch import Tensor, nn

from clock_train.errors import ConfigError
from clock_train.models.channel_norm import ChannelNorm
from clock_train.models.inverse_stft import InverseSTFT
from clock_train.models.wavenet import GatedStack

MAX_LOG_MAGNITUDE = 6.0
"""exp(6) = 403, above any magnitude of a full-scale frame of 1,024; keeps early steps finite."""


class VocoderRate(Enum):
    """The rate at which the WaveNet runs."""

    FRAME = "frame"
    FOUR_TIMES = "4x"
    SAMPLE = "sample"


@dataclass(frozen=True, kw_only=True)
class VocoderConfig:
    """Widths of the decoder; ``hop_samples`` must be that of ``audio.mel``."""

    rate: VocoderRate = VocoderRate.FRAME
    channels: int = 160
    layers: int = 8
    kernel: int = 3
    dilation_cycle: int = 4
    """Dilations go 1, 2, 4 … over this many layers, then start again."""
    hop_samples: int = 256

    def __post_init__(self) -> None:
        if self.hop_samples % 16 != 0:
            raise ConfigError(f"models.vocoder.hop_samples is {self.hop_samples}; give a multiple of 16, such as 256")
        if self.layers < 1 or self.channels < 1:
            raise ConfigError("models.vocoder needs at least one layer and one channel")
        if self.kernel % 2 == 0:
            raise ConfigError(f"models.vocoder.kernel is {self.kernel}; give an odd number: a frame has a middle")
        if self.dilation_cycle < 1:
            raise ConfigError(f"models.vocoder.dilation_cycle is {self.dilation_cycle}; give at least 1")
        if self.rate is VocoderRate.SAMPLE and int(self.hop_samples**0.5) ** 2 != self.hop_samples:
            raise ConfigError(
                f"models.vocoder.hop_samples is {self.hop_samples}; the rate SAMPLE goes up in two equal steps and "
                "needs a square, such as 256"
            )

    @property
    def dilations(self) -> list[int]:
        """One dilation a layer."""
        return [2 ** (i % self.dilation_cycle) for i in range(self.layers)]


class Vocoder(nn.Module):
    """Latents (B, C, T) and a condition (B, G) to a waveform (B, T * hop)."""

    def __init__(self, config: VocoderConfig, *, latent_channels: int, condition_channels: int) -> None:
        super().__init__()
        self.config = config
        width = config.channels
        self.upsample: nn.Module = nn.Identity()
        if config.rate is VocoderRate.SAMPLE:
            # two steps of 16: one step of 256 would give every sample of a frame its own 256-tap phase
            step = int(config.hop_samples**0.5)
            self.upsample = nn.Sequential(
                nn.ConvTranspose1d(latent_channels, width, 2 * step, step, padding=step // 2),
                nn.LeakyReLU(0.1),
                nn.ConvTranspose1d(width, width, 2 * step, step, padding=step // 2),
            )
            self.entry = nn.Conv1d(1, width, 1)
            self.head = nn.Sequential(nn.LeakyReLU(0.1), nn.Conv1d(width, width, 1), nn.LeakyReLU(0.1))
            self.to_sample = nn.Conv1d(width, 1, 1)
        else:
            self.entry = nn.Conv1d(latent_channels, width, 7, padding=3)
            hop = config.hop_samples
            if config.rate is VocoderRate.FOUR_TIMES:
                self.upsample = nn.ConvTranspose1d(width, width, 8, 4, padding=2)
                hop //= 4
            self.n_fft = 4 * hop
            self.norm = ChannelNorm(width)
            self.spectrum = nn.Conv1d(width, 2 * (self.n_fft // 2 + 1), 1)
            self.inverse_stft = InverseSTFT(self.n_fft, hop)
            with torch.no_grad():
                # start near quiet noise rather than at full scale
                self.spectrum.weight.mul_(0.5)
        self.stack = GatedStack(
            width, kernel=config.kernel, dilations=config.dilations, condition_channels=condition_channels
        )

    def forward(
        self,
        latent_BCT: Tensor,
        condition_BG: Tensor,
        noise_B1N: Tensor | None = None,
        *,
        mask_B1T: Tensor | None = None,
    ) -> Tensor:
        """The waveform (B, T * hop), float32, about [-1, 1].

        Args:
            latent_BCT: (B, C, T) latents at the frame rate.
            condition_BG: (B, G) voice and style.
            noise_B1N: only for rate ``SAMPLE``: (B, 1, T * hop) standard normal.
            mask_B1T: of valid frames, in a batch of clips of several lengths: their ends must not hear the padding.
        """
        if self.config.rate is VocoderRate.SAMPLE:
            if noise_B1N is None:
                frames = latent_BCT.shape[0], 1, latent_BCT.shape[2] * self.config.hop_samples
                noise_B1N = torch.randn(frames, device=latent_BCT.device, dtype=latent_BCT.dtype)
            x = latent_BCT
            for layer in self.upsample.children():
                x = _masked(layer(x), mask_B1T)
            x = _masked(self.entry(noise_B1N) + x, mask_B1T)
            x = self.head(self.stack(x, _stretched(mask_B1T, x), condition_BG))
            return torch.tanh(_masked(self.to_sample(x), mask_B1T)).squeeze(1)
        x = _masked(self.upsample(_masked(self.entry(latent_BCT), mask_B1T)), mask_B1T)
        x = self.norm(x + self.stack(x, _stretched(mask_B1T, x), condition_BG))
        bins = self.n_fft // 2 + 1
        log_magnitude, phase = self.spectrum(x).float().split([bins, bins], dim=1)
        magnitude = _masked(torch.exp(torch.clamp(log_magnitude, max=MAX_LOG_MAGNITUDE)), mask_B1T)
        return self.inverse_stft(magnitude * torch.cos(phase), magnitude * torch.sin(phase))


def _stretched(mask_B1T: Tensor | None, x_BCT: Tensor) -> Tensor | None:
    """The mask at the rate of ``x_BCT``, which is a multiple of the frame rate."""
    return None if mask_B1T is None else mask_B1T.repeat_interleave(x_BCT.shape[-1] // mask_B1T.shape[-1], dim=-1)


def _masked(x_BCT: Tensor, mask_B1T: Tensor | None) -> Tensor:
    mask = _stretched(mask_B1T, x_BCT)
    return x_BCT if mask is None else x_BCT * mask
