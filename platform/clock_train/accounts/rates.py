"""Requests in a second: leased from the store in small blocks, so that replicas together keep to one limit.

A block is a tenth of the limit: a replica asks the store at most ten times in a second of a key at its limit, and what
it leaves of a block at a second's end is lost to the others for that second only.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass

from clock_train.accounts.keys import ApiKey
from clock_train.accounts.store import SKEW_S, Store
from clock_train.errors import RateLimitExceeded

BLOCKS_A_SECOND = 10
MOST_LEASES = 10_000
"""Keys that are remembered; beyond it, those of past seconds are forgotten."""


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """How a key stands with one of its limits after what was just granted."""

    limit: int
    """0: none, where characters of a day are meant."""
    remaining: int
    reset_s: float


@dataclass
class _Lease:
    second: int
    left: int
    others: int
    """Left in the store when it was asked last."""
    is_spent: bool

    def is_of(self, now: float) -> bool:
        return self.second - SKEW_S <= int(now) <= self.second


class RequestRates:
    """One replica's leases; for any number of threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._leases: dict[str, _Lease] = {}
        self._lock = threading.Lock()

    def take(self, key: ApiKey, now: float) -> Allowance:
        """One request of a key.

        Raises:
            RateLimitExceeded: the second's requests are used up, over all replicas.
            AccountsUnavailable: a lease is needed and the store is away.
        """
        taken = self._from_lease(key, now)
        if taken is not None:
            return taken
        granted, others, second = self._store.take_requests(
            key.quota_id, want=math.ceil(key.qps / BLOCKS_A_SECOND), limit=key.qps, now=now
        )
        with self._lock:
            self._forget_past(now)
            lease = self._leases.get(key.quota_id)
            if lease is None or lease.second != second:
                newest = lease
                lease = _Lease(second=second, left=0, others=others, is_spent=False)
                if newest is None or newest.second < second or not newest.is_of(now):
                    self._leases[key.quota_id] = lease  # else another thread is a second further already
            lease.others, lease.is_spent = others, granted == 0
            if granted:  # one of them is this request's, the others the next ones'
                lease.left += granted - 1
                return _allowance(key, lease, now)
        raise _exceeded(key, second, now)

    def _from_lease(self, key: ApiKey, now: float) -> Allowance | None:
        with self._lock:
            lease = self._leases.get(key.quota_id)
            if lease is None or not lease.is_of(now):
                return None
            if lease.left:
                lease.left -= 1
                return _allowance(key, lease, now)
            if lease.is_spent:
                raise _exceeded(key, lease.second, now)
            return None

    def _forget_past(self, now: float) -> None:
        if len(self._leases) > MOST_LEASES:
            self._leases = {quota: lease for quota, lease in self._leases.items() if lease.is_of(now)}


def _allowance(key: ApiKey, lease: _Lease, now: float) -> Allowance:
    return Allowance(limit=key.qps, remaining=lease.left + lease.others, reset_s=_until_end(lease.second, now))


def _exceeded(key: ApiKey, second: int, now: float) -> RateLimitExceeded:
    wait_s = _until_end(second, now)
    return RateLimitExceeded(
        f"the key {key.id} may make {key.qps} requests a second and has made them; wait {wait_s:.3f} s",
        limit=key.qps, remaining=0, reset_s=wait_s, retry_after_s=wait_s,
    )  # fmt: skip


def _until_end(second: int, now: float) -> float:
    return max(0.001, second + 1 - now)
