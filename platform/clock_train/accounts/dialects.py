"""The two databases that can keep accounts, and all that differs between them: connecting, locking, placeholders.

Every statement elsewhere in this package is written once, with ``?``, in SQL that both understand (SQLite from 3.35).
"""

from __future__ import annotations

import os
import sqlite3
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from clock_train.errors import AccountsUnavailable, ConfigValueInvalid

TIMEOUT_S = 2.0
"""For a connection, a statement and a lock; a request waits for its key no longer than a few of these."""
OLDEST_SQLITE = (3, 35)
"""The first that knows RETURNING."""
PASSWORD_VARIABLE = "PGPASSWORD"
SCHEMES = ("postgresql", "postgres")
LOOPBACKS = ("127.0.0.1", "::1", "localhost")
TLS_MODES = ("disable", "require", "verify-full")
TLS, CA_FILE, PASSWORD_FILE = "sslmode", "sslrootcert", "passwordfile"


class Dialect(Protocol):
    """What ``Database`` needs of one kind of database."""

    @property
    def place(self) -> str:
        """Which one it is, for a message: without user or password."""
        ...

    @property
    def is_shared(self) -> bool:
        """Whether gateways on several machines can use it."""
        ...

    @property
    def begin(self) -> str:
        """The statement that begins a transaction."""
        ...

    @property
    def lock_schema(self) -> str:
        """The statement after it that holds off others who would write the schema."""
        ...

    @property
    def failures(self) -> tuple[type[Exception], ...]:
        """What its driver raises where the database is at fault."""
        ...

    def connect(self) -> Any:
        """A connection of DB-API that commits when told."""
        ...

    def placed(self, statement: str) -> str:
        """A statement with the driver's placeholders."""
        ...


