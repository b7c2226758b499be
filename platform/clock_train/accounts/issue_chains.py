"""The signed log of replicas in one database: each replica writes a chain of its own, and everybody reads them all.

A line is committed before the sound that it tells of leaves, so a replica that is killed leaves a whole chain behind,
which nobody writes on. The database only keeps the lines; the chain is that of ``audit.chain``.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from clock_train.accounts.database import Database
from clock_train.accounts.dialects import TIMEOUT_S
from clock_train.audit.chain import NO_LINE, Piece, digest_of, next_line
from clock_train.audit.signing import Signer
from clock_train.errors import AccountsUnavailable

PIECE_LINES = 5_000
"""Of a shipped piece: about 4 MB, as a file of a log in a folder has."""


class StoredLog:
    """Writes the chain of one replica; for any number of threads.

    Args:
        database: with the tables of accounts.
        chain: name that no other process has, ever: a chain has one writer.
        signer: whose signature the lines carry.
    """

    def __init__(self, database: Database, chain: str, signer: Signer) -> None:
        self._database, self.chain, self._signer = database, chain, signer
        self._lock = threading.Lock()
        self._end: tuple[int, str] | None = None
        """Number and digest of the last line, where they are known."""

    def append(self, kind: str, facts: Mapping[str, Any], *, now: datetime | None = None) -> dict[str, Any]:
        """Write one line and wait until it is committed.

        Args:
            kind: such as ``issued``.
            facts: plain values; the log's own fields may not be among them.
            now: by default the clock.
        Raises:
            AccountsUnavailable: nothing may be given out then.
        """
        if not self._lock.acquire(timeout=TIMEOUT_S):
            raise AccountsUnavailable(f"{self._database.dialect.place} is slow: other lines are waiting; ask again")
        try:
            end, self._end = self._end, None  # unknown where the next lines fail, perhaps at the very commit
            with self._database.transaction() as transaction:
                if end is None:
                    rows = transaction.rows(
                        "SELECT seq, line FROM issue_lines WHERE chain = ? ORDER BY seq DESC LIMIT 1", (self.chain,)
                    )
                    end = (rows[0][0], digest_of(rows[0][1].encode())) if rows else (0, NO_LINE)
                seq = end[0] + 1
                values, line = next_line(self._signer, kind, facts, seq=seq, previous=end[1], now=now)
                transaction.change(
                    "INSERT INTO issue_lines (chain, seq, payload, line) VALUES (?, ?, ?, ?)",
                    (self.chain, seq, values.get("payload") if kind == "issued" else None, line.decode()),
                )
            self._end = seq, digest_of(line)
            return values
        finally:
            self._lock.release()


class StoredChain:
    """One replica's chain, to be read.

    Args:
        database: with the tables of accounts.
        name: of the chain.
    """

    def __init__(self, database: Database, name: str) -> None:
        self._database, self.name = database, name

    @property
    def place(self) -> str:
        """Its name and the database."""
        return f'the chain "{self.name}" in {self._database.dialect.place}'

    def pieces(self, first: str = "") -> Iterator[Piece]:
        """As many lines at a time as a shipped piece has."""
        number = int(first.partition(".")[0] or 1)
        last = (number - 1) * PIECE_LINES  # lines are numbered without a gap
        while True:
            with self._database.transaction() as transaction:
                rows = transaction.rows(
                    f"SELECT seq, line FROM issue_lines WHERE chain = ? AND seq > ? ORDER BY seq LIMIT {PIECE_LINES}",
                    (self.name, last),
                )
            if not rows:
                return
            content = "".join(f"{line}\n" for _, line in rows).encode()
            yield Piece(name=f"{number:08d}.jsonl", place=f"piece {number} of {self.place}", content=content)
            last, number = rows[-1][0], number + 1

    def lines_of(self, payload_hex: str) -> list[dict[str, Any]]:
        """The lines of sounds that were issued with a payload."""
        return lines_of(self._database, payload_hex, chain=self.name)


def stored_chains(database: Database) -> list[StoredChain]:
    """Every chain that was ever begun, by name."""
    with database.transaction() as transaction:
        # from one name to the next in the index: DISTINCT would read every line there is
        rows = transaction.rows(
            """WITH RECURSIVE names (chain) AS (
                SELECT MIN(chain) FROM issue_lines
                UNION ALL SELECT (SELECT MIN(chain) FROM issue_lines WHERE chain > names.chain) FROM names
                WHERE names.chain IS NOT NULL)
            SELECT chain FROM names WHERE chain IS NOT NULL ORDER BY chain"""
        )
    return [StoredChain(database, name) for (name,) in rows]


def lines_of(database: Database, payload_hex: str, *, chain: str | None = None) -> list[dict[str, Any]]:
    """The lines of sounds that were issued with a payload, by any replica or by one."""
    with database.transaction() as transaction:
        rows = transaction.rows(
            "SELECT line FROM issue_lines WHERE payload = ? AND chain = COALESCE(?, chain) ORDER BY chain, seq",
            (payload_hex, chain),
        )
    return [json.loads(line) for (line,) in rows]
