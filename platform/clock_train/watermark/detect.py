"""Finding marks: presence with an honest p-value, where in the sound, whose key, and the payload.

A file is taken in parts of 15 s. Each is looked at with every key at every offset of the pattern, at 21 speeds and 20
time-stretches within ±5 % and, for splices, in windows of 3.8 s at the plain speed. All these looks are counted, and
the p-value pays for every one of them, also for those that a find made needless.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from clock_train.watermark.framing import CELL_HOPS, CYCLE_HOPS, HOP_SECONDS, PERIOD_COLUMNS, RATE_HZ, hop_samples
from clock_train.watermark.pattern import QuarterKey
from clock_train.watermark.payload import Payload
from clock_train.watermark.reading import align
from clock_train.watermark.search import PartSpectrum, log10_tail
from clock_train.watermark.segments import Find, Segment, Speed, merged, segments_of_part
from clock_train.watermark.spectra import Spectra

PART_SECONDS, PART_STEP_SECONDS = 15.36, 7.68
"""Speeds half a per cent apart stay in step with the cells for 16 s."""
SPEED_STEP, MOST_SPEED = 0.005, 0.05
WINDOW_HOPS, WINDOW_STEP_HOPS = 2 * PERIOD_COLUMNS * CELL_HOPS, PERIOD_COLUMNS * CELL_HOPS
MAX_FALSE_ALARM = 1e-6
EARLY_LOG10 = -3.0
"""How far below the asked rate a find lies that makes other speeds needless."""
QUIETEST_POWER, QUIETEST_SHARE = 10 ** (-75 / 10), 10 ** (-45 / 10)
"""Mean square of 4 ms that counts as sound, and as a share of the loudest of its part: pauses carry no mark."""
ENOUGH_SECONDS = 2.5
"""Of sound in a file. In less a mark may be missed, the more so the longer the silence around it."""


PLAIN = Speed()
_STEPS = [round(n * SPEED_STEP, 4) for n in range(1, round(MOST_SPEED / SPEED_STEP) + 1)]
FULL_SEARCH = (PLAIN, *(Speed(1 + d, p) for step in _STEPS for d in (step, -step) for p in (1 + d, 1.0)))
NARROW_SEARCH = (PLAIN, Speed(1.005, 1.005), Speed(0.995, 0.995))


@dataclass(frozen=True, kw_only=True)
class Detection:
    """What was found in one sound."""

    is_detected: bool
    log10_p: float
    """log10 of the p-value of the best look, with all looks paid for."""
    seconds: float
    sounding_seconds: float
    """Without pauses and silence."""
    num_keys: int
    num_looks: int
    segments: list[Segment] = field(default_factory=list)

    @property
    def p_value(self) -> float:
        """May be 0 where the exponent is beyond a float; ``log10_p`` is not."""
        return 10.0**self.log10_p if self.log10_p > -300 else 0.0

    @property
    def has_enough_sound(self) -> bool:
        """Whether finding nothing means something; in a file that is nearly all silence it hardly does."""
        return self.sounding_seconds >= ENOUGH_SECONDS

    @property
    def payload(self) -> Payload | None:
        """The first payload that was read."""
        return next((each.payload for each in self.segments if each.payload is not None), None)


def detect(
    waveform: np.ndarray,
    keys: Sequence[QuarterKey],
    *,
    speeds: Sequence[Speed] = FULL_SEARCH,
    max_false_alarm: float = MAX_FALSE_ALARM,
    with_windows: bool = True,
) -> Detection:
    """Look for the marks of some keys.

    Args:
        waveform: (T,) float32 at ``RATE_HZ``, of any length.
        keys: those of a tenant, or of several.
        speeds: hypotheses; fewer cost less and find less.
        max_false_alarm: a mark counts as found where the p-value is not above this.
        with_windows: also windows of 3.8 s, without which splices are missed.
    """
    return detect_parts(
        parts_of([waveform]),
        len(waveform),
        keys,
        speeds=speeds,
        max_false_alarm=max_false_alarm,
        with_windows=with_windows,
    )


def parts_of(blocks: Iterable[np.ndarray]) -> Iterator[tuple[float, np.ndarray]]:
    """(start in seconds, (n,) samples) of overlapping parts, from a stream of blocks of any length."""
    length, step = round(PART_SECONDS * RATE_HZ), round(PART_STEP_SECONDS * RATE_HZ)
    held, start = np.zeros(0, dtype=np.float32), 0
    is_any = False
    for block in blocks:
        held = np.concatenate([held, block])
        while len(held) > length:
            yield start / RATE_HZ, held[:length]
            is_any = True
            held, start = held[step:], start + step
    # the rest was heard already where it is no longer than what the parts share
    if not is_any or len(held) > length - step:
        yield start / RATE_HZ, held


def num_parts(num_samples: int) -> int:
    """How many parts ``parts_of`` makes of a sound."""
    length, step = round(PART_SECONDS * RATE_HZ), round(PART_STEP_SECONDS * RATE_HZ)
    return 1 if num_samples <= length else 1 + math.ceil((num_samples - length) / step)


def detect_parts(
    parts: Iterable[tuple[float, np.ndarray]],
    num_samples: int,
    keys: Sequence[QuarterKey],
    *,
    speeds: Sequence[Speed] = FULL_SEARCH,
    max_false_alarm: float = MAX_FALSE_ALARM,
    with_windows: bool = True,
) -> Detection:
    """As ``detect``, over a stream of parts, of which one at a time is in memory."""
    looks = num_looks(num_samples, len(keys), len(speeds), with_windows=with_windows)
    paid = math.log10(max(1, looks))
    limit = math.log10(max_false_alarm)
    best, segments = 0.0, []
    order = list(speeds)
    sounding_s = heard_s = 0.0
    for start_s, part in parts:
        sounding_s += _sounding_seconds(part, round((heard_s - start_s) * RATE_HZ))
        heard_s = start_s + len(part) / RATE_HZ
        looked_at = list(_looks_at(part, start_s, keys, order, paid, limit, with_windows))
        finds = [find for find in looked_at if find.log10_p <= limit]
        best = min([best, *(find.log10_p for find in looked_at)])
        if finds:
            segments += segments_of_part(finds)
            order.sort(key=lambda speed, likely=finds[0].speed: speed != likely)  # the next part is played alike
    return Detection(
        is_detected=bool(segments),
        log10_p=best,
        seconds=num_samples / RATE_HZ,
        sounding_seconds=sounding_s,
        num_keys=len(keys),
        num_looks=looks,
        segments=merged(segments),
    )


def num_looks(num_samples: int, num_keys: int, num_speeds: int, *, with_windows: bool = True) -> int:
    """Keys times offsets times speeds and windows, over all parts."""
    hops = min(num_samples, PART_SECONDS * RATE_HZ) / RATE_HZ / HOP_SECONDS
    return num_parts(num_samples) * num_keys * CYCLE_HOPS * (num_speeds + with_windows * len(_windows(int(hops))))


def _sounding_seconds(part: np.ndarray, first: int) -> float:
    """Of what begins at sample ``first``: the rest was in the part before."""
    hop = hop_samples(RATE_HZ)
    power = np.square(part[: len(part) // hop * hop].reshape(-1, hop)).mean(axis=1, dtype=np.float64)
    least = max(QUIETEST_POWER, float(power.max(initial=0.0)) * QUIETEST_SHARE)
    return float(np.count_nonzero(power[max(0, first) // hop :] > least)) * HOP_SECONDS


def _windows(num_hops: int) -> list[int]:
    """First hops of the windows for splices; none in a part that is hardly longer than one."""
    if num_hops < WINDOW_HOPS + WINDOW_STEP_HOPS // 2:
        return []
    return list(range(0, num_hops - WINDOW_HOPS + WINDOW_STEP_HOPS // 2, WINDOW_STEP_HOPS))


def _looks_at(
    part: np.ndarray,
    start_s: float,
    keys: Sequence[QuarterKey],
    speeds: Sequence[Speed],
    paid: float,
    limit: float,
    with_windows: bool,
) -> Iterator[Find]:
    """The best look at each speed and window; ends early once a find leaves no doubt."""
    if not len(keys) or not np.any(part):
        return
    spectra = Spectra(part)
    waiting, tried, clearest, likeliest = list(speeds), set[Speed](), limit + EARLY_LOG10, PLAIN
    while waiting:
        speed = waiting.pop(0)
        tried.add(speed)
        cells = spectra.cells(speed.speed, speed.pitch)
        finds = list(_best(cells, 0, len(cells), start_s, keys, speed, paid, step=1 if speed == PLAIN else 2))
        yield from finds
        strongest = min(find.log10_p for find in finds)
        if strongest < clearest:
            # what a speed shows is clearer still at the right one: look beside it, and nowhere else
            clearest, likeliest = strongest, speed
            waiting = [each for each in speeds if each not in tried and _is_beside(each, speed)]
    if likeliest != PLAIN:
        cells = spectra.cells(likeliest.speed, likeliest.pitch)
        yield from _best(cells, 0, len(cells), start_s, keys, likeliest, paid)
    if not with_windows:
        return
    cells = spectra.cells()
    for first in _windows(int(len(part) / RATE_HZ / HOP_SECONDS)):
        yield from _best(cells, first, WINDOW_HOPS, start_s, keys, PLAIN, paid)


def _is_beside(one: Speed, other: Speed) -> bool:
    is_one_kind = (one.pitch == 1.0) == (other.pitch == 1.0)
    return one.speed == other.speed or (is_one_kind and abs(one.speed - other.speed) < 1.5 * SPEED_STEP)


def _best(
    cells: np.ndarray,
    first: int,
    count: int,
    start_s: float,
    keys: Sequence[QuarterKey],
    speed: Speed,
    paid: float,
    step: int = 1,
) -> Iterator[Find]:
    chosen = cells[first : first + count]
    spectrum = PartSpectrum(chosen, step=step)
    for look in (spectrum.best(key) for key in keys):
        log10_p = min(0.0, log10_tail(look.statistic) + paid)
        yield Find(look, speed, first, count, start_s, log10_p, align(chosen, look.offset_hops))
