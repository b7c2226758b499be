"""The parts of ``clocktrain watermark bench`` in their order."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from clock_train.cli.measurements import (
    watermark_false_alarms,
    watermark_forgery,
    watermark_robustness,
    watermark_speed,
)
from clock_train.cli.measurements.watermark_parts import Part
from clock_train.evaluation.targets import Figure
from clock_train.orchestration.listener import Eta, Listener


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How much is tried."""

    num_clips: int
    pair_keys: int
    num_unmarked: int
    """Sounds of each kind without a mark."""
    unmarked_keys: int
    attacker_minutes: tuple[float, ...]
    num_fresh: int
    """Sounds that are to be forged or cleaned without knowledge."""
    num_spoken: int
    """Texts that a voice says."""
    speed_clips: int
    rounds: int


FULL = Effort(
    num_clips=300,
    pair_keys=10,
    num_unmarked=100,
    unmarked_keys=20,
    num_fresh=10,
    num_spoken=30,
    attacker_minutes=(0.1, 0.5, 1.0, 4.0, 16.0),
    speed_clips=10,
    rounds=41,
)
QUICK = Effort(
    num_clips=2,
    pair_keys=2,
    num_unmarked=2,
    unmarked_keys=20,
    num_fresh=2,
    attacker_minutes=(),
    num_spoken=2,
    speed_clips=1,
    rounds=5,
)


def measure_part(part: Part, effort: Effort, *, listener: Listener) -> list[Figure]:
    """The rows of one part."""
    listener.stage(part)
    if part is Part.SPEED:
        return list(watermark_speed.rows(effort.speed_clips, effort.rounds))
    results = watermark_robustness.audibility(
        effort.num_clips, progress=lambda share: listener.advance(share, "marked clips", None)
    )
    return list(watermark_robustness.audibility_rows(results))


def measure(effort: Effort, *, workers: int, plot: Path | None, voice: Path | None, listener: Listener) -> list[Figure]:
    """Every row of the table; a named ``voice`` adds its own speech, and ``plot`` gets the picture of the p-values."""
    eta = Eta()

    def advance(share: float, what: str) -> None:
        listener.advance(share, what, eta.left(share))

    listener.stage("speed")
    figures = list(watermark_speed.rows(effort.speed_clips, effort.rounds))
    if voice is not None:
        from clock_train.cli.measurements import watermark_synthetic  # only here are models needed

        listener.stage("own speech")
        figures += watermark_synthetic.rows(voice, effort.num_spoken)
    listener.stage("attacks")
    results = watermark_robustness.robustness(
        effort.num_clips,
        workers=workers,
        pair_keys=effort.pair_keys,
        progress=lambda share: advance(share, "attacked clips"),
    )
    figures += watermark_robustness.rows(results)
    listener.stage("false alarms")
    alarms = watermark_false_alarms.false_alarms(
        effort.num_unmarked, effort.unmarked_keys, progress=lambda share: advance(share, "sounds without a mark")
    )
    figures += watermark_false_alarms.rows(alarms)
    if plot is not None:
        watermark_false_alarms.plot(alarms, plot)
    listener.stage("forgery")
    figures += watermark_forgery.rows(
        effort.attacker_minutes, num_fresh=effort.num_fresh, progress=lambda share: advance(share, "informed attackers")
    )
    return figures
