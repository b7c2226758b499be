"""Which stretch of a long take holds which line of the text, by length alone, and how sure that is.

The take is a row of stretches of speech between pauses, the text a row of lines, both in order. A hidden-path model
says how likely each pairing is: a line takes one stretch or several with short pauses between them, a reader may run
up to three lines together, skip a line, or make a stretch that is no line (a cough, a slip, a retake). Summing over
*all* paths (forward-backward) gives each pairing its probability. Only near-certain ones are used; a line whose place
is doubtful is reported and left out, never guessed. The reader's pace is not known beforehand: it is fitted in rounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

MAX_STRETCHES = 8
"""A line that is broken by more than seven pauses is not read as a line."""
MAX_JOINED_LINES = 3
EXTRA_PROBABILITY = 0.03
"""Of a stretch that is no line, in a take that a person read."""
SKIP_PROBABILITY = 0.01
"""Of a line that is not read, in the same."""
JOIN_PROBABILITY = 0.02
"""Of lines read without a pause between them."""
_LOG_EXTRA_DENSITY = -np.log(np.log(20.0 / 0.2))
"""An extra stretch may have any length from 0.2 to 20 s, evenly on a logarithmic scale."""
_KNOWN_SPREAD = 0.12
"""Of the logarithm of a line's length about its expectation, where the pace is known (Debian's voices: 0.11-0.15)."""
_LOG_2PI_HALF = 0.5 * np.log(2 * np.pi)


@dataclass(frozen=True, kw_only=True)
class Match:
    """Some stretches that hold one line, or a few lines read in one breath."""

    lines: range
    stretches: range
    probability: float


@dataclass(frozen=True, kw_only=True)
class Matching:
    """What became of every line and every stretch."""

    matches: list[Match] = field(default_factory=list)
    doubtful_lines: list[int] = field(default_factory=list)
    missing_lines: list[int] = field(default_factory=list)
    unused_stretches: list[int] = field(default_factory=list)
    seconds_per_phone: float = 0.0


@dataclass(frozen=True, kw_only=True)
class _Pace:
    """How this reader speaks and pauses; natural logarithms of seconds."""

    seconds_per_phone: float
    spread: float
    inner_pause: float = float(np.log(0.35))
    outer_pause: float = float(np.log(0.9))
    pause_spread: float = 0.6


ONSET_PHONES = 3.0
"""Beginning and ending cost about this many phones: short lines are slower per phone (Debian's voices)."""


def match_lines(
    stretches: np.ndarray,
    num_phones: Sequence[float],
    num_commas: Sequence[int],
    *,
    min_probability: float = 0.95,
    is_complete: bool = False,
    seconds_per_phone: float | None = None,
) -> Matching:
    """Pair stretches of speech with lines of text, in order.

    Args:
        stretches: (M, 2) start and end in seconds, ascending.
        num_phones: phones of each of N lines, pauses not counted.
        num_commas: places inside each line where a reader may pause.
        min_probability: of the pairing given everything; lower is doubtful.
        is_complete: the lines are one text that was read whole, without slips.
        seconds_per_phone: the reader's pace, where other clips have shown it.
    Source: forward-backward as in Rabiner, A tutorial on hidden Markov models (1989).
    """
    num_stretches, num_lines = len(stretches), len(num_phones)
    if num_stretches == 0 or num_lines == 0:
        return Matching(missing_lines=list(range(num_lines)), unused_stretches=list(range(num_stretches)))
    phones = np.asarray(num_phones, dtype=float)
    commas = np.asarray(num_commas, dtype=float)
    if seconds_per_phone is not None:
        pace = _Pace(seconds_per_phone=seconds_per_phone, spread=_KNOWN_SPREAD)
        return _decide(pace, _Lattice(stretches, phones, commas, pace, is_complete), min_probability)
    spoken = np.diff(stretches, axis=1)[:, 0]
    first_guess = spoken.sum() / (phones + ONSET_PHONES).sum()
    # A take with many retakes holds more speech than its text: the better of two beginnings is kept.
    best = max(
        (_fit(stretches, phones, commas, first_guess * factor, is_complete) for factor in (1.0, 0.8)),
        key=lambda fit: fit[1].evidence,
    )
    return _decide(*best, min_probability)


class _Lattice:
    """Scores of all moves for one pace, and the probabilities that follow from them."""

    def __init__(
        self, stretches: np.ndarray, phones: np.ndarray, commas: np.ndarray, pace: _Pace, is_complete: bool
    ) -> None:
        rarer = 1e-3 if is_complete else 1.0
        self._extra = float(np.log(rarer * EXTRA_PROBABILITY)) + _LOG_EXTRA_DENSITY
        self._skip = float(np.log(rarer * SKIP_PROBABILITY))
        self.num_stretches, self.num_lines = len(stretches), len(phones)
        self._speech = np.concatenate([[0.0], np.cumsum(np.diff(stretches, axis=1)[:, 0])])
        gaps = np.log(np.maximum(stretches[1:, 0] - stretches[:-1, 1], 0.02))
        inner = _log_normal(gaps, pace.inner_pause, pace.pause_spread)
        outer = _log_normal(gaps, pace.outer_pause, pace.pause_spread)
        # Relative to "every pause ends a line", so that only pauses inside a line cost or gain.
        self._inner = np.concatenate([[0.0], np.cumsum(inner - outer)])
        self._phones, self._commas, self._pace = phones, commas, pace
        self._expected = {
            joined: np.log(pace.seconds_per_phone * (_windows(phones, joined) + ONSET_PHONES))
            for joined in range(1, MAX_JOINED_LINES + 1)
        }
        self._spread = {
            joined: np.sqrt(pace.spread**2 + 0.6 / (_windows(phones, joined) + ONSET_PHONES))
            for joined in range(1, MAX_JOINED_LINES + 1)
        }
        self.forward, self.backward = self._forward(), self._backward()
        self.evidence = float(self.forward[-1, -1])

    def moves(self, i: int) -> list[tuple[int, int, np.ndarray]]:
        """What may begin at stretch ``i``: (stretches, lines, log score for each first line)."""
        found = []
        for taken in range(1, min(MAX_STRETCHES, self.num_stretches - i) + 1):
            found.append((taken, 1, self._line_scores(i, taken, 1)))
        for joined in range(2, min(MAX_JOINED_LINES, self.num_lines) + 1):
            found.append((1, joined, self._line_scores(i, 1, joined) + (joined - 1) * np.log(JOIN_PROBABILITY)))
        return found

    def _line_scores(self, i: int, taken: int, joined: int) -> np.ndarray:
        length = np.log(max(self._speech[i + taken] - self._speech[i], 0.02))
        score = _log_normal(length, self._expected[joined], self._spread[joined])
        if joined == 1:
            # Pauses inside a line: rare without a comma, likely at one (Poisson).
            rate = 0.1 + 0.6 * self._commas
            score = score + (taken - 1) * np.log(rate) - rate + self._inner[i + taken - 1] - self._inner[i]
        return score

    def _forward(self) -> np.ndarray:
        table = np.full((self.num_stretches + 1, self.num_lines + 1), -np.inf)
        table[0, 0] = 0.0
        for i in range(self.num_stretches + 1):
            _skip_lines(table[i], self._skip)
            if i == self.num_stretches:
                break
            table[i + 1] = np.logaddexp(table[i + 1], table[i] + self._extra)
            for taken, joined, score in self.moves(i):
                target = table[i + taken, joined:]
                np.logaddexp(target, table[i, : len(target)] + score, out=target)
        return table

    def _backward(self) -> np.ndarray:
        table = np.full((self.num_stretches + 1, self.num_lines + 1), -np.inf)
        table[-1, -1] = 0.0
        for i in range(self.num_stretches, -1, -1):
            if i < self.num_stretches:
                table[i] = table[i + 1] + self._extra
                for taken, joined, score in self.moves(i):
                    source = table[i + taken, joined:] + score
                    np.logaddexp(table[i, : len(source)], source, out=table[i, : len(source)])
            _skip_lines(table[i, ::-1], self._skip)
        return table

    def pairings(self) -> list[tuple[float, int, int, int, int]]:
        """(probability, first stretch, stretches, first line, lines) of every pairing above one in twenty."""
        found = []
        for i in range(self.num_stretches):
            for taken, joined, score in self.moves(i):
                count = self.num_lines + 1 - joined
                log_probability = self.forward[i, :count] + score + self.backward[i + taken, joined:] - self.evidence
                for j in np.flatnonzero(log_probability > np.log(0.05)):
                    found.append((float(np.exp(log_probability[j])), i, taken, int(j), joined))
        return found


def _fit(
    stretches: np.ndarray, phones: np.ndarray, commas: np.ndarray, seconds_per_phone: float, is_complete: bool
) -> tuple[_Pace, _Lattice]:
    pace = _Pace(seconds_per_phone=seconds_per_phone, spread=0.3)
    lattice = _Lattice(stretches, phones, commas, pace, is_complete)
    for spread in (0.2, 0.15, 0.12, 0.12):
        sure = [pairing for pairing in lattice.pairings() if pairing[0] > 0.5 and pairing[4] == 1]
        if len(sure) < 3:
            break
        pace = _refit(sure, stretches, phones, spread)
        lattice = _Lattice(stretches, phones, commas, pace, is_complete)
    return pace, lattice


def _refit(
    sure: list[tuple[float, int, int, int, int]], stretches: np.ndarray, phones: np.ndarray, spread: float
) -> _Pace:
    spoken = np.diff(stretches, axis=1)[:, 0]
    gaps = np.log(np.maximum(stretches[1:, 0] - stretches[:-1, 1], 0.02))
    ratios = [spoken[i : i + taken].sum() / (phones[j] + ONSET_PHONES) for _, i, taken, j, _ in sure]
    inner = [gap for _, i, taken, _, _ in sure for gap in gaps[i : i + taken - 1]]
    outer = [gaps[i + taken - 1] for _, i, taken, _, _ in sure if i + taken - 1 < len(gaps)]
    rate = float(np.median(ratios))
    # The reader's own steadiness decides how much a length says, within reason.
    measured = 1.4826 * float(np.median(np.abs(np.log(np.array(ratios) / rate))))
    return _Pace(
        seconds_per_phone=rate,
        spread=max(spread, min(measured, 0.3)),
        inner_pause=float(np.median([*inner, np.log(0.35)])) if len(inner) >= 5 else float(np.log(0.35)),
        outer_pause=float(np.median(outer)) if len(outer) >= 5 else float(np.log(0.9)),
    )


def _decide(pace: _Pace, lattice: _Lattice, min_probability: float) -> Matching:
    matches, doubtful_lines, used = [], set(), set()
    for probability, i, taken, j, joined in sorted(lattice.pairings(), reverse=True):
        lines, stretches = range(j, j + joined), range(i, i + taken)
        if probability >= min_probability:
            matches.append(Match(lines=lines, stretches=stretches, probability=min(probability, 1.0)))
            used.update(stretches)
        else:
            doubtful_lines.update(lines)
    matched = {line for match in matches for line in match.lines}
    doubtful = sorted(doubtful_lines - matched)
    return Matching(
        matches=sorted(matches, key=lambda match: match.stretches.start),
        doubtful_lines=doubtful,
        missing_lines=sorted(set(range(lattice.num_lines)) - matched - set(doubtful)),
        unused_stretches=[i for i in range(lattice.num_stretches) if i not in used],
        seconds_per_phone=pace.seconds_per_phone,
    )


def _log_normal(value: Any, mean: Any, spread: Any) -> np.ndarray:
    return -0.5 * ((value - mean) / spread) ** 2 - np.log(spread) - _LOG_2PI_HALF


def _windows(values: np.ndarray, width: int) -> np.ndarray:
    """Sums of ``width`` neighbours."""
    if len(values) < width:
        return np.zeros(0)
    return np.convolve(values, np.ones(width), mode="valid")


def _skip_lines(row: np.ndarray, log_skip: float) -> None:
    """Let lines be left out along one row, in place: ``row[j] = log(e^row[j] + skip * e^row[j-1])``."""
    steps = np.arange(len(row)) * log_skip
    row[:] = np.logaddexp.accumulate(row - steps) + steps
