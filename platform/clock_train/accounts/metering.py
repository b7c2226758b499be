"""What a replica has spoken, counted in memory and written every second in one transaction.

A reservation stays in the store until that transaction settles it. A replica that is killed therefore leaves behind
what it was speaking and what it had counted since its last write, at most ``FLUSH_S``; the next replica to start, or a
living one after ``GONE_S``, counts these characters as unsettled and says so.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from clock_train.accounts.database import PAUSE_S
from clock_train.accounts.keys import ApiKey
from clock_train.accounts.rates import Allowance
from clock_train.accounts.settling import Lost
from clock_train.accounts.store import FLUSH_S, GONE_S, Store
from clock_train.accounts.usage import (
    RefusedGroup,
    Reservation,
    Settlement,
    UsageGroup,
    UsageReport,
    Used,
    day_of,
    seconds_to_next_day,
)
from clock_train.errors import AccountsUnavailable, QuotaExhausted

HEARTBEAT_S = 3 * FLUSH_S
"""A replica that has nothing to write says so often that it lives."""
CLOSE_S = 5.0
"""For so long a replica that ends tries to write; orchestrators wait longer before they kill."""
MOST_DOUBTFUL = 1000
"""Reservations that are looked for after the store was away; it was asked for more of them only while it was."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class _Batch:
    number: int
    settlements: list[Settlement]
    refused: Counter[RefusedGroup]


