"""Monotonic alignment search: which frames each phone owns.

A dynamic programme over frames, vectorised over batch and phones, in torch operations only, so that it runs where the
tensors are and needs no compiler.
Source: Kim et al., Glow-TTS (2020).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from clock_train.errors import AlignmentError

IMPOSSIBLE = -1e9


@torch.no_grad()
def align(log_likelihood_BLT: Tensor, text_lengths: Tensor, mel_lengths: Tensor) -> Tensor:
    """Durations of the most likely monotonic alignment of phones (L) to mel frames (T).

    Args:
        log_likelihood_BLT: (B, L, T) float32, natural log; padding may hold anything.
        text_lengths: (B,) int64, in phones.
        mel_lengths: (B,) int64, in frames.

    Returns:
        (B, L) int64 frames of each phone: at least one for each valid phone, zero in the padding; rows sum to
        ``mel_lengths``.

    Raises:
        AlignmentError: an utterance has fewer frames than phones.
    """
    if bool((mel_lengths < text_lengths).any()):
        worst = int(torch.argmax(text_lengths - mel_lengths))
        raise AlignmentError(
            f"utterance {worst} of the batch has {int(text_lengths[worst])} phones but only {int(mel_lengths[worst])} "
            "frames; its transcript is longer than its audio: check or leave out the clip"
        )
    batch, phones, frames = log_likelihood_BLT.shape
    device = log_likelihood_BLT.device
    likelihood_TBL = log_likelihood_BLT.float().permute(2, 0, 1).contiguous()
    score = torch.full((batch, phones), IMPOSSIBLE, device=device)
    score[:, 0] = likelihood_TBL[0, :, 0]
    stayed_TBL = torch.ones((frames, batch, phones), dtype=torch.bool, device=device)
    for t in range(1, frames):
        moved = F.pad(score[:, :-1], (1, 0), value=IMPOSSIBLE)
        torch.ge(score, moved, out=stayed_TBL[t])
        score = torch.maximum(score, moved) + likelihood_TBL[t]
    return _trace_back(stayed_TBL, text_lengths, mel_lengths)


def _trace_back(stayed_TBL: Tensor, text_lengths: Tensor, mel_lengths: Tensor) -> Tensor:
    frames, batch, phones = stayed_TBL.shape
    device = stayed_TBL.device
    rows = torch.arange(batch, device=device)
    phone = text_lengths - 1
    durations = torch.zeros((batch, phones), dtype=torch.int64, device=device)
    one = torch.ones(batch, dtype=torch.int64, device=device)
    for t in range(frames - 1, -1, -1):
        valid = mel_lengths > t
        durations.index_put_((rows, phone), torch.where(valid, one, 0), accumulate=True)
        # a phone must give way while frames still suffice for those before it
        step = valid & (phone > 0) & (~stayed_TBL[t, rows, phone] | (phone >= t))
        phone = torch.where(step, phone - 1, phone)
    return durations


def expand(durations_BL: Tensor, frames: int) -> Tensor:
    """The path (B, T, L) of zeros and ones that repeats each phone for its duration; rows past the end are zero."""
    ends = torch.cumsum(durations_BL, dim=1)
    starts = ends - durations_BL
    t = torch.arange(frames, device=durations_BL.device)[None, :, None]
    return ((t >= starts[:, None, :]) & (t < ends[:, None, :])).to(torch.float32)
