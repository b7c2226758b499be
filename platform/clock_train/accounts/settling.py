"""How reservations end, within a transaction of the store: settled as usage, given back, or lost with their replica."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clock_train.accounts.database import Transaction
from clock_train.accounts.usage import Settlement, UsageGroup, Used

AT_ONCE = 200
"""Values in one statement; SQLite takes 999."""


@dataclass(frozen=True, kw_only=True)
class Lost:
    """A replica that ended without settling everything."""

    instance: str
    used: dict[UsageGroup, Used]
    num_reservations: int

    @property
    def characters(self) -> int:
        """Reserved, and neither settled nor given back."""
        return sum(each.unsettled for each in self.used.values())


def settle(transaction: Transaction, settlements: Sequence[Settlement]) -> None:
    """Write the usage of reservations that ended, and give back what was not sent."""
    ids = sorted(each.reservation.id for each in settlements)
    found: set[str] = set()
    for start in range(0, len(ids), AT_ONCE):
        some = ids[start : start + AT_ONCE]
        marks = ", ".join("?" * len(some))
        found |= {
            row[0] for row in transaction.rows(f"DELETE FROM reservations WHERE id IN ({marks}) RETURNING id", some)
        }
    given_back: defaultdict[tuple[str, str], int] = defaultdict(int)
    used: defaultdict[UsageGroup, Used] = defaultdict(Used)
    for each in settlements:
        reservation = each.reservation
        is_there = reservation.id in found
        if is_there or not each.is_doubtful:
            given_back[reservation.quota_id, reservation.group.day] += reservation.characters - each.characters
        if not each.is_doubtful:
            used[reservation.group] += Used(
                requests=1,
                characters=each.characters,
                audio_seconds=each.audio_seconds,
                # another replica took this one for lost, and counted them as unsettled
                unsettled=0 if is_there else -reservation.characters,
            )
    for (quota_id, day), characters in sorted(given_back.items()):
        if characters:
            transaction.change(
                "UPDATE day_counters SET used = used - ? WHERE quota_id = ? AND day = ?", (characters, quota_id, day)
            )
    _add_usage(transaction, used)


def _add_usage(transaction: Transaction, used: Mapping[UsageGroup, Used]) -> None:
    for group, sums in sorted(used.items()):
        transaction.change(
            """INSERT INTO usage_by_day AS u
                (day, tenant, key_id, voice, requests, characters, audio_seconds, unsettled)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (day, tenant, key_id, voice) DO UPDATE SET
                requests = u.requests + excluded.requests, characters = u.characters + excluded.characters,
                audio_seconds = u.audio_seconds + excluded.audio_seconds,
                unsettled = u.unsettled + excluded.unsettled""",
            (*group, sums.requests, sums.characters, sums.audio_seconds, sums.unsettled),
        )


def lose(transaction: Transaction, instance: str) -> Lost:
    """Count as unsettled whatever a replica has still reserved."""
    found = transaction.rows(
        "DELETE FROM reservations WHERE instance = ? RETURNING day, tenant, key_id, voice, characters", (instance,)
    )
    used: defaultdict[UsageGroup, Used] = defaultdict(Used)
    for *group, characters in found:
        used[UsageGroup(*group)] += Used(unsettled=characters)
    _add_usage(transaction, used)
    return Lost(instance=instance, used=dict(used), num_reservations=len(found))
