"""Transactions on a few connections, for any number of threads; what is lost is opened anew, what is away is said.

A connection that the server has closed meanwhile shows at ``BEGIN``, where nothing was done yet, and is replaced. After
a database could not be reached, nobody tries again for a moment: threads would pile up on one that is silent.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from clock_train.accounts.dialects import TIMEOUT_S, Dialect
from clock_train.errors import AccountsUnavailable

MOST_CONNECTIONS = 4
"""Of one process."""
PAUSE_S = 0.5
"""Between two attempts to reach a database that is away."""
MOST_IDLE_S = 60.0
"""A connection that was idle for longer is not used: something on the way may have forgotten it without a word."""


class Transaction:
    """Statements that happen together or not at all."""

    def __init__(self, dialect: Dialect, connection: Any) -> None:
        self._dialect, self._cursor = dialect, connection.cursor()

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement that gives rows."""
        self._cursor.execute(self._dialect.placed(statement), tuple(values))
        return [tuple(row) for row in self._cursor.fetchall()]

    def change(self, statement: str, values: Sequence[Any] = ()) -> int:
        """Run a statement that gives none; returns how many rows it changed."""
        self._cursor.execute(self._dialect.placed(statement), tuple(values))
        return self._cursor.rowcount


class Database:
    """One database and its connections."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self._slots = threading.BoundedSemaphore(MOST_CONNECTIONS)
        self._idle: list[tuple[float, Any]] = []  # since when; appended and popped at the end, which is atomic
        self._away_until = 0.0
        self._is_closed = False

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Commit at the end, or undo where it is left by an error.

        Raises:
            AccountsUnavailable: the database is away, too slow or refuses; nothing was done, or, where it went away
                at the very commit, all of it.
        """
        if not self._slots.acquire(timeout=TIMEOUT_S):
            raise self._unavailable("all connections are busy")
        try:
            connection = self._begun()
            try:
                yield Transaction(self.dialect, connection)
                connection.cursor().execute("COMMIT")
            except Exception as error:
                self._undo(connection)
                if isinstance(error, self.dialect.failures):
                    raise self._unavailable(_reason(error)) from error
                raise
            except BaseException:  # in the middle of an answer, perhaps: nothing can be said on this connection
                _close(connection)
                raise
            self._keep(connection)
        finally:
            self._slots.release()

    def close(self) -> None:
        """Close every connection that nobody uses; those in use close after it."""
        self._is_closed = True
        while self._idle:
            _close(self._idle.pop()[1])

    def _begun(self) -> Any:
        """A connection within a transaction; one that was lost while idle is replaced."""
        if time.monotonic() < self._away_until:
            raise self._unavailable("it did not answer a moment ago")
        while self._idle:
            try:
                since, connection = self._idle.pop()
            except IndexError:  # another thread was faster
                break
            asked = time.monotonic()
            if asked - since > MOST_IDLE_S:
                _close(connection)
                continue
            try:
                connection.cursor().execute(self.dialect.begin)
                return connection
            except self.dialect.failures as error:
                _close(connection)
                if time.monotonic() - asked > TIMEOUT_S * 0.9:  # not lost, but silent or locked: so is a new one
                    raise self._away(error) from error
        connection = None
        try:
            connection = self.dialect.connect()
            connection.cursor().execute(self.dialect.begin)
            self._away_until = 0.0
            return connection
        except self.dialect.failures as error:
            if connection is not None:
                _close(connection)
            raise self._away(error) from error

    def _undo(self, connection: Any) -> None:
        try:
            connection.cursor().execute("ROLLBACK")
        except self.dialect.failures:
            _close(connection)
            return
        self._keep(connection)

    def _keep(self, connection: Any) -> None:
        if self._is_closed:
            _close(connection)
        else:
            self._idle.append((time.monotonic(), connection))

    def _away(self, error: Exception) -> AccountsUnavailable:
        self._away_until = time.monotonic() + PAUSE_S
        return self._unavailable(_reason(error))

    def _unavailable(self, reason: str) -> AccountsUnavailable:
        return AccountsUnavailable(f"{self.dialect.place} cannot be used ({reason}); look at it, then ask again")


def _reason(error: Exception) -> str:
    """The driver's words; a server's are a table of fields, of which M is the message."""
    first = error.args[0] if error.args else ""
    cause = error.__cause__
    words = first.get("M", "") if isinstance(first, dict) else str(error)
    return f"{words.rstrip('.')}: {cause}" if isinstance(cause, OSError) else words or type(error).__name__


def _close(connection: Any) -> None:
    try:
        connection.close()
    except Exception:  # it was lost: any driver's error, and nothing is left to be done
        return
