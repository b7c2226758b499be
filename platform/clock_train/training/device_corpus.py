"""The whole corpus on the device, and batches cut from it.

There is no loader: int16 samples lie where the model is, and a batch is a gather. All randomness of a batch comes from
one generator whose state is saved, and is drawn for the batch as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from clock_train.data.packed_file import PackedCorpus
from clock_train.errors import ConfigError
from clock_train.models.style_labels import label_ids

LOUDEST_NOISE_DB, SOFTEST_NOISE_DB = 10.0, 30.0
"""The ends of the noise circumstance (1 and 0); the article's 15 to 25 dB lies inside."""


@dataclass(frozen=True, kw_only=True)
class AugmentationConfig:
    """The article's augmentation: noise at 15 to 25 dB SNR, speed within 20 %."""

    noise_share: float = 0.0
    """Share of the clips of a batch that get noise."""
    noise_snr_min_db: float = 15.0
    noise_snr_max_db: float = 25.0
    speed_copies: int = 0
    """Copies of each clip at another speed, made when the corpus is packed."""
    speed_percent: float = 20.0

    def __post_init__(self) -> None:
        where = "training.augmentation."
        if not 0 <= self.noise_share <= 1:
            raise ConfigError(f"{where}noise_share is {self.noise_share}; give 0 to 1")
        if self.noise_snr_min_db > self.noise_snr_max_db:
            raise ConfigError(
                f"{where}noise_snr_min_db ({self.noise_snr_min_db}) lies above noise_snr_max_db "
                f"({self.noise_snr_max_db}); swap them"
            )
        if self.speed_copies < 0:
            raise ConfigError(f"{where}speed_copies is {self.speed_copies}; give 0 or more")
        if not 0 <= self.speed_percent <= 50:
            raise ConfigError(f"{where}speed_percent is {self.speed_percent}; give 0 to 50")


@dataclass(frozen=True)
class Batch:
    """One batch on the device; N samples are a whole number of frames."""

    indices: Tensor
    waveform_BN: Tensor
    frames_B: Tensor
    ids_B3L: Tensor
    phones_B: Tensor
    speaker_B: Tensor
    labels_B2: Tensor
    circumstances_B2: Tensor

    def rows(self, rows: slice) -> Batch:
        """Some of the clips, padded as the whole batch is."""
        return Batch(*(getattr(self, field.name)[rows] for field in fields(self)))


class DeviceCorpus:
    """A packed corpus on one device."""

    def __init__(self, packed: PackedCorpus, *, hop_samples: int, device: torch.device) -> None:
        self.packed, self.hop_samples, self.device = packed, hop_samples, device
        self.samples = torch.from_numpy(packed.samples).to(device)
        self.starts = torch.from_numpy(packed.sample_offsets).to(device)
        lengths = np.diff(packed.sample_offsets)
        self.frames = torch.from_numpy(lengths // hop_samples).to(device)
        self.tokens = torch.from_numpy(packed.tokens).to(device)
        self.token_starts = torch.from_numpy(packed.token_offsets).to(device)
        self.speaker_of = torch.from_numpy(packed.speaker_of).to(device)
        labels = [label_ids(style, emotion) for style, emotion in zip(packed.styles, packed.emotions, strict=True)]
        self.labels = torch.tensor(labels, dtype=torch.int64, device=device)
        self.speed = torch.from_numpy(packed.speed_percent).to(device) / 20.0
        # lengths on the host: the size of a batch must not cost a wait for the device
        self.host_frames = lengths // hop_samples
        self.host_phones = np.diff(packed.token_offsets)

    def batch(
        self,
        indices: Sequence[int] | np.ndarray,
        *,
        augmentation: AugmentationConfig | None = None,
        generator: torch.Generator | None = None,
    ) -> Batch:
        """The clips at ``indices``, padded with silence; noise is drawn from ``generator``."""
        index = torch.as_tensor(np.asarray(indices), device=self.device)
        frames, phones = int(self.host_frames[indices].max()), int(self.host_phones[indices].max())
        waveform = self._gather(index, frames * self.hop_samples)
        position = torch.arange(phones, device=self.device)
        start, stop = self.token_starts[index], self.token_starts[index + 1]
        at = torch.minimum(start[:, None] + position, stop[:, None] - 1)
        ids = self.tokens[:, at].permute(1, 0, 2)
        ids = torch.where((start[:, None] + position < stop[:, None])[:, None], ids, 0)
        circumstances = torch.stack([torch.zeros_like(self.speed[index]), self.speed[index]], dim=1)
        if augmentation is not None and augmentation.noise_share > 0:
            waveform, noisiness = _with_noise(waveform, augmentation, generator)
            circumstances = torch.stack([noisiness, circumstances[:, 1]], dim=1)
        return Batch(
            indices=index,
            waveform_BN=waveform,
            frames_B=self.frames[index],
            ids_B3L=ids,
            phones_B=stop - start,
            speaker_B=self.speaker_of[index],
            labels_B2=self.labels[index],
            circumstances_B2=circumstances,
        )

    def _gather(self, index: Tensor, length: int) -> Tensor:
        start = self.starts[index]
        # the last partial frame of a clip is dropped, so that frames and samples agree
        count = self.frames[index] * self.hop_samples
        position = torch.arange(length, device=self.device)
        at = torch.clamp(start[:, None] + position, max=self.samples.numel() - 1)
        return torch.where(position < count[:, None], self.samples[at].to(torch.float32) / 32768.0, 0.0)


def _with_noise(
    waveform_BN: Tensor, config: AugmentationConfig, generator: torch.Generator | None
) -> tuple[Tensor, Tensor]:
    batch = waveform_BN.shape[0]
    chosen = (torch.rand(batch, generator=generator) < config.noise_share).to(waveform_BN)
    span = config.noise_snr_max_db - config.noise_snr_min_db
    snr_db = (config.noise_snr_min_db + span * torch.rand(batch, generator=generator)).to(waveform_BN)
    noise = torch.randn(waveform_BN.shape, generator=generator).to(waveform_BN)
    # the power of speech, not of speech and pauses: only samples above a thousandth of full scale count
    active = waveform_BN.abs() > 1e-3
    power = (waveform_BN.square() * active).sum(1) / torch.clamp(active.sum(1), min=1)
    scale = torch.sqrt(power) * 10.0 ** (-snr_db / 20.0) * chosen
    noisiness = (SOFTEST_NOISE_DB - snr_db) / (SOFTEST_NOISE_DB - LOUDEST_NOISE_DB) * chosen
    return waveform_BN + noise * scale[:, None], noisiness
