"""What a frozen teacher said of every clip: how long each phone lasts, and what its prior expects of each frame.

Said once, before the student's first step (``asking``), and kept in a file: a step costs no forward pass of the
teacher.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from clock_train.errors import ConfigError, CorpusDamaged


@dataclass(frozen=True, kw_only=True)
class LessonConfig:
    """How much a student listens to its teacher."""

    spoken_share: float = 0.5
    """Share of a batch that the teacher spoke; the rest are recordings."""
    prior: float = 1.0
    """Weight of the divergence between the two priors, nats a frame."""
    speech: float = 45.0
    """Weight of the mel distance to what the teacher spoke, by the path from text."""

    def __post_init__(self) -> None:
        if not 0 < self.spoken_share < 1:
            raise ConfigError(
                f"distillation.lesson.spoken_share is {self.spoken_share}; give a number between 0 and 1: a batch "
                "needs both, recordings and sentences that the teacher spoke"
            )
        for name in ("prior", "speech"):
            if getattr(self, name) < 0:
                raise ConfigError(f"distillation.lesson.{name} is {getattr(self, name)}; give 0 or more")


@dataclass(frozen=True)
class Lessons:
    """Of all clips of one packed corpus, on one device; T frames in all, C taught channels."""

    durations_NL: Tensor
    """(clips, longest text) int64 frames."""
    prior_TC2: Tensor
    """(T, 2 C) float16: means, then natural-log deviations."""
    first_frame_N: Tensor
    """(clips,) where each clip's frames begin."""
    frames_N: Tensor
    """(clips,)."""
    is_spoken: np.ndarray
    """(clips,) bool, on the host: the teacher spoke it, from its mean where ``noise_scale`` is 0."""
    kept_variance: float
    """Share of the variance of the teacher's means that the projection keeps."""

    @property
    def channels(self) -> int:
        """Taught channels C of the student's latent: its first ones."""
        return self.prior_TC2.shape[1] // 2

    @property
    def digest(self) -> str:
        """Of everything in it; a checkpoint of other lessons is refused."""
        digest = hashlib.sha256(self.is_spoken.tobytes())
        for tensor in (self.durations_NL, self.prior_TC2, self.first_frame_N):
            digest.update(tensor.cpu().numpy().tobytes())
        return digest.hexdigest()[:16]

    def to(self, device: torch.device) -> Lessons:
        """The same on another device."""
        return replace(
            self,
            durations_NL=self.durations_NL.to(device),
            prior_TC2=self.prior_TC2.to(device),
            first_frame_N=self.first_frame_N.to(device),
            frames_N=self.frames_N.to(device),
        )

    def prior(self, indices_B: Tensor, start_B: Tensor, length: int) -> tuple[Tensor, Tensor]:
        """The teacher's mean and log deviation (B, C, length) of clips, each from a frame of its own on.

        Past a clip's end its last frame is repeated; the caller's mask leaves those out.
        """
        at = start_B[:, None] + torch.arange(length, device=start_B.device)
        at = self.first_frame_N[indices_B, None] + torch.minimum(at, self.frames_N[indices_B, None] - 1)
        mean, log_deviation = self.prior_TC2[at].float().transpose(1, 2).split([self.channels] * 2, dim=1)
        return mean, log_deviation

    def save(self, path: Path) -> None:
        """Write as safetensors."""
        tensors = {
            "durations": self.durations_NL.cpu().contiguous(),
            "prior": self.prior_TC2.cpu().contiguous(),
            "first_frame": self.first_frame_N.cpu(),
            "frames": self.frames_N.cpu(),
            "is_spoken": torch.from_numpy(self.is_spoken),
            "kept_variance": torch.tensor(self.kept_variance, dtype=torch.float64),
        }
        safetensors.torch.save_file(tensors, path)

    @classmethod
    def load(cls, path: Path) -> Lessons:
        """Read what ``save`` wrote.

        Raises:
            CorpusDamaged: the file was cut off, or holds no lessons.
        """
        try:
            found = safetensors.torch.load_file(path)
            return cls(
                found["durations"],
                found["prior"],
                found["first_frame"],
                found["frames"],
                found["is_spoken"].numpy(),
                float(found["kept_variance"]),
            )
        except (safetensors.SafetensorError, KeyError, OSError) as error:
            raise CorpusDamaged(
                f'"{path}" is no whole file of lessons ({error}). Delete it: it is made again from the teacher'
            ) from error


@dataclass(frozen=True)
class Lesson:
    """Of one batch, whole whatever the number of workers."""

    lessons: Lessons
    config: LessonConfig
    is_spoken_B: np.ndarray
    """(B,) bool, on the host."""


def prior_divergence(
    taught: tuple[Tensor, Tensor], mean_BCT: Tensor, log_deviation_BCT: Tensor, mask_B1T: Tensor, rows_B: Tensor
) -> Tensor:
    """Kullback-Leibler divergence of the student's prior from the teacher's, nats a channel and valid frame.

    Args:
        taught: the teacher's mean and log deviation, (B, C, T) each.
        mean_BCT: the student's; channels beyond the taught ones are its own affair.
        log_deviation_BCT: likewise.
        mask_B1T: of valid frames.
        rows_B: 1 where a row is taught, 0 where the teacher does not know its circumstances.
    """
    wanted, wanted_log = taught
    channels = wanted.shape[1]
    mean, log_deviation = mean_BCT[:, :channels].float(), log_deviation_BCT[:, :channels].float()
    squares = (wanted - mean).square() + torch.exp(2 * wanted_log)
    divergence = log_deviation - wanted_log + 0.5 * squares * torch.exp(-2 * log_deviation) - 0.5
    weight = mask_B1T * rows_B[:, None, None]
    return (divergence * weight).sum() / (mask_B1T.sum() * channels)
