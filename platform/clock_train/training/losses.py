"""The losses, as pure functions of tensors.

Source: Kim et al., VITS (2021); multi-resolution STFT after Yamamoto et al., Parallel WaveGAN (2020); least-squares
adversarial and feature-matching terms after Kong et al., HiFi-GAN (2020).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from clock_train.models.discriminators import Judgement
from clock_train.models.spectral import LOG_FLOOR
from clock_train.training.parallel import ALONE, Parallel


def masked_mean(value_BCT: Tensor, mask_B1T: Tensor) -> Tensor:
    """The mean over valid positions and all channels."""
    return (value_BCT * mask_B1T).sum() / (mask_B1T.sum() * value_BCT.shape[1])


def multi_resolution_stft(
    generated_BN: Tensor,
    natural_BN: Tensor,
    windows: Sequence[Tensor],
    *,
    parallel: Parallel = ALONE,
    share: Tensor | None = None,
) -> Tensor:
    """Spectral convergence plus log-magnitude distance, averaged over one resolution a window (hop a quarter).

    The convergence is a ratio of norms over the whole batch, whoever holds its rows; ``share`` weights the distance.
    """
    total = generated_BN.new_zeros(())
    for window in windows:
        made, real = _magnitude(generated_BN, window), _magnitude(natural_BN, window)
        convergence = parallel.norm(real - made) / torch.clamp(parallel.norm(real), min=1e-3)
        total = total + convergence + shared(F.l1_loss(_log(made), _log(real)), share)
    return total / len(windows)


def shared(term: Tensor, share: Tensor | None) -> Tensor:
    """A term weighted by this worker's share; None leaves it to the last bit as it is."""
    return term if share is None else term * share


def kl_divergence(
    prior_latent_BCT: Tensor,
    posterior_log_deviation_BCT: Tensor,
    prior_mean_BCT: Tensor,
    prior_log_deviation_BCT: Tensor,
    mask_B1T: Tensor,
) -> Tensor:
    """How far the posterior's sample, seen through the flow, lies from what text predicts; nats a latent channel."""
    spread = prior_log_deviation_BCT - posterior_log_deviation_BCT - 0.5
    error = 0.5 * (prior_latent_BCT - prior_mean_BCT).square() * torch.exp(-2.0 * prior_log_deviation_BCT)
    return masked_mean(spread + error, mask_B1T)


def duration_loss(log_frames_BL: Tensor, durations_BL: Tensor, mask_B1L: Tensor) -> Tensor:
    """Mean squared error of natural-log durations over valid phones."""
    target = torch.log(torch.clamp(durations_BL.to(torch.float32), min=1.0))
    mask = mask_B1L.squeeze(1)
    return ((log_frames_BL - target).square() * mask).sum() / mask.sum()


def aligned_mel_loss(mel_BML: Tensor, target_BMT: Tensor, path_BTL: Tensor, mask_B1T: Tensor) -> Tensor:
    """Squared error between each frame and its phone's mean mel, in normalised log-mel."""
    # autocast would round the repeated means to 8 bits
    with torch.autocast(mel_BML.device.type, enabled=False):
        return masked_mean((mel_BML @ path_BTL.transpose(1, 2) - target_BMT).square(), mask_B1T)


def discriminator_loss(natural: Sequence[Judgement], generated: Sequence[Judgement]) -> Tensor:
    """Least squares: natural towards one, generated towards zero."""
    terms = [
        (1.0 - real).square().mean() + made.square().mean()
        for (real, _), (made, _) in zip(natural, generated, strict=True)
    ]
    return torch.stack(terms).mean()


def adversarial_loss(generated: Sequence[Judgement]) -> Tensor:
    """Least squares: generated towards one."""
    return torch.stack([(1.0 - score).square().mean() for score, _ in generated]).mean()


def feature_matching_loss(natural: Sequence[Judgement], generated: Sequence[Judgement]) -> Tensor:
    """Mean absolute difference of the judges' feature maps; the natural side gets no gradient."""
    terms = [
        F.l1_loss(made, real.detach())
        for (_, reals), (_, mades) in zip(natural, generated, strict=True)
        for real, made in zip(reals, mades, strict=True)
    ]
    return torch.stack(terms).mean()


def _magnitude(waveform_BN: Tensor, window: Tensor) -> Tensor:
    size = window.numel()
    spectrum = torch.stft(waveform_BN, size, hop_length=size // 4, window=window, return_complex=True)
    return torch.sqrt(spectrum.real.square() + spectrum.imag.square() + 1e-9)


def _log(magnitude: Tensor) -> Tensor:
    return torch.log(torch.clamp(magnitude, min=LOG_FLOOR))
