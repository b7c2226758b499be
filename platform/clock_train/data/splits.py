"""Which clips train, which choose the checkpoint, and which only the judges ever hear.

The split follows from each clip's id, so that adding recordings moves no clip from one side to the other by chance.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from clock_train.errors import TrainingDataTooSmall

TRAIN, VALIDATION, TEST = 0, 1, 2
HELD_OUT = 16
"""Clips of each speaker for validation, and as many for test."""
MOST_HELD_OUT = 0.08
"""Never more than this share of a speaker's clips in each of the two."""
FEWEST_CLIPS = 8
"""Below this nothing can be held out and nothing learnt."""


def split_clips(clip_ids: Sequence[str], speakers: Sequence[str], seconds: Sequence[float]) -> list[int]:
    """``TRAIN``, ``VALIDATION`` or ``TEST`` for each clip.

    Clips between one and eight seconds are preferred for the held-out sets: shorter ones say too little to a judge.

    Raises:
        TrainingDataTooSmall: a speaker has fewer than ``FEWEST_CLIPS`` clips.
    """
    assigned = [TRAIN] * len(clip_ids)
    for speaker in sorted(set(speakers)):
        own = [i for i, name in enumerate(speakers) if name == speaker]
        if len(own) < FEWEST_CLIPS:
            raise TrainingDataTooSmall(
                f'speaker "{speaker}" has {len(own)} usable clips; at least {FEWEST_CLIPS} are needed to train and to '
                "hold some out: record more sentences, or cut long takes into sentences"
            )
        count = max(1, min(HELD_OUT, int(len(own) * MOST_HELD_OUT)))
        order = sorted(own, key=lambda i: (not 1.0 <= seconds[i] <= 8.0, _digest(clip_ids[i])))
        for i in order[:count]:
            assigned[i] = TEST
        for i in order[count : 2 * count]:
            assigned[i] = VALIDATION
    return assigned


def indices_of(assigned: Iterable[int], wanted: int) -> list[int]:
    """Positions of the clips of one split."""
    return [i for i, split in enumerate(assigned) if split == wanted]


def _digest(clip_id: str) -> str:
    return hashlib.sha256(clip_id.encode()).hexdigest()