class Meter:
    """One replica's counters; for any number of threads.

    Args:
        store: where they are written.
        name: of the replica, such as its pod's, that no other living one has: what a predecessor of the name left is
            taken over at once.
        clock: seconds since 1970.
    """

    def __init__(self, store: Store, *, name: str | None = None, clock: Callable[[], float] = time.time) -> None:
        self._store, self._clock, self._name = store, clock, name
        self.instance = f"{name or f'{socket.gethostname()}-{os.getpid()}'}-{secrets.token_hex(4)}"
        self._lock = threading.Lock()
        self._open: dict[str, Reservation] = {}
        self._settlements: list[Settlement] = []
        self._num_doubtful = 0
        self._refused: Counter[RefusedGroup] = Counter()
        self._used_here: defaultdict[UsageGroup, Used] = defaultdict(Used)
        self._refused_here: Counter[RefusedGroup] = Counter()
        self._writing = threading.Lock()
        self._batch: _Batch | None = None
        self._num_flushes = 0
        self._flushed_at = self._looked_at = 0.0
        self._is_away = False
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, *, in_background: bool = True) -> None:
        """Make the replica known, say what others have lost, and begin to write.

        Raises:
            AccountsUnavailable: the store is away.
        """
        now = self._clock()
        self._store.begin_instance(self.instance, name=self._name or self.instance, now=now)
        self._flushed_at = now
        self.look_for_lost(name=self._name)
        if in_background:
            self._thread = threading.Thread(target=self._run, name="accounts-meter", daemon=True)
            self._thread.start()

    def reserve(self, key: ApiKey, voice: str, characters: int) -> tuple[Reservation, Allowance]:
        """Take characters of the day before they are spoken; each is settled, whatever happens.

        Args:
            key: who pays.
            voice: its resolved name.
            characters: of the text.
        Raises:
            QuotaExhausted: the day has fewer left; nothing was taken.
            AccountsUnavailable: the store is away; nothing may be spoken.
        """
        now = self._clock()
        reservation = Reservation(
            id=secrets.token_hex(12),
            group=UsageGroup(day_of(now), key.tenant, key.id, voice),
            quota_id=key.quota_id,
            characters=characters,
        )
        try:
            is_granted, used = self._store.reserve(self.instance, reservation, limit=key.characters_a_day)
        except AccountsUnavailable:
            with self._lock:
                if self._num_doubtful < MOST_DOUBTFUL:
                    self._num_doubtful += 1
                    self._settlements.append(Settlement(reservation=reservation, characters=0, is_doubtful=True))
            raise
        limit, reset_s = key.characters_a_day, seconds_to_next_day(now)
        remaining = max(0, limit - used)
        if not is_granted:
            raise QuotaExhausted(
                f"the key {key.id} has {remaining} of {limit} characters left today and the text has {characters}; "
                f"send less, or wait for midnight UTC in {reset_s:.0f} s",
                limit=limit, remaining=remaining, reset_s=reset_s, retry_after_s=reset_s,
            )  # fmt: skip
        with self._lock:
            self._open[reservation.id] = reservation
        return reservation, Allowance(limit=limit, remaining=remaining, reset_s=reset_s)

    def settle(self, reservation: Reservation, *, characters: int, audio_seconds: float) -> None:
        """Count what was sent of a reservation; the rest is given back at the next write. Only the first call counts.

        Args:
            reservation: of ``reserve``.
            characters: sent, none to all of them.
            audio_seconds: sent.
        """
        with self._lock:
            if self._open.pop(reservation.id, None) is None:
                return
            sent = min(max(0, characters), reservation.characters)
            self._settlements.append(Settlement(reservation=reservation, characters=sent, audio_seconds=audio_seconds))
            self._used_here[reservation.group._replace(day="")] += Used(
                requests=1, characters=sent, audio_seconds=audio_seconds
            )

    def refuse(self, code: str, key: ApiKey | None = None) -> None:
        """Count a request that was refused.

        Args:
            code: of the error, such as ``RateLimitExceeded``.
            key: None where it is unknown.
        """
        group = RefusedGroup(day_of(self._clock()), key.tenant if key else "", key.id if key else "", code)
        with self._lock:
            self._refused[group] += 1
            self._refused_here[group._replace(day="")] += 1

    def totals(self) -> UsageReport:
        """What this replica has counted since it started, with empty days: for a scraper, which adds replicas up."""
        with self._lock:
            return UsageReport(
                used=dict(sorted(self._used_here.items())), refused=dict(sorted(self._refused_here.items()))
            )

    def flush(self, *, is_last: bool = False) -> None:
        """Write what was counted; a write that failed is repeated as it was, and counts once.

        Raises:
            AccountsUnavailable: the store is away; nothing is lost.
        """
        with self._writing:
            if self._batch is not None:
                self._write(self._batch, now=self._clock())
            now = self._clock()  # what was counted before it is written
            with self._lock:
                batch = _Batch(number=self._num_flushes + 1, settlements=self._settlements, refused=self._refused)
                has_any = bool(batch.settlements or batch.refused)
                if not has_any and not is_last and now - self._flushed_at < HEARTBEAT_S:
                    return
                self._settlements, self._refused, self._num_doubtful = [], Counter(), 0
            self._batch = batch
            self._write(batch, is_last=is_last, now=now)

    def look_for_lost(self, *, name: str | None = None) -> None:
        """Count and say what other replicas left unsettled.

        Args:
            name: whose earlier bearers are gone for certain.
        Raises:
            AccountsUnavailable: the store is away.
        """
        self._looked_at = self._clock()
        for lost in self._store.take_over(besides=self.instance, name=name, now=self._looked_at):
            self._say_lost(lost)

    def close(self) -> None:
        """Write for the last time; what cannot be written is said, and found by the next replica."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        end = time.monotonic() + CLOSE_S
        while True:
            try:
                return self.flush(is_last=True)
            except AccountsUnavailable as error:
                if time.monotonic() >= end:
                    _log.warning("usage of this replica is not written, and will count as unsettled: %s", error)
                    return None
                time.sleep(PAUSE_S)

    def _run(self) -> None:
        while not self._stop.wait(FLUSH_S):
            try:
                self.flush()
                if self._clock() - self._looked_at >= GONE_S:
                    self.look_for_lost()
            except AccountsUnavailable as error:
                if not self._is_away:
                    _log.warning("usage is not written for now, and kept: %s", error)
                self._is_away = True
            except Exception:
                _log.exception("usage is not written, by a bug; it is kept")
            else:
                self._is_away = False

    def _write(self, batch: _Batch, *, is_last: bool = False, now: float) -> None:
        lost = self._store.flush(
            self.instance, batch.number, batch.settlements, batch.refused, is_last=is_last, now=now
        )
        self._batch, self._num_flushes, self._flushed_at = None, batch.number, now
        if lost is not None and lost.num_reservations:
            self._say_lost(lost)

    def _say_lost(self, lost: Lost) -> None:
        _log.warning(
            "replica %s ended without settling %d characters of %d requests; usage counts them as unsettled",
            lost.instance, lost.characters, lost.num_reservations,
        )  # fmt: skip
        with self._lock:
            for group, used in lost.used.items():
                self._used_here[group._replace(day="")] += used
