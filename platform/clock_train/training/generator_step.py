"""One step of the generator: a batch in, every loss term out.

A module of its own, so that parallelism can wrap it from outside. The mel statistics by which log-mel is normalised are
fixed numbers, not learnt from a corpus: a fine-tune must see what its base saw.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from clock_train.errors import ConfigError
from clock_train.models.alignment import expand
from clock_train.models.condition import clean_circumstances
from clock_train.models.spectral import Spectrogram
from clock_train.models.voice import Hearing, Reading, VoiceModel, VoiceSource, length_mask
from clock_train.training.device_corpus import Batch
from clock_train.training.lessons import Lesson, prior_divergence
from clock_train.training.losses import (
    aligned_mel_loss,
    duration_loss,
    kl_divergence,
    masked_mean,
    multi_resolution_stft,
    shared,
)
from clock_train.training.parallel import ALONE, Parallel
from clock_train.training.schedule import Phase

MEL_CENTRE, MEL_SCALE = -5.0, 2.5
"""Natural-log mel of speech at usual levels; normalised values lie within about plus or minus 2."""
STFT_WINDOWS = (512, 1_024, 256)


@dataclass(frozen=True, kw_only=True)
class LossConfig:
    """Weights of the terms; zero switches a term off."""

    mel: float = 45.0
    stft: float = 10.0
    kl: float = 1.0
    duration: float = 1.0
    alignment: float = 1.0
    adversarial: float = 1.0
    feature_matching: float = 2.0
    latent_size: float = 0.01
    """Keeps latents near unit size while no text predicts them yet."""
    crop_frames: int = 32
    """Frames of each clip that are decoded to sound and compared."""
    window_frames: int = 128
    """Frames of each clip that posterior, flow and prior work on; bounds memory and time whatever the clip's length."""

    def __post_init__(self) -> None:
        if self.crop_frames < 8:
            raise ConfigError(f"training.loss.crop_frames is {self.crop_frames}; give at least 8")
        if self.window_frames < self.crop_frames:
            raise ConfigError(
                f"training.loss.window_frames is {self.window_frames}; give at least crop_frames ({self.crop_frames})"
            )


@dataclass
class StepOutput:
    """The terms already weighted, and the crops that discriminators compare."""

    terms: dict[str, Tensor]
    generated_BN: Tensor
    natural_BN: Tensor
    durations_BL: Tensor


