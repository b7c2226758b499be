"""Monotonic alignment search: which frames each phone owns.

A dynamic programme over frames, vectorised over batch and phones. In numpy on the host, whatever the device: the search
is a chain of a thousand small steps, which numpy takes in a microsecond each and a GPU in five or more; copying the
likelihoods of a batch costs about a millisecond.
Source: Kim et al., Glow-TTS (2020).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

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
    likelihood_TBL = np.ascontiguousarray(log_likelihood_BLT.detach().float().cpu().numpy().transpose(2, 0, 1))
    stayed_TBL = _search(likelihood_TBL)
    durations = _trace_back(stayed_TBL, text_lengths.cpu().numpy(), mel_lengths.cpu().numpy())
    return torch.from_numpy(durations).to(log_likelihood_BLT.device)


def _search(likelihood_TBL: np.ndarray) -> np.ndarray:
    """Whether the best path to (t, l) came from the same phone; (T, B, L) bool."""
    frames, batch, phones = likelihood_TBL.shape
    stayed_TBL = np.ones((frames, batch, phones), dtype=bool)
    score = np.full((batch, phones), IMPOSSIBLE, dtype=np.float32)
    score[:, 0] = likelihood_TBL[0, :, 0]
    moved = np.full((batch, phones), IMPOSSIBLE, dtype=np.float32)
    for t in range(1, frames):
        moved[:, 1:] = score[:, :-1]
        np.greater_equal(score, moved, out=stayed_TBL[t])
        np.maximum(score, moved, out=score)
        score += likelihood_TBL[t]
    return stayed_TBL


def _trace_back(stayed_TBL: np.ndarray, text_lengths: np.ndarray, mel_lengths: np.ndarray) -> np.ndarray:
    frames, batch, phones = stayed_TBL.shape
    rows = np.arange(batch)
    phone = text_lengths - 1
    durations = np.zeros((batch, phones), dtype=np.int64)
    for t in range(frames - 1, -1, -1):
        valid = mel_lengths > t
        durations[rows, phone] += valid
        # a phone must give way while frames still suffice for those before it
        phone = phone - (valid & (phone > 0) & (~stayed_TBL[t, rows, phone] | (phone >= t)))
    return durations


def expand(durations_BL: Tensor, frames: int, first_frame_B: Tensor | None = None) -> Tensor:
    """The path (B, T, L) of zeros and ones that repeats each phone for its duration; rows past the end are zero.

    ``first_frame_B`` begins each row later than at its first frame, for a window of the clip.
    """
    ends = torch.cumsum(durations_BL, dim=1)
    starts = ends - durations_BL
    t = torch.arange(frames, device=durations_BL.device)[None, :, None]
    if first_frame_B is not None:
        t = t + first_frame_B[:, None, None]
    return ((t >= starts[:, None, :]) & (t < ends[:, None, :])).to(torch.float32)
