"""Who asks: the key of a request, looked up in the store and remembered for two seconds.

So a revoked key is refused within two seconds by every replica, and a store that goes away lets nobody in for longer.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import UTC, datetime

from clock_train.accounts.keys import ApiKey, invalid, parse
from clock_train.accounts.store import Store

REMEMBERED_S = 2.0
MOST_REMEMBERED = 10_000
"""Ids, known and unknown; the oldest is forgotten first."""


class KeyRing:
    """One replica's memory of keys; for any number of threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._remembered: OrderedDict[str, tuple[float, ApiKey | None]] = OrderedDict()
        self._lock = threading.Lock()

    def identify(self, text: str | None, now: float) -> ApiKey:
        """The key of a text that is valid now.

        Raises:
            ApiKeyInvalid: missing, unknown, wrong or revoked.
            ApiKeyExpired: right, but over.
            AccountsUnavailable: it is not remembered and the store is away.
        """
        key_id, secret = parse(text)
        key = self._find(key_id, now)
        if key is None:
            raise invalid()
        key.check(secret, datetime.fromtimestamp(now, UTC))
        return key

    def _find(self, key_id: str, now: float) -> ApiKey | None:
        with self._lock:
            read_at, key = self._remembered.get(key_id, (-REMEMBERED_S, None))
            if 0 <= now - read_at < REMEMBERED_S:
                return key
        key = self._store.find_key(key_id)
        with self._lock:
            self._remembered[key_id] = (now, key)
            self._remembered.move_to_end(key_id)
            if len(self._remembered) > MOST_REMEMBERED:
                self._remembered.popitem(last=False)
        return key