class GeneratorStep(nn.Module):
    """A voice model with its losses."""

    def __init__(self, voice: VoiceModel, config: LossConfig) -> None:
        super().__init__()
        self.voice, self.loss_config = voice, config
        self.spectrogram = Spectrogram(voice.config.mel)
        for size in STFT_WINDOWS:
            self.register_buffer(f"window_{size}", torch.hann_window(size), persistent=False)

    def forward(
        self,
        batch: Batch,
        phase: Phase,
        *,
        detach_prior: bool,
        durations_BL: Tensor | None = None,
        generator: torch.Generator | None = None,
        parallel: Parallel = ALONE,
        lesson: Lesson | None = None,
    ) -> StepOutput:
        """All terms of one batch, or of this worker's rows of it.

        Args:
            batch: from ``DeviceCorpus``, whole whatever the number of workers.
            phase: what is trained.
            detach_prior: whether the prior reads a detached text encoder; durations always do.
            durations_BL: frozen durations of the whole batch; None searches them.
            generator: CPU generator of crops and posterior noise.
            parallel: which rows are this worker's; the terms' average over the workers is the whole batch's.
            lesson: what a teacher says of the batch.
        """
        whole, rows = batch, parallel.rows(len(batch.frames_B))
        log_spectrum, log_mel = self._spectra(whole)
        condition = self._condition(whole, log_mel, generator, rows)
        batch, log_spectrum, log_mel = whole.rows(rows), log_spectrum[rows], log_mel[rows]
        reading = self.voice.read(batch.ids_B3L, batch.phones_B, condition)
        mel = (log_mel - MEL_CENTRE) / MEL_SCALE
        if durations_BL is not None:
            durations_BL = durations_BL[rows]
        else:
            durations_BL = self.voice.search_alignment(reading, mel, batch.phones_B, batch.frames_B)
        mask = length_mask(batch.frames_B, mel.shape[-1])
        path = expand(durations_BL, mel.shape[-1])
        heads = (reading.mel_BML.float(), reading.anchor_BML.float())
        of_frames = parallel.share(batch.frames_B, whole.frames_B)
        aligned, anchored = (shared(aligned_mel_loss(head, mel, path, mask), of_frames) for head in heads)
        terms = {"alignment": self.loss_config.alignment * aligned, "anchor": self.loss_config.alignment * anchored}
        longest = mel.shape[-1]
        sizes = self.loss_config
        window = min(sizes.crop_frames if phase is Phase.HEARING else sizes.window_frames, longest)
        crop = min(sizes.crop_frames, window)
        starts = _random_start(whole.frames_B, window, generator)
        all_frames = torch.clamp(whole.frames_B - starts, max=window)
        crop_start = _random_start(all_frames, crop, generator)[rows]
        window_start, frames = starts[rows], all_frames[rows]
        of_windows = parallel.share(frames, all_frames)
        noise = self._noise(len(whole.frames_B), window, generator)[rows].to(log_spectrum.device)
        spectrum = _cut(log_spectrum, window_start, window)
        hearing = self.voice.hear(spectrum, frames, condition, noise)
        hop = self.voice.config.mel.hop_samples
        first_sample = (window_start + crop_start) * hop
        natural = _cut(batch.waveform_BN.unsqueeze(1), first_sample, crop * hop).squeeze(1)
        if phase is Phase.HEARING:
            terms["latent_size"] = shared(self.loss_config.latent_size * _latent_size(hearing), of_windows)
        else:
            prior = self._predict(
                hearing, reading, durations_BL, condition, terms, detach_prior=detach_prior, first_frame_B=window_start
            )
            terms["kl"] = shared(terms["kl"], of_windows)
            terms["duration"] = shared(terms["duration"], parallel.share(batch.phones_B, whole.phones_B))
            if lesson is not None:
                taught = lesson.lessons.prior(batch.indices, window_start, window)
                # the teacher was asked without the noise that is added to a step's clips
                is_clean = (batch.circumstances_B2[:, 0] == 0).to(torch.float32)
                divergence = prior_divergence(taught, *prior, hearing.mask_B1T, is_clean) * taught[0].shape[1]
                terms["teacher_prior"] = shared(lesson.config.prior * divergence, of_windows)
                own = np.flatnonzero(lesson.is_spoken_B[rows])
                distance = self._speak(prior[0], hearing.mask_B1T, condition, crop_start, natural, own)
                weight = lesson.config.speech * parallel.world / max(1, int(lesson.is_spoken_B.sum()))
                terms["teacher_speech"] = weight * distance
        generated = self.voice.vocoder(_cut(hearing.latent, crop_start, crop), condition)
        ones = torch.ones_like(whole.frames_B)
        self._compare(generated, natural, terms, parallel, parallel.share(ones[rows], ones))
        return StepOutput(terms, generated, natural, durations_BL)

    @torch.no_grad()
    def _spectra(self, batch: Batch) -> tuple[Tensor, Tensor]:
        with torch.autocast(batch.waveform_BN.device.type, enabled=False):
            return self.spectrogram(batch.waveform_BN)

    def _condition(self, batch: Batch, log_mel_BMT: Tensor, generator: torch.Generator | None, rows: slice) -> Tensor:
        """Conditions of the rows; their voices may be heard in any clip of the whole batch."""
        frames = batch.frames_B
        if self.voice.config.voice_source is VoiceSource.ENCODER:
            # the voice is heard in another clip of the speaker, or the vector would carry what is said as well
            partner = _partners(batch.speaker_B, generator)
            log_mel_BMT, frames = log_mel_BMT[partner], frames[partner]
        batch = batch.rows(rows)
        vectors = speaker_vectors(self.voice, batch.speaker_B, log_mel_BMT[rows], frames[rows])
        return self.voice.condition(vectors, batch.labels_B2, batch.circumstances_B2)

    def _noise(self, clips: int, frames: int, generator: torch.Generator | None) -> Tensor:
        return torch.randn((clips, self.voice.config.latent_channels, frames), generator=generator)

    def _predict(
        self,
        hearing: Hearing,
        reading: Reading,
        durations_BL: Tensor,
        condition: Tensor,
        terms: dict[str, Tensor],
        *,
        detach_prior: bool,
        first_frame_B: Tensor,
    ) -> tuple[Tensor, Tensor]:
        encoded = reading.encoded_BCL.detach() if detach_prior else reading.encoded_BCL
        mean, log_deviation = self.voice.prior(
            encoded, durations_BL, hearing.mask_B1T, condition, first_frame_B=first_frame_B
        )
        seen = self.voice.flow(hearing.latent, hearing.mask_B1T, condition)
        divergence = kl_divergence(
            seen.float(), hearing.log_deviation.float(), mean.float(), log_deviation.float(), hearing.mask_B1T
        )
        # nats a frame, as the field counts them
        terms["kl"] = self.loss_config.kl * divergence * self.voice.config.latent_channels
        log_frames = self.voice.duration(reading.encoded_BCL.detach(), reading.mask_B1L, condition.detach())
        terms["duration"] = self.loss_config.duration * duration_loss(
            log_frames.float(), durations_BL, reading.mask_B1L
        )
        return mean, log_deviation

    def _speak(
        self,
        mean_BCT: Tensor,
        mask_B1T: Tensor,
        condition_BG: Tensor,
        crop_start_B: Tensor,
        natural_BN: Tensor,
        chosen: np.ndarray,
    ) -> Tensor:
        """How far the chosen rows, spoken from text alone, are from their sound: the sum of their mel distances."""
        if not len(chosen):
            return mean_BCT.new_zeros(())
        rows = torch.from_numpy(chosen).to(mean_BCT.device)
        mean, mask, condition = mean_BCT[rows], mask_B1T[rows], condition_BG[rows]
        latent = self.voice.flow(mean * mask, mask, condition, inverse=True) * mask
        crop = natural_BN.shape[1] // self.voice.config.mel.hop_samples
        spoken = self.voice.vocoder(_cut(latent, crop_start_B[rows], crop), condition)
        with torch.autocast(spoken.device.type, enabled=False):
            made, real = (
                self.spectrogram.log_mel_of(self.spectrogram.magnitude(wave.float()))
                for wave in (spoken, natural_BN[rows])
            )
        return (made - real).abs().mean((1, 2)).sum()

    def _compare(
        self,
        generated: Tensor,
        natural: Tensor,
        terms: dict[str, Tensor],
        parallel: Parallel,
        of_clips: Tensor | None,
    ) -> None:
        with torch.autocast(generated.device.type, enabled=False):
            made = self.spectrogram.log_mel_of(self.spectrogram.magnitude(generated.float()))
            real = self.spectrogram.log_mel_of(self.spectrogram.magnitude(natural))
            terms["mel"] = shared(self.loss_config.mel * (made - real).abs().mean(), of_clips)
            if self.loss_config.stft:
                windows = [getattr(self, f"window_{size}") for size in STFT_WINDOWS]
                terms["stft"] = self.loss_config.stft * multi_resolution_stft(
                    generated.float(), natural, windows, parallel=parallel, share=of_clips
                )


