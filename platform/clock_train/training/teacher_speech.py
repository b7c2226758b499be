"""A teacher speaks many texts: what its student learns from besides recordings.

Seeded, so that the same texts are the same samples. Not marked and not issued: nothing of it leaves the training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from clock_train.models.condition import clean_circumstances
from clock_train.models.voice import VoiceModel

BATCH = 8


@dataclass(frozen=True)
class Spoken:
    """One text as the teacher spoke it."""

    samples: np.ndarray
    """(N,) int16, a whole number of frames."""
    durations: np.ndarray
    """(L,) int64 frames of each phone."""


@torch.inference_mode()
def speak(
    teacher: VoiceModel,
    texts: Sequence[np.ndarray],
    vectors_NE: Tensor,
    labels: Sequence[tuple[int, int]],
    *,
    noise_scale: float,
    seed: int,
) -> list[Spoken]:
    """Speak texts, several at once.

    Args:
        teacher: in evaluation mode.
        texts: (3, L) ids each.
        vectors_NE: the speaker's vector for each text, on the teacher's device.
        labels: style and emotion ids of each text.
        noise_scale: how much of the prior's spread to draw.
        seed: of that noise.
    """
    generator = torch.Generator().manual_seed(seed)
    order = sorted(range(len(texts)), key=lambda i: texts[i].shape[1])
    spoken: dict[int, Spoken] = {}
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        phones = [texts[i].shape[1] for i in rows]
        ids = np.zeros((len(rows), 3, max(phones)), dtype=np.int64)
        for row, i in enumerate(rows):
            ids[row, :, : phones[row]] = texts[i]
        device = vectors_NE.device
        styled = torch.tensor([labels[i] for i in rows], device=device)
        condition = teacher.condition(vectors_NE[rows], styled, clean_circumstances(len(rows), device))
        waveforms, samples, durations = teacher.synthesize(
            torch.from_numpy(ids).to(device),
            torch.tensor(phones, device=device),
            condition,
            noise_scale=noise_scale,
            generator=generator,
        )
        loud = (waveforms.clamp(-1.0, 32767 / 32768) * 32768).round().to(torch.int16).cpu().numpy()
        for row, i in enumerate(rows):
            own = durations[row, : phones[row]].cpu().numpy()
            spoken[i] = Spoken(loud[row, : int(samples[row])], own)
    return [spoken[i] for i in range(len(texts))]
