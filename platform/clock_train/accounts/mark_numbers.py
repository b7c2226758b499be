"""What the numbers in a mark mean, where replicas share it: each name gets one number, for ever, from the database.

A name's number never changes, so a replica asks for each name once.
"""

from __future__ import annotations

from collections.abc import Mapping

from clock_train.accounts.database import Database, Transaction
from clock_train.errors import WatermarkPayloadInvalid


class StoredNumbers:
    """Numbers of voices and consents.

    Args:
        database: with the tables of accounts.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[tuple[str, str], int] = {}

    def number(self, kind: str, name: str, most: int) -> int:
        """The number of a name; the next free one where it has none.

        Args:
            kind: ``voices`` or ``consents``.
            name: of a voice, or id of a consent.
            most: the highest that a mark has room for.
        Raises:
            WatermarkPayloadInvalid: all are taken.
            AccountsUnavailable: nobody can say.
        """
        if (kind, name) not in self._known:
            with self._database.transaction() as transaction:
                self._known[kind, name] = _allotted(transaction, kind, name, most)
        return self._known[kind, name]

    def adopt(self, numbers: Mapping[str, Mapping[str, int]]) -> list[str]:
        """Take over what an installation allotted before it shared the database.

        Args:
            numbers: by kind and name.
        Returns:
            The names that have another number here, or whose number is another's.
        Raises:
            AccountsUnavailable: the database is away; nothing was taken over.
        """
        others = []
        with self._database.transaction() as transaction:
            for kind, known in sorted(numbers.items()):
                _lock(transaction, kind)
                for name, number in sorted(known.items()):
                    transaction.change(
                        "INSERT INTO mark_numbers (kind, name, number) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                        (kind, name, number),
                    )
                    if _found(transaction, kind, name) != number:
                        others.append(name)
                transaction.change(
                    "UPDATE mark_counters SET last = (SELECT COALESCE(MAX(number), 0) FROM mark_numbers WHERE kind = ?)"
                    " WHERE kind = ?",
                    (kind, kind),
                )
        return others


def _allotted(transaction: Transaction, kind: str, name: str, most: int) -> int:
    if found := _found(transaction, kind, name):
        return found
    _lock(transaction, kind)
    if found := _found(transaction, kind, name):  # another replica was faster
        return found
    row = transaction.rows(
        "UPDATE mark_counters SET last = last + 1 WHERE kind = ? AND last < ? RETURNING last", (kind, most)
    )
    if not row:
        raise WatermarkPayloadInvalid(
            f"{most} {kind} have a number, and a mark has room for no more; use another tenant's keys and database"
        )
    transaction.change("INSERT INTO mark_numbers (kind, name, number) VALUES (?, ?, ?)", (kind, name, row[0][0]))
    return row[0][0]


def _lock(transaction: Transaction, kind: str) -> None:
    """Hold off others who would allot, until the transaction ends."""
    transaction.change("INSERT INTO mark_counters (kind, last) VALUES (?, 0) ON CONFLICT DO NOTHING", (kind,))
    transaction.change("UPDATE mark_counters SET last = last WHERE kind = ?", (kind,))


def _found(transaction: Transaction, kind: str, name: str) -> int | None:
    rows = transaction.rows("SELECT number FROM mark_numbers WHERE kind = ? AND name = ?", (kind, name))
    return rows[0][0] if rows else None
