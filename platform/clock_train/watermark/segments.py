"""From looks that found something to stretches of time: where a mark is, whose, and what it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from clock_train.watermark.framing import CELL_HOPS, COLUMN_SECONDS, HOP_SECONDS, PERIOD_COLUMNS
from clock_train.watermark.payload import Payload
from clock_train.watermark.reading import Aligned, local_statistics, read_payload
from clock_train.watermark.search import Look

LOCAL_STATISTIC = 3.0
"""A second of sound counts as marked above this; one unmarked second in 700 is."""
LONGEST_GAP_SECONDS = 1.5
"""Pauses carry no mark: stretches so close, with one payload, are one."""
LEAST_ALONE_SECONDS = 1.0
"""A shorter stretch, far from a longer one of the same find, is one of the unmarked seconds that pass by chance."""


@dataclass(frozen=True, order=True)
class Speed:
    """One hypothesis: how the sound was played."""

    speed: float = 1.0
    pitch: float = 1.0


@dataclass(frozen=True)
class Find:
    """The best look of one key at one speed, in a part or a window of it."""

    look: Look
    speed: Speed
    first_hop: int
    num_hops: int
    part_start_s: float
    log10_p: float
    aligned: Aligned


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A stretch of the sound in which one mark was found."""

    start_s: float
    end_s: float
    key_id: str
    quarter: str
    speed: float
    pitch: float
    statistic: float
    log10_p: float
    """With every look paid for."""
    payload: Payload | None


def segments_of_part(finds: Sequence[Find]) -> list[Segment]:
    """The stretches of one part; the strongest find of a key takes a stretch first."""
    segments = []
    for key in dict.fromkeys(find.look.key for find in finds):
        own = sorted((find for find in finds if find.look.key == key), key=lambda find: find.log10_p)
        pieces = _without_overlap(own)
        together = read_payload([(_cut(find, places), key) for find, places in pieces])
        for find, places in pieces:
            payload = read_payload([(find.aligned, key)]) or together
            segments += [_segment(find, start, end, payload) for start, end in _runs(places)]
    return segments


def merged(segments: Sequence[Segment]) -> list[Segment]:
    """In the order of time; stretches of one key and payload that touch, or nearly, as one."""
    joined: list[Segment] = []
    for each in sorted(segments, key=lambda segment: segment.start_s):
        alike = next((n for n, old in enumerate(joined) if _is_one(old, each)), None)
        if alike is None:
            joined.append(each)
            continue
        old = joined[alike]
        stronger = each if each.log10_p < old.log10_p else old
        joined[alike] = replace(
            stronger,
            start_s=min(old.start_s, each.start_s),
            end_s=max(old.end_s, each.end_s),
            payload=old.payload or each.payload,
        )
    return joined


def _is_one(old: Segment, new: Segment) -> bool:
    is_same = (old.key_id, old.quarter) == (new.key_id, new.quarter)
    says_same = old.payload == new.payload or old.payload is None or new.payload is None
    return is_same and says_same and new.start_s <= old.end_s + LONGEST_GAP_SECONDS


def _without_overlap(finds: Sequence[Find]) -> list[tuple[Find, np.ndarray]]:
    """Finds with the columns where their mark is, less what a stronger find has taken."""
    taken: list[tuple[float, float]] = []
    pieces = []
    for find in finds:
        places = _without_chance(local_statistics(find.aligned, find.look.key) > LOCAL_STATISTIC)
        times = _times(find, np.arange(len(places)))
        for start, end in taken:
            places &= (times < start) | (times >= end)
        if places.sum() * 4 < PERIOD_COLUMNS and pieces:
            continue  # under half a second that nobody else has: the edge of a stronger find
        pieces.append((find, places))
        taken += [(float(times[first]), float(times[last - 1])) for first, last in _runs(places)]
    return pieces


def _without_chance(places: np.ndarray) -> np.ndarray:
    """``places`` less the short runs that stand alone beside a longer one."""
    runs = _runs(places)
    lasting = [run for run in runs if (run[1] - run[0]) * COLUMN_SECONDS >= LEAST_ALONE_SECONDS]
    kept = places.copy()
    for first, last in runs if lasting else []:
        gap_s = min(max(first - end, start - last, 0) for start, end in lasting) * COLUMN_SECONDS
        if gap_s > LONGEST_GAP_SECONDS:
            kept[first:last] = False
    return kept


def _segment(find: Find, first: int, last: int, payload: Payload | None) -> Segment:
    start, end = _times(find, np.array([first, last]))
    return Segment(
        start_s=float(start),
        end_s=float(end),
        key_id=find.look.key.key_id,
        quarter=find.look.key.quarter,
        speed=find.speed.speed,
        pitch=find.speed.pitch,
        statistic=find.look.statistic,
        log10_p=find.log10_p,
        payload=payload,
    )


def _times(find: Find, columns: np.ndarray) -> np.ndarray:
    """Seconds in the sound at which columns of a find begin."""
    hops = find.first_hop + -find.look.offset_hops % CELL_HOPS + columns * CELL_HOPS
    return find.part_start_s + hops * HOP_SECONDS / find.speed.speed


def _cut(find: Find, places: np.ndarray) -> Aligned:
    return Aligned(find.aligned.cells[places], find.aligned.columns[places])


def _runs(places: np.ndarray) -> list[tuple[int, int]]:
    """(first, after the last) of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], places, [False]]).astype(np.int8)))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]
