"""What an attacker without the key gets: by blind averaging, by marking again, and by knowing the whole scheme.

The informed attacker has this code and N minutes of marked sound, all under one key. He whitens it as the detector
does, lines the files up by correlating them with each other, and sums: what remains is an estimate of the signs. With
it he marks sounds of his own (forgery) or takes the mark out (removal). This measures how many minutes that takes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from clock_train.cli.measurements.audibility import snr_db
from clock_train.cli.measurements.watermark_clips import clips
from clock_train.evaluation.targets import Figure
from clock_train.watermark.detect import detect
from clock_train.watermark.embed import Marker, embed
from clock_train.watermark.framing import CELL_HOPS, CYCLE_HOPS, NUM_COLUMNS, NUM_ROWS
from clock_train.watermark.keys import new_keys
from clock_train.watermark.payload import Payload
from clock_train.watermark.spectra import Spectra

RATE_HZ = 16_000
DAY = date(2026, 6, 1)
AVERAGED = 24
FRESH = 10
"""Sounds that the attacker tries to forge, or to clean."""
STRENGTHS = (1.0, 1.3, 1.6, 2.0, 2.5)
"""Times the mark's own, with which he tries to take it out."""
JOINS = 7.0
"""Statistic above which a file is taken to be lined up."""


@dataclass(kw_only=True)
class Forgery:
    """What one attempt gave, of ``FRESH`` sounds each."""

    title: str
    minutes: float
    forged: int
    accepted: int
    """With a payload that the detector believes: one that the attacker's material carries."""
    invented: int
    """With a payload that it does not carry: the tag should make this none."""
    removed: int
    num_tried: int
    removal_snr_db: float = 0.0


