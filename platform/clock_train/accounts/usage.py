"""What was used, as values: reservations, settlements, and rows by day, key and voice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple


class UsageGroup(NamedTuple):
    """What usage is counted by; a key is named by its id."""

    day: str
    tenant: str
    key: str
    voice: str


class RefusedGroup(NamedTuple):
    """What refusals are counted by; tenant and key are empty where the key is unknown."""

    day: str
    tenant: str
    key: str
    code: str


@dataclass(frozen=True, kw_only=True)
class Used:
    """The sums of one group."""

    requests: int = 0
    characters: int = 0
    audio_seconds: float = 0.0
    unsettled: int = 0
    """Characters that a replica had reserved when it was lost: spoken or not, nobody knows."""

    def __add__(self, other: Used) -> Used:
        return Used(
            requests=self.requests + other.requests,
            characters=self.characters + other.characters,
            audio_seconds=self.audio_seconds + other.audio_seconds,
            unsettled=self.unsettled + other.unsettled,
        )


@dataclass(frozen=True, kw_only=True)
class Reservation:
    """Characters taken from a day's quota before they are spoken."""

    id: str
    group: UsageGroup
    quota_id: str
    characters: int


@dataclass(frozen=True, kw_only=True)
class Settlement:
    """How a reservation ended."""

    reservation: Reservation
    characters: int
    """Of the reserved ones, those that were sent; the others are given back."""
    audio_seconds: float = 0.0
    is_doubtful: bool = False
    """The store went away while it was made: it may or may not be there, and nothing was spoken."""


@dataclass(frozen=True, kw_only=True)
class UsageReport:
    """Usage of a tenant or of all, sorted."""

    used: dict[UsageGroup, Used]
    refused: dict[RefusedGroup, int]

    @property
    def unsettled(self) -> int:
        """Characters that replicas lost, all in all."""
        return sum(each.unsettled for each in self.used.values())


def total(report: Sequence[Used]) -> Used:
    """The sum of rows."""
    return sum(report, Used())


def day_of(now: float) -> str:
    """The UTC day of a time in seconds, such as ``2027-01-31``."""
    return datetime.fromtimestamp(now, UTC).date().isoformat()


def seconds_to_next_day(now: float) -> float:
    """Until the next midnight, UTC."""
    return 86_400 - now % 86_400
