"""Which clips train, which choose the checkpoint, and which only the judges ever hear.

The split follows from each clip's id alone, so that adding recordings moves no clip from one side to the other, and
a sentence that judged one version is not trained on by the next. Only a speaker with so few clips that none falls on a
side gets one there by rank.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from clock_train.errors import TrainingDataTooSmall

TRAIN, VALIDATION, TEST = 0, 1, 2
HELD_OUT_SHARE = 0.07
"""Of the clips that say enough to a judge, for test, and as many for validation: 16 and 26 of the English sample."""
SHORTEST_SECONDS, LONGEST_SECONDS = 1.0, 8.0
"""Clips outside are trained on only: shorter ones say too little to a judge."""
FEWEST_CLIPS = 8
"""Below this nothing can be held out and nothing learnt."""


def split_clips(clip_ids: Sequence[str], speakers: Sequence[str], seconds: Sequence[float]) -> list[int]:
    """``TRAIN``, ``VALIDATION`` or ``TEST`` for each clip.

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
        for i in own:
            if _says_enough(seconds[i]):
                assigned[i] = _side(_place(clip_ids[i]))
        by_rank = sorted(own, key=lambda i: (not _says_enough(seconds[i]), _place(clip_ids[i])))
        for side in (TEST, VALIDATION):
            if not any(assigned[i] == side for i in own):
                assigned[next(i for i in by_rank if assigned[i] == TRAIN)] = side
    return assigned


def _says_enough(seconds: float) -> bool:
    return SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS


def _side(place: float) -> int:
    if place < HELD_OUT_SHARE:
        return TEST
    return VALIDATION if place < 2 * HELD_OUT_SHARE else TRAIN


def _place(clip_id: str) -> float:
    """A number in [0, 1) that depends on the id only."""
    return int.from_bytes(hashlib.sha256(clip_id.encode()).digest()[:8], "big") / 2**64