def blind_average(marked: Sequence[np.ndarray], hosts: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Hosts with the mean of marked files added, 20 dB down: what forges where a pattern repeats."""
    size = min(map(len, marked))
    mean = np.mean([each[:size] for each in marked], axis=0)
    forged = []
    for host in hosts:
        added = np.resize(mean, len(host))
        added = added * np.sqrt(np.mean(host**2) / np.mean(added**2)) * 0.1
        forged.append((host + added).astype(np.float32))
    return forged


class InformedAttacker:
    """Sums whitened cells of files that line up; knows all but the key."""

    def __init__(self) -> None:
        self.sums = np.zeros((NUM_COLUMNS, NUM_ROWS))
        self.counts = np.zeros((NUM_COLUMNS, 1))
        self.num_joined = 0

    def learn(self, marked: Sequence[np.ndarray]) -> None:
        """Line up and add files, the clearest first, until none joins any more."""
        waiting = [self._cells(each) for each in marked]
        if not self.num_joined:
            self._add(waiting.pop(int(np.argmax([each.shape[1] for each in waiting]))), 0)
        while waiting:
            scored = [self._place(each) for each in waiting]
            best = max(range(len(waiting)), key=lambda n: scored[n][0])
            if scored[best][0] < JOINS:
                return
            joined = [n for n in range(len(waiting)) if scored[n][0] >= JOINS]
            for n in joined:
                self._add(waiting[n], scored[n][1])
            waiting = [each for n, each in enumerate(waiting) if n not in joined]

    def signs(self) -> np.ndarray:
        """(columns, rows) of -1, 0 and 1; 0 where nothing was learnt."""
        return np.sign(self.sums).astype(np.float32)

    def place(self, sound: np.ndarray) -> tuple[float, int]:
        """How well a sound lines up with what was learnt, and at which hop of the pattern it begins."""
        return self._place(self._cells(sound))

    def _cells(self, sound: np.ndarray) -> np.ndarray:
        """(phases, columns, rows): the columns of a file may begin at any of four hops."""
        cells = Spectra(sound).cells()
        cells /= np.sqrt(np.mean(cells**2))
        columns = len(cells) // CELL_HOPS - 1
        return np.stack([cells[phase : phase + columns * CELL_HOPS : CELL_HOPS] for phase in range(CELL_HOPS)])

    def _place(self, cells: np.ndarray) -> tuple[float, int]:
        learnt = (self.sums / np.sqrt(np.maximum(self.counts, 1))).astype(np.float32)
        spectra = np.fft.rfft(learnt, axis=0), np.fft.rfft(learnt**2, axis=0)
        best = (0.0, 0)
        for phase, each in enumerate(cells):
            grid = np.zeros((NUM_COLUMNS, NUM_ROWS), dtype=np.float32)
            grid[: len(each)] = each
            products, energy = (
                np.fft.irfft((np.conj(np.fft.rfft(of, axis=0)) * spectrum).sum(axis=1), n=NUM_COLUMNS)
                for of, spectrum in zip((grid, grid**2), spectra, strict=True)
            )
            scores = products / np.sqrt(np.maximum(energy, energy.max() * 0.05))
            column = int(scores.argmax())
            best = max(best, (float(scores[column]), column * CELL_HOPS - phase))
        return best

    def _add(self, cells: np.ndarray, hop: int) -> None:
        own = cells[-hop % CELL_HOPS]
        places = (math.ceil(hop / CELL_HOPS) + np.arange(len(own))) % NUM_COLUMNS
        self.sums[places] += own
        self.counts[places] += 1
        self.num_joined += 1


class _KnownSigns(Marker):
    """Marks with signs that were learnt instead of derived from a key."""

    def __init__(self, signs: np.ndarray, first_hop: int) -> None:
        super().__init__(
            new_keys("attacker", DAY).embedding_key(DAY),
            Payload(tenant=0, voice=0, consent=0, day=0),
            sample_rate_hz=RATE_HZ,
            request_id="",
        )
        self._signs = signs
        self._start_of = lambda cycle: first_hop % CYCLE_HOPS

    def mark(self, sound: np.ndarray) -> np.ndarray:
        """A whole sound."""
        return np.concatenate([self.push(sound), self.finish()])


def informed(minutes: float, *, is_one_voice: bool) -> Forgery:
    """Learn from so much marked sound, then forge and clean.

    Args:
        minutes: of marked sound.
        is_one_voice: all of one voice on one day, with one payload; else each file is another voice's of the quarter.
    """
    material = [clip for _, clip in clips(min(240, round(minutes * 8) + FRESH + 4))]
    fresh, material = material[:FRESH], material[FRESH:]
    keys = new_keys("target", DAY)
    key = keys.embedding_key(DAY)
    marked, issued, seconds = [], set[Payload | None](), 0.0
    for n, clip in enumerate(material):
        if seconds >= 60 * minutes:
            break
        voice = 7 if is_one_voice else n
        payload = Payload(tenant=keys.tenant_number, voice=voice, consent=5, day=500)
        issued.add(payload)
        marked.append(embed(clip, RATE_HZ, key, payload, request_id=f"known {n}")[0])
        seconds += len(clip) / RATE_HZ
    attacker = InformedAttacker()
    attacker.learn(marked)
    signs = attacker.signs()
    forged = accepted = invented = removed = 0
    ratios = []
    own = Payload(tenant=keys.tenant_number, voice=7, consent=5, day=500)
    dense = int(np.convolve(np.tile(attacker.counts[:, 0], 2), np.ones(500), mode="valid")[:NUM_COLUMNS].argmax())
    for n, host in enumerate(fresh):
        found = detect(_KnownSigns(signs, dense * CELL_HOPS).mark(host), [key])
        forged += found.is_detected
        accepted += found.payload in issued
        invented += found.payload is not None and found.payload not in issued
        target = embed(host, RATE_HZ, key, own, request_id=f"fresh {n}")[0]
        score, hop = attacker.place(target)
        if score < JOINS:
            continue  # he cannot tell where in the pattern it lies
        change = _KnownSigns(-signs, hop).mark(target) - target
        # signs that are partly wrong take out a part: more of them at once takes out more, and he may ask a detector
        for strength in STRENGTHS:
            cleaned = (target + strength * change).astype(np.float32)
            if not detect(cleaned, [key]).is_detected:
                removed += 1
                ratios.append(snr_db(target, cleaned))
                break
    kind = "one voice and day" if is_one_voice else "all voices of a quarter"
    return Forgery(
        title=f"informed, {kind}",
        minutes=seconds / 60,
        forged=forged,
        accepted=accepted,
        invented=invented,
        removed=removed,
        num_tried=len(fresh),
        removal_snr_db=float(np.median(ratios)) if ratios else math.inf,
    )


def uninformed(num_fresh: int) -> Iterator[Figure]:
    """Averaging 24 files of one key, and marking again and subtracting."""
    chosen = [clip for _, clip in clips(AVERAGED + num_fresh)]
    keys = new_keys("target", DAY)
    key, other = keys.embedding_key(DAY), new_keys("attacker", DAY).embedding_key(DAY)
    payload = Payload(tenant=keys.tenant_number, voice=7, consent=5, day=500)
    marked = [embed(clip, RATE_HZ, key, payload, request_id=f"{n}")[0] for n, clip in enumerate(chosen[:AVERAGED])]
    fresh = chosen[AVERAGED:]
    forged = sum(detect(each, [key]).is_detected for each in blind_average(marked, fresh))
    yield Figure(
        title=f"forged by averaging {AVERAGED} files", measured=forged, at_most=0, note=f"of {num_fresh} sounds"
    )
    own = [embed(clip, RATE_HZ, key, payload, request_id=f"fresh {n}")[0] for n, clip in enumerate(fresh)]
    size = min(map(len, marked))
    mean = np.mean([each[:size] for each in marked], axis=0)
    lost = sum(not detect(each - 0.2 * np.resize(mean, len(each)), [key]).is_detected for each in own)
    yield Figure(
        title=f"removed by averaging {AVERAGED} files", measured=lost, at_most=0, note=f"of {num_fresh} sounds"
    )
    again = [2 * each - embed(each, RATE_HZ, other, payload, request_id=f"again {n}")[0] for n, each in enumerate(own)]
    lost = sum(not detect(np.asarray(each, dtype=np.float32), [key]).is_detected for each in again)
    yield Figure(
        title="removed by marking again and subtracting", measured=lost, at_most=0, note=f"of {num_fresh} sounds"
    )


def rows(
    minutes: Sequence[float], *, num_fresh: int = FRESH, progress: Callable[[float], None] = lambda share: None
) -> Iterator[Figure]:
    """Trials without knowledge, with their targets; then the informed attacker's cost, which has none."""
    yield from uninformed(num_fresh)
    trials = [(each, is_one_voice) for is_one_voice in (True, False) for each in minutes]
    invented = num_tried = 0
    for n, (each, is_one_voice) in enumerate(trials):
        found = informed(each, is_one_voice=is_one_voice)
        note = f"of {found.num_tried} forged; payload replayed {found.accepted}, mark removed {found.removed}"
        ratio = "" if np.isinf(found.removal_snr_db) else f" at {found.removal_snr_db:.0f} dB"
        yield Figure(title=f"{found.title}, {found.minutes:.1f} min", measured=found.forged, note=note + ratio)
        invented, num_tried = invented + found.invented, num_tried + found.num_tried
        progress((n + 1) / len(trials))
    if num_tried:
        yield Figure(title="informed, payload that nobody issued", measured=invented, at_most=0, note=f"of {num_tried}")