def speaker_vectors(voice: VoiceModel, speaker_B: Tensor, log_mel_BMT: Tensor, frames_B: Tensor) -> Tensor:
    """Speaker vectors (B, E): heard by the encoder, or looked up."""
    if voice.config.voice_source is VoiceSource.STORED:
        return voice.stored_speakers(speaker_B)
    return voice.speaker_encoder(mfcc_of(log_mel_BMT, voice.config.speaker_encoder.coefficients), frames_B)


def mfcc_of(log_mel_BMT: Tensor, coefficients: int) -> Tensor:
    """MFCCs (B, K, T) by the orthonormal DCT-II of log-mel, as ``audio.mfcc`` computes them."""
    bands = log_mel_BMT.shape[1]
    n = torch.arange(bands, device=log_mel_BMT.device, dtype=torch.float32)
    k = torch.arange(coefficients, device=log_mel_BMT.device, dtype=torch.float32)
    basis = torch.cos(torch.pi / bands * (n[None] + 0.5) * k[:, None]) * (2.0 / bands) ** 0.5
    basis = torch.cat([basis[:1] * 0.5**0.5, basis[1:]])
    return basis @ log_mel_BMT


def neutral_condition(voice: VoiceModel, speaker_BE: Tensor, labels_B2: Tensor) -> Tensor:
    """The condition of synthesis: a clean recording at its natural speed."""
    return voice.condition(speaker_BE, labels_B2, clean_circumstances(speaker_BE.shape[0], speaker_BE.device))


def _latent_size(hearing: Hearing) -> Tensor:
    """Divergence from a standard normal, nats a channel."""
    variance = torch.exp(2 * hearing.log_deviation)
    return masked_mean(0.5 * (hearing.mean.square() + variance - 1.0) - hearing.log_deviation, hearing.mask_B1T)


def _partners(speaker_B: Tensor, generator: torch.Generator | None) -> Tensor:
    """For each row a random other row of the same speaker; itself where the batch has no other."""
    draw = torch.rand((len(speaker_B), len(speaker_B)), generator=generator).to(speaker_B.device)
    draw = torch.where(speaker_B[:, None] == speaker_B[None], 1.0 + draw, 0.0)
    draw.fill_diagonal_(0.5)
    return draw.argmax(1)


def _random_start(frames_B: Tensor, length: int, generator: torch.Generator | None) -> Tensor:
    """A start for each row such that ``length`` frames fit, or 0 where the row is shorter."""
    at = torch.rand(frames_B.shape, generator=generator).to(frames_B.device)
    return (at * (torch.clamp(frames_B - length, min=0) + 1)).long()


def _cut(x_BCT: Tensor, starts_B: Tensor, length: int) -> Tensor:
    """(B, C, length) from each row's own start; rows that end earlier are cut at the tensor's end."""
    at = starts_B[:, None] + torch.arange(length, device=x_BCT.device)
    at = torch.clamp(at, max=x_BCT.shape[2] - 1)
    return torch.gather(x_BCT, 2, at[:, None].expand(-1, x_BCT.shape[1], -1))
