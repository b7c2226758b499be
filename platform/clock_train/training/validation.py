"""How good the averaged weights are by the model's own losses, on clips it does not train on.

These figures choose the checkpoint. The judges of ``clock_train.evaluation`` are not asked: they score another split,
which no decision has seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from clock_train.models.alignment import expand
from clock_train.models.voice import length_mask
from clock_train.training.device_corpus import Batch
from clock_train.training.generator_step import MEL_CENTRE, MEL_SCALE, neutral_condition, speaker_vectors
from clock_train.training.losses import aligned_mel_loss, duration_loss, masked_mean
from clock_train.training.run import Run

BATCH = 8


@dataclass(frozen=True)
class ValidationScores:
    """Lower is better in each; ``score`` is their sum."""

    mel: float
    """Mean absolute natural-log mel difference of a clip heard and spoken again."""
    alignment: float
    """Squared error of the mel head along its best path, normalised log-mel."""
    duration: float
    """Squared error of natural-log durations."""
    one_frame_share: float
    """Phones that own a single frame; a collapsed alignment has 0.9."""
    text_mel: float
    """Mean absolute natural-log mel difference of a text spoken with the durations of its recording."""

    @property
    def score(self) -> float:
        """What the choice of the checkpoint looks at."""
        return self.mel + self.alignment + self.duration + self.text_mel


@torch.no_grad()
def validate(run: Run) -> ValidationScores:
    """Scores of the averaged weights; leaves weights and randomness as they were."""
    run.average.swap()
    run.voice.eval()
    try:
        order = sorted(run.validation, key=lambda i: int(run.corpus.host_frames[i]))
        parts = [order[i : i + BATCH] for i in range(0, len(order), BATCH)]
        # the decoder at the sample rate draws noise
        with torch.random.fork_rng(devices=[run.device] if run.device.type == "cuda" else []):
            torch.manual_seed(0)
            rows = [(len(part), _scores(run, run.corpus.batch(part))) for part in parts]
    finally:
        run.voice.train()
        run.average.swap()
    total = sum(count for count, _ in rows)
    return ValidationScores(*(sum(n * row[i] for n, row in rows) / total for i in range(5)))


def _scores(run: Run, batch: Batch) -> tuple[float, float, float, float, float]:
    voice = run.voice
    log_spectrum, log_mel = run.generator_step.spectrogram(batch.waveform_BN)
    condition = neutral_condition(
        voice, speaker_vectors(voice, batch.speaker_B, log_mel, batch.frames_B), batch.labels_B2
    )
    reading = voice.read(batch.ids_B3L, batch.phones_B, condition)
    target = (log_mel - MEL_CENTRE) / MEL_SCALE
    durations = voice.search_alignment(reading, target, batch.phones_B, batch.frames_B)
    mask = length_mask(batch.frames_B, target.shape[-1])
    alignment = aligned_mel_loss(reading.mel_BML, target, expand(durations, target.shape[-1]), mask)
    log_frames = voice.duration(reading.encoded_BCL, reading.mask_B1L, condition)
    duration = duration_loss(log_frames, durations, reading.mask_B1L)
    silence = torch.zeros(1, device=run.device)
    hearing = voice.hear(log_spectrum, batch.frames_B, condition, silence)
    mel = _distance(run, voice.vocoder(hearing.latent, condition), log_mel, mask)
    mean, _ = voice.prior(reading.encoded_BCL, durations, mask, condition)
    spoken = voice.vocoder(voice.flow(mean * mask, mask, condition, inverse=True) * mask, condition)
    one_frame = ((durations == 1) & (reading.mask_B1L.squeeze(1) > 0)).sum() / batch.phones_B.sum()
    text_mel = _distance(run, spoken, log_mel, mask)
    return mel, float(alignment), float(duration), float(one_frame), text_mel


def _distance(run: Run, waveform_BN: torch.Tensor, log_mel_BMT: torch.Tensor, mask_B1T: torch.Tensor) -> float:
    made = run.generator_step.spectrogram.log_mel_of(run.generator_step.spectrogram.magnitude(waveform_BN))
    return float(masked_mean((made - log_mel_BMT).abs(), mask_B1T))


@torch.no_grad()
def durations_of_corpus(run: Run) -> torch.Tensor:
    """Durations (clips, longest text) of every clip by the averaged weights: what the run keeps once frozen."""
    packed = run.corpus.packed
    longest = int(run.corpus.host_phones.max())
    found = torch.zeros((len(packed), longest), dtype=torch.int64, device=run.device)
    run.average.swap()
    run.voice.eval()
    try:
        order = sorted(range(len(packed)), key=lambda i: int(run.corpus.host_frames[i]))
        for start in range(0, len(order), BATCH):
            batch = run.corpus.batch(order[start : start + BATCH])
            _, log_mel = run.generator_step.spectrogram(batch.waveform_BN)
            vectors = speaker_vectors(run.voice, batch.speaker_B, log_mel, batch.frames_B)
            condition = neutral_condition(run.voice, vectors, batch.labels_B2)
            reading = run.voice.read(batch.ids_B3L, batch.phones_B, condition)
            mel = (log_mel - MEL_CENTRE) / MEL_SCALE
            durations = run.voice.search_alignment(reading, mel, batch.phones_B, batch.frames_B)
            found[batch.indices, : durations.shape[1]] = durations
    finally:
        run.voice.train()
        run.average.swap()
    return found
