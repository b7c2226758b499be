"""Asking a frozen teacher about every clip of a packed corpus, before its student's first step.

Where the student's latent is narrower than the teacher's, the prior is projected onto the directions in which the
teacher's means vary most; a Gaussian stays one under that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from clock_train.models.spectral import Spectrogram
from clock_train.models.voice import VoiceModel, length_mask
from clock_train.training.device_corpus import DeviceCorpus
from clock_train.training.generator_step import MEL_CENTRE, MEL_SCALE
from clock_train.training.lessons import Lessons

BATCH = 8
LEAST_DEVIATION = 1e-3
"""Keeps the logarithm of a projected deviation finite."""


@torch.no_grad()
def lessons_of(
    teacher: VoiceModel,
    corpus: DeviceCorpus,
    vectors_SE: Tensor,
    *,
    known_durations: Mapping[int, np.ndarray],
    latent_channels: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Lessons:
    """Ask the teacher about every clip.

    Args:
        teacher: in evaluation mode, on the corpus' device.
        corpus: recordings and the sentences that it spoke.
        vectors_SE: its vector of each of the corpus' speakers.
        known_durations: clip → (L,) frames of each phone, of those that it spoke; recordings are aligned.
        latent_channels: of the student.
        progress: called with (done, total) clips.
    """
    clips = len(corpus.packed)
    durations = torch.zeros((clips, int(corpus.host_phones.max())), dtype=torch.int64, device=corpus.device)
    for clip, known in known_durations.items():
        durations[clip, : len(known)] = torch.from_numpy(known).to(durations)
    spectra = Spectrogram(teacher.config.mel).to(corpus.device)
    first_frame = np.concatenate([[0], np.cumsum(corpus.host_frames)[:-1]])
    channels = teacher.config.latent_channels
    statistics = torch.zeros((int(corpus.host_frames.sum()), 2 * channels), dtype=torch.float32)
    order = sorted(range(clips), key=lambda i: int(corpus.host_frames[i]))
    for start in range(0, clips, BATCH):
        chosen = order[start : start + BATCH]
        progress(start, clips)
        batch = corpus.batch(chosen)
        condition = teacher.condition(vectors_SE[batch.speaker_B], batch.labels_B2, batch.circumstances_B2)
        reading = teacher.read(batch.ids_B3L, batch.phones_B, condition)
        own = durations[batch.indices, : batch.ids_B3L.shape[2]]
        is_known = torch.tensor([clip in known_durations for clip in chosen], device=corpus.device)
        if not bool(is_known.all()):
            _, log_mel = spectra(batch.waveform_BN)
            mel = (log_mel - MEL_CENTRE) / MEL_SCALE
            found = teacher.search_alignment(reading, mel, batch.phones_B, batch.frames_B)
            own = torch.where(is_known[:, None], own, found)
            durations[batch.indices, : own.shape[1]] = own
        mask = length_mask(batch.frames_B, int(batch.frames_B.max()))
        mean, log_deviation = teacher.prior(reading.encoded_BCL, own, mask, condition)
        both = torch.cat([mean, log_deviation], dim=1).transpose(1, 2).cpu()
        for row, clip in enumerate(chosen):
            count = int(corpus.host_frames[clip])
            statistics[first_frame[clip] : first_frame[clip] + count] = both[row, :count]
    progress(clips, clips)
    is_spoken = np.array([clip in known_durations for clip in range(clips)])
    prior, kept = project(statistics, latent_channels)
    return Lessons(
        durations,
        prior.to(torch.float16).to(corpus.device),
        torch.from_numpy(first_frame).to(corpus.device),
        torch.from_numpy(corpus.host_frames).to(corpus.device),
        is_spoken,
        kept,
    )


def project(statistics_TC2: Tensor, channels: int) -> tuple[Tensor, float]:
    """Diagonal Gaussians (T, 2 C) on the ``channels`` directions in which their means vary most.

    Returns:
        (T, 2 min(C, channels)) means and log deviations, and the share of the means' variance that is kept. With as
        many channels as there are, nothing changes.
    """
    width = statistics_TC2.shape[1] // 2
    if channels >= width:
        return statistics_TC2, 1.0
    mean, log_deviation = statistics_TC2.double().split([width, width], dim=1)
    centre = mean.mean(0)
    values, vectors = torch.linalg.eigh((mean - centre).T @ (mean - centre) / len(mean))
    # eigh sorts upwards
    chosen = vectors[:, -channels:].flip(1)
    # a direction has no sign; without this the same lessons could come out mirrored on another machine
    signs = torch.sign(chosen.gather(0, chosen.abs().argmax(0, keepdim=True)))
    chosen = chosen * signs
    variance = torch.exp(2 * log_deviation) @ chosen.square()
    deviation = torch.clamp(variance.sqrt(), min=LEAST_DEVIATION)
    kept = float(values[-channels:].sum() / torch.clamp(values.sum(), min=1e-12))
    return torch.cat([(mean - centre) @ chosen, deviation.log()], dim=1).float(), kept
