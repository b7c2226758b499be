"""What a gateway asks about each request: who is it, may they now, and what did they use.

Every method may wait for the store, a few seconds at most; an event loop calls them in threads, except ``settle``,
``refuse`` and ``totals``, which only count in memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from clock_train.accounts.key_ring import KeyRing
from clock_train.accounts.keys import ApiKey
from clock_train.accounts.metering import Meter
from clock_train.accounts.rates import Allowance, RequestRates
from clock_train.accounts.store import Store
from clock_train.accounts.usage import Reservation, UsageReport

BEARER = "bearer"


class Gatekeeper:
    """One replica's view of the accounts; ``close`` it at the end.

    Args:
        address: of the store: a path of a SQLite file, or ``postgresql://user@host:port/database``.
        name: of the replica, such as its pod's, that no other living one has.
        clock: seconds since 1970.
    Raises:
        ConfigValueInvalid: the address is none.
        AccountsUnavailable: the store is away.
    """

    def __init__(self, address: str, *, name: str | None = None, clock: Callable[[], float] = time.time) -> None:
        self.store, self._clock = Store(address), clock
        self._keys, self._rates = KeyRing(self.store), RequestRates(self.store)
        self._meter = Meter(self.store, name=name, clock=clock)
        self._meter.start()

    @property
    def instance(self) -> str:
        """What this process is called, and no other ever was or will be."""
        return self._meter.instance

    def identify(self, authorization: str | None) -> ApiKey:
        """The key of an ``authorization`` header or metadata value, ``Bearer ct_live_...``.

        Raises:
            ApiKeyInvalid, ApiKeyExpired, AccountsUnavailable: nobody is let in.
        """
        kind, _, text = (authorization or "").strip().partition(" ")
        return self._keys.identify(text.strip() if kind.lower() == BEARER else None, self._clock())

    def take_request(self, key: ApiKey) -> Allowance:
        """One request of this second.

        Raises:
            RateLimitExceeded, AccountsUnavailable: it may not be served now.
        """
        return self._rates.take(key, self._clock())

    def reserve(self, key: ApiKey, voice: str, characters: int) -> tuple[Reservation, Allowance]:
        """Characters of this day, before they are spoken; ``settle`` them whatever happens.

        Raises:
            QuotaExhausted, AccountsUnavailable: nothing may be spoken.
        """
        return self._meter.reserve(key, voice, characters)

    def settle(self, reservation: Reservation, *, characters: int, audio_seconds: float) -> None:
        """Count what was sent of a reservation; the rest is given back. Never waits, and only the first call counts."""
        self._meter.settle(reservation, characters=characters, audio_seconds=audio_seconds)

    def refuse(self, code: str, key: ApiKey | None = None) -> None:
        """Count a refusal by the error's code. Never waits."""
        self._meter.refuse(code, key)

    def totals(self) -> UsageReport:
        """What this replica has counted since it started, for its metrics. Never waits."""
        return self._meter.totals()

    def close(self) -> None:
        """Write what was counted and let go of the store."""
        self._meter.close()
        self.store.close()
