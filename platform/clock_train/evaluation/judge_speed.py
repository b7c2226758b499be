"""How fast the judges are: sound judged for each second of processor time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

SIMILARITY_JUDGE, WORD_JUDGE, PHONE_JUDGE, DISTANCE_JUDGE, ALIGNER, OPINION_JUDGE = (
    "speaker similarity", "recogniser", "phone recogniser", "distances", "aligner", "DNSMOS",
)  # fmt: skip
"""As the table of speeds calls them."""
RECOGNISERS = frozenset({WORD_JUDGE, PHONE_JUDGE, ALIGNER})
"""Those that search for words or phones: slower than the others by their nature."""


@dataclass(frozen=True, kw_only=True)
class JudgeSpeed:
    """One judge over a whole evaluation; loading it is not counted."""

    judge: str
    sound_s: float
    cpu_s: float

    @property
    def times_real_time(self) -> float:
        """Above 1 is faster than listening."""
        return self.sound_s / max(self.cpu_s, 1e-6)


@dataclass
class JudgeClock:
    """Adds up each judge's work. CPU time of this process, which the neighbours on a shared machine do not stretch."""

    sound_s: dict[str, float] = field(default_factory=dict)
    cpu_s: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def judging(self, judge: str, sound_s: float) -> Iterator[None]:
        """A call of one judge on so much sound; one that fails is not counted."""
        began = time.process_time()
        yield
        self.cpu_s[judge] = self.cpu_s.get(judge, 0.0) + time.process_time() - began
        self.sound_s[judge] = self.sound_s.get(judge, 0.0) + sound_s

    def speeds(self) -> tuple[JudgeSpeed, ...]:
        """Of each judge that was asked, in the order of first asking."""
        return tuple(
            JudgeSpeed(judge=judge, sound_s=round(sound_s, 3), cpu_s=round(self.cpu_s[judge], 3))
            for judge, sound_s in self.sound_s.items()
        )


def without_recognisers(speeds: tuple[JudgeSpeed, ...]) -> tuple[JudgeSpeed, ...]:
    """All but the recognisers."""
    return tuple(speed for speed in speeds if speed.judge not in RECOGNISERS)


def together(speeds: tuple[JudgeSpeed, ...]) -> float | None:
    """Times real time of all the given judges one after the other; none without any."""
    costs = [speed.cpu_s / speed.sound_s for speed in speeds if speed.sound_s]
    return 1 / sum(costs) if sum(costs) > 0 else None
