"""Votes, kept in one SQLite file of the test's folder: on the disk before a listener is told that one was taken.

One row is one vote; a session's votes come in the order of its trials and cannot be changed. The same vote sent again,
because its answer was lost, is taken once. Any number of processes may write.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from clock_train.errors import InvitationUsed, VoteInvalid, VotesUnwritable
from clock_train.listening.listening_test import Role

VOTES_NAME = "votes.sqlite"
WAIT_S = 10.0
"""For another process' vote."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (
  listener INTEGER PRIMARY KEY, session TEXT NOT NULL, secret_sha256 TEXT NOT NULL, begun_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS votes (
  listener INTEGER NOT NULL REFERENCES sessions, trial INTEGER NOT NULL, session TEXT NOT NULL, role TEXT NOT NULL,
  stimuli TEXT NOT NULL, answer TEXT NOT NULL, ms INTEGER NOT NULL, plays TEXT NOT NULL, heard INTEGER NOT NULL,
  gold_ok INTEGER, time_ms INTEGER NOT NULL, PRIMARY KEY (listener, trial)
) STRICT;
CREATE TABLE IF NOT EXISTS sent (target TEXT PRIMARY KEY, votes INTEGER NOT NULL) STRICT;
"""


@dataclass(frozen=True, kw_only=True)
class Vote:
    """One answer of one listener."""

    session: str
    listener: int
    trial: int
    role: Role
    stimuli: tuple[str, ...]
    """Ids, A first."""
    answer: str
    ms: int
    """From the trial's first sight to the vote, without pauses."""
    plays: tuple[int, ...]
    heard: bool
    """Whether each sound was played to its end."""
    gold_ok: bool | None
    """None: no gold trial."""
    time_ms: int


@dataclass(frozen=True)
class Session:
    """One listener's."""

    id: str
    num_votes: int


class VoteStore:
    """The votes of one test.

    Args:
        path: of the file; made where there is none.

    Raises:
        VotesUnwritable: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._transaction() as connection:
            for statement in SCHEMA.split(";"):
                connection.execute(statement)

    def begin(self, listener: int, *, now_ms: int) -> str:
        """Begin a session; the secret that goes on with it, known to one browser from then on.

        Raises:
            InvitationUsed: somebody began it already.
        """
        secret = secrets.token_urlsafe(24)
        with self._transaction() as connection:
            begun = connection.execute(
                "INSERT OR IGNORE INTO sessions VALUES (?, ?, ?, ?)",
                (listener, secrets.token_hex(8), _hidden(secret), now_ms),
            )
            if not begun.rowcount:
                raise _used()
        return secret

    def session(self, listener: int, secret: str | None) -> Session | None:
        """A session that was begun, for who holds its secret; None where nobody has begun it.

        Raises:
            InvitationUsed: somebody else did.
        """
        with self._transaction(is_writing=False) as connection:
            return _session(connection, listener, secret)

    def add(self, vote: Vote, secret: str | None) -> None:
        """Keep a vote; returns when it is on the disk.

        Raises:
            InvitationUsed: another browser began the session, or nobody did.
            VoteInvalid: it is not the next trial, or one that was answered otherwise.
            VotesUnwritable: the disk refuses it.
        """
        with self._transaction() as connection:
            session = _session(connection, vote.listener, secret)
            if session is None:
                raise _used()
            if vote.trial < session.num_votes:
                kept = "SELECT answer FROM votes WHERE listener = ? AND trial = ?"
                (answer,) = connection.execute(kept, (vote.listener, vote.trial)).fetchone()
                if answer != vote.answer:
                    raise VoteInvalid(f"trial {vote.trial} is answered already, and an answer stands")
                return
            if vote.trial > session.num_votes:
                raise VoteInvalid(f"trial {session.num_votes} comes next, not {vote.trial}")
            connection.execute(
                "INSERT INTO votes (listener, trial, session, role, stimuli, answer, ms, plays, heard, gold_ok, "
                "time_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    vote.listener, vote.trial, session.id, vote.role.value, json.dumps(vote.stimuli), vote.answer,
                    vote.ms, json.dumps(vote.plays), vote.heard, vote.gold_ok, vote.time_ms,
                ),
            )  # fmt: skip

    def all(self) -> list[Vote]:
        """Every vote, by listener and trial."""
        columns = "session, listener, trial, role, stimuli, answer, ms, plays, heard, gold_ok, time_ms"
        with self._transaction(is_writing=False) as connection:
            rows = connection.execute(f"SELECT {columns} FROM votes ORDER BY listener, trial").fetchall()
        return [
            Vote(
                session=session, listener=listener, trial=trial, role=Role(role), stimuli=tuple(json.loads(stimuli)),
                answer=answer, ms=ms, plays=tuple(json.loads(plays)), heard=bool(heard),
                gold_ok=None if gold_ok is None else bool(gold_ok), time_ms=time_ms,
            )
            for session, listener, trial, role, stimuli, answer, ms, plays, heard, gold_ok, time_ms in rows
        ]  # fmt: skip

    def waiting(self, target: str) -> int:
        """How many votes a target has not got yet."""
        with self._transaction(is_writing=False) as connection:
            (count,) = connection.execute("SELECT count(*) FROM votes").fetchone()
            row = connection.execute("SELECT votes FROM sent WHERE target = ?", (target,)).fetchone()
        return count - (row[0] if row else 0)

    def mark_sent(self, target: str, count: int) -> None:
        """Remember that a target has ``count`` votes."""
        statement = (
            "INSERT INTO sent VALUES (?, ?) ON CONFLICT (target) DO UPDATE SET votes = max(votes, excluded.votes)"
        )
        with self._transaction() as connection:
            connection.execute(statement, (target, count))

    @contextmanager
    def _transaction(self, *, is_writing: bool = True) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._path, timeout=WAIT_S, isolation_level=None)) as connection:
                # EXTRA: the journal's disappearance is on the disk too, so no power cut brings an old state back
                connection.execute("PRAGMA synchronous = EXTRA")
                connection.execute("BEGIN IMMEDIATE" if is_writing else "BEGIN")
                try:
                    yield connection
                except BaseException:
                    connection.execute("ROLLBACK")
                    raise
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise VotesUnwritable(
                f"{self._path} cannot be used ({error}); give it room and permission. The vote can be sent again"
            ) from error


def _session(connection: sqlite3.Connection, listener: int, secret: str | None) -> Session | None:
    row = connection.execute("SELECT session, secret_sha256 FROM sessions WHERE listener = ?", (listener,)).fetchone()
    if row is None:
        return None
    session, hidden = row
    if secret is None or not hmac.compare_digest(hidden, _hidden(secret)):
        raise _used()
    (count,) = connection.execute("SELECT count(*) FROM votes WHERE listener = ?", (listener,)).fetchone()
    return Session(session, count)


def _used() -> InvitationUsed:
    return InvitationUsed("this invitation is used in another browser; go on there, or ask for one of your own")


def _hidden(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