@dataclass(frozen=True, kw_only=True)
class SqliteDialect:
    """One file; its writers wait for one another."""

    path: Path
    is_shared: bool = False
    begin: str = "BEGIN IMMEDIATE"
    lock_schema: str = "SELECT 1"  # BEGIN IMMEDIATE has done it
    failures: tuple[type[Exception], ...] = (sqlite3.Error, OSError)

    @property
    def place(self) -> str:
        """The file."""
        return f'the SQLite file "{self.path}"'

    def connect(self) -> sqlite3.Connection:
        """The file is made where there is none, for its owner only; SQLite gives its side files the same mode."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if os.fstat(descriptor).st_uid == os.geteuid():
                os.fchmod(descriptor, 0o600)
        finally:
            os.close(descriptor)
        connection = sqlite3.connect(self.path, timeout=TIMEOUT_S, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchall()
            # a process that is killed loses nothing by it; a machine that loses power may lose the last transactions
            connection.execute("PRAGMA synchronous = NORMAL")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def placed(self, statement: str) -> str:
        """As it is."""
        return statement


@dataclass(frozen=True, kw_only=True)
class PostgresDialect:
    """A server that replicas share, by the pure driver pg8000."""

    host: str
    port: int
    database: str
    user: str = field(repr=False)
    password: str | None = field(repr=False)
    tls: ssl.SSLContext | None = field(repr=False)
    failures: tuple[type[Exception], ...] = field(repr=False)
    is_shared: bool = True
    begin: str = "BEGIN"
    lock_schema: str = "SELECT pg_advisory_xact_lock(1129071717)"  # a number of our own: "CLe%" as an integer

    @property
    def place(self) -> str:
        """Host, port and database."""
        return f'the PostgreSQL database "{self.database}" at {self.host}:{self.port}'

    def connect(self) -> Any:
        """Each statement is bounded by the server, and by the socket where the server is gone."""
        import pg8000.dbapi

        milliseconds = str(int(TIMEOUT_S * 1000))
        try:
            connection = pg8000.dbapi.connect(
                self.user,
                host=self.host,
                port=self.port,
                database=self.database,
                password=self.password or "",  # with none at all pg8000 fails by a bug where one is asked for
                ssl_context=self.tls or False,
                timeout=TIMEOUT_S * 1.5,  # the server's own word comes first
                application_name="clocktrain",
                startup_params={
                    "statement_timeout": milliseconds,
                    "idle_in_transaction_session_timeout": milliseconds,
                    "TimeZone": "UTC",
                },
            )
        except self.failures:
            raise
        except Exception as error:  # of any kind, from reading bytes that mean something else
            raise pg8000.dbapi.InterfaceError(
                f"what answers there is no PostgreSQL that can be talked to: {type(error).__name__}"
            ) from error
        connection.autocommit = True  # transactions begin by a statement, as in SQLite
        return connection

    def placed(self, statement: str) -> str:
        """``%s`` for ``?``; no statement here holds either in a literal."""
        return statement.replace("?", "%s")


def read_address(address: str) -> Dialect:
    """The database that an address names: a path of a SQLite file, or ``postgresql://user@host:port/database``.

    After ``?`` may stand ``sslmode`` (disable, require, verify-full: the default but on loopback), ``sslrootcert`` and
    ``passwordfile``. The password comes from the URL, that file, or ``$PGPASSWORD``.

    Raises:
        ConfigValueInvalid: it is no address; its text is not repeated, for it may hold a password.
        AccountsUnavailable: this Python's SQLite is too old.
        ModuleNotFoundError: PostgreSQL without the part ``accounts``.
    """
    scheme, separator, _ = address.partition("://")
    if not separator:
        return _sqlite(address)
    if scheme not in SCHEMES:
        raise ConfigValueInvalid("the address of accounts is neither a path nor postgresql://...; give one of them")
    try:
        url = urlsplit(address)
        return _postgres(url, url.port or 5432)
    except ValueError:
        raise ConfigValueInvalid(
            "the address of accounts is no URL; give postgresql://user@host:5432/database, with signs such as @ or / "
            "in a password written as %40 or %2F"
        ) from None


def _sqlite(path: str) -> SqliteDialect:
    if not path:
        raise ConfigValueInvalid("the address of accounts is empty; give a path, or postgresql://user@host/database")
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise AccountsUnavailable(
            f"this Python has SQLite {sqlite3.sqlite_version}; accounts need 3.35 or newer: use another Python"
        )
    return SqliteDialect(path=Path(path))


def _postgres(url: SplitResult, port: int) -> PostgresDialect:
    import pg8000.dbapi

    options = {name: values[-1] for name, values in parse_qs(url.query, strict_parsing=bool(url.query)).items()}
    unknown = set(options) - {TLS, CA_FILE, PASSWORD_FILE}
    if unknown or not url.hostname or not url.username or not url.path.strip("/"):
        raise ConfigValueInvalid(
            "the address of accounts lacks user, host or database, or has another option than "
            f"{TLS}, {CA_FILE} and {PASSWORD_FILE}; give postgresql://user@host:5432/database"
        )
    return PostgresDialect(
        host=url.hostname,
        port=port,
        database=unquote(url.path.strip("/")),
        user=unquote(url.username),
        password=_password(url, options.get(PASSWORD_FILE)),
        tls=_tls(options, is_loopback=url.hostname in LOOPBACKS),
        failures=(pg8000.dbapi.Error, OSError),
    )


def _password(url: SplitResult, path: str | None) -> str | None:
    if url.password is not None:
        return unquote(url.password)
    if path is None:
        return os.environ.get(PASSWORD_VARIABLE)
    try:
        return Path(path).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigValueInvalid(f'{PASSWORD_FILE} "{path}" cannot be read; name a file with the password') from error


def _tls(options: dict[str, str], *, is_loopback: bool) -> ssl.SSLContext | None:
    mode = options.get(TLS, "disable" if is_loopback else "verify-full")
    if mode not in TLS_MODES:
        raise ConfigValueInvalid(f"{TLS} of the address of accounts is none of {', '.join(TLS_MODES)}; give one")
    if mode == "disable":
        return None
    try:
        context = ssl.create_default_context(cafile=options.get(CA_FILE))
    except (OSError, ssl.SSLError) as error:
        raise ConfigValueInvalid(
            f'{CA_FILE} "{options.get(CA_FILE)}" holds no certificates; name a PEM file'
        ) from error
    if mode == "require":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
