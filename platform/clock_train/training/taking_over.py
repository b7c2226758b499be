"""A student that begins with what of its teacher fits: every weight of the same name and shape.

Where the student has fewer layers of the same width it takes the teacher's first ones; a student of other widths takes
nothing and begins at random. Source: Sanh et al., DistilBERT (2019), for layers left out.
"""

from __future__ import annotations

import torch
from torch import Tensor

from clock_train.models.voice import VoiceModel


@torch.no_grad()
def take_over(student: VoiceModel, teacher: VoiceModel) -> float:
    """Copy what fits; the share of the student's parameters that was taken, 0 to 1."""
    theirs = teacher.state_dict()
    taken = total = 0
    for name, own in student.named_parameters():
        total += own.numel()
        # vectors follow the corpus' speakers, and are set by whoever knows their names
        source = None if name.startswith("stored_speakers") else _fitting(name, own, theirs.get(name))
        if source is not None:
            own.copy_(source)
            taken += own.numel()
    return taken / total


def _fitting(name: str, own: Tensor, source: Tensor | None) -> Tensor | None:
    if source is None or own.shape[1:] != source.shape[1:]:
        return None
    rows = own.shape[0]
    if rows == source.shape[0]:
        return source
    # of a stack of WaveNet cells: one projection holds the conditions of all layers, the first ones first
    if rows < source.shape[0] and ".stack.condition." in name:
        return source[:rows]
    # the last layer of a shorter stack has only the skip half of what is a residual and a skip in the longer one
    if 2 * rows == source.shape[0] and ".mixing." in name:
        return source[rows:]
    return None
