"""A thread that ships the log as it grows, so that what a lost disk takes with it is a minute and not a log.

Storage being away stops nobody from speaking: what waits is shipped later, ever more seldom tried. A log that is not
what was shipped is told of at each try, and nothing of it is written over the copy.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from clock_train.audit.chain import Chain
from clock_train.audit.shipping import Shipped, Store, ship_more
from clock_train.errors import AuditError, ClockTrainError

EVERY_S, LONGEST_WAIT_S = 60.0, 600.0
"""A replica's chain that does not grow is looked at ever more seldom: most are of replicas that have long ended."""
CLOSE_S = 20.0
_log = logging.getLogger(__name__)


@dataclass
class _State:
    shipped: Shipped = field(default_factory=Shipped)
    wait_s: float = 0.0
    due: float = 0.0


class LogShipper:
    """Ships chains until it is closed.

    Args:
        opened: opens all chains that there are, for one look.
        store: keeps the copy.
        prefix: of its keys there.
        every_s: between two looks at a chain that grows.
        clock: seconds.
    """

    def __init__(
        self,
        opened: Callable[[], AbstractContextManager[Sequence[Chain]]],
        store: Store,
        prefix: str,
        *,
        every_s: float = EVERY_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._opened, self._store, self._prefix = opened, store, prefix
        self._every_s, self._clock = every_s, clock
        self._states: dict[str, _State] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="log-shipping", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Ship what is left, within ``CLOSE_S``; what waits after that is shipped at the next start."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(CLOSE_S)

    def look(self, *, is_last: bool = False) -> int:
        """Ship of each chain that is due what is new.

        Args:
            is_last: whether all are due.
        Returns:
            Pieces that were written.
        """
        written = 0
        try:
            with self._opened() as chains:
                for chain in chains:
                    state = self._states.setdefault(chain.name, _State())
                    if is_last or self._clock() >= state.due:
                        written += self._ship(chain, state)
        except ClockTrainError as error:
            _log.warning("the log cannot be read to ship it, and is tried again: %s", error)
        except Exception:
            _log.exception("the log was not shipped: a bug; it is tried again")
        return written

    def _ship(self, chain: Chain, state: _State) -> int:
        count = 0
        try:
            count = len(ship_more(chain, self._store, self._prefix, state.shipped))
        except AuditError as error:
            _log.error("the log is NOT shipped: %s", error)
        except ClockTrainError as error:
            _log.warning("the log is not shipped, and is tried again: %s", error)
        is_own = not chain.name
        state.wait_s = self._every_s if count or is_own else min(2 * state.wait_s + self._every_s, LONGEST_WAIT_S)
        state.due = self._clock() + state.wait_s
        return count

    def _keep(self) -> None:
        is_last, wait_s = False, 0.0
        while not is_last:
            is_last, wait_s = self._stopping.wait(wait_s), self._every_s
            self.look(is_last=is_last)
