"""The tables of accounts and how an older database becomes one of today's; a row says which version there is.

A new version is a new entry of ``MIGRATIONS``; an entry that was released is never changed. Types are those that both
databases take for the same.
"""

from __future__ import annotations

from clock_train.accounts.database import Database
from clock_train.errors import AccountsUnavailable

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE api_keys (
            id TEXT PRIMARY KEY, secret_sha256 TEXT NOT NULL, tenant TEXT NOT NULL, scopes TEXT NOT NULL,
            voices TEXT NOT NULL, qps BIGINT NOT NULL, characters_a_day BIGINT NOT NULL, created BIGINT NOT NULL,
            expires BIGINT, revoked_at BIGINT, note TEXT NOT NULL, quota_id TEXT NOT NULL)""",
        "CREATE INDEX api_keys_of_tenant ON api_keys (tenant)",
        """CREATE TABLE request_windows (
            quota_id TEXT PRIMARY KEY, second BIGINT NOT NULL, taken BIGINT NOT NULL)""",
        """CREATE TABLE day_counters (
            quota_id TEXT NOT NULL, day TEXT NOT NULL, used BIGINT NOT NULL, PRIMARY KEY (quota_id, day))""",
        """CREATE TABLE instances (
            id TEXT PRIMARY KEY, name TEXT NOT NULL, started DOUBLE PRECISION NOT NULL,
            last_flush DOUBLE PRECISION NOT NULL, closed_at DOUBLE PRECISION, flushes BIGINT NOT NULL)""",
        """CREATE TABLE reservations (
            id TEXT PRIMARY KEY, instance TEXT NOT NULL, day TEXT NOT NULL, tenant TEXT NOT NULL, key_id TEXT NOT NULL,
            voice TEXT NOT NULL, characters BIGINT NOT NULL)""",
        "CREATE INDEX reservations_of_instance ON reservations (instance)",
        """CREATE TABLE usage_by_day (
            day TEXT NOT NULL, tenant TEXT NOT NULL, key_id TEXT NOT NULL, voice TEXT NOT NULL,
            requests BIGINT NOT NULL, characters BIGINT NOT NULL, audio_seconds DOUBLE PRECISION NOT NULL,
            unsettled BIGINT NOT NULL, PRIMARY KEY (day, tenant, key_id, voice))""",
        """CREATE TABLE refused_by_day (
            day TEXT NOT NULL, tenant TEXT NOT NULL, key_id TEXT NOT NULL, code TEXT NOT NULL, times BIGINT NOT NULL,
            PRIMARY KEY (day, tenant, key_id, code))""",
    ),
    (
        """CREATE TABLE mark_numbers (
            kind TEXT NOT NULL, name TEXT NOT NULL, number BIGINT NOT NULL, PRIMARY KEY (kind, name),
            UNIQUE (kind, number))""",
        "CREATE TABLE mark_counters (kind TEXT PRIMARY KEY, last BIGINT NOT NULL)",
        """CREATE TABLE issue_lines (
            chain TEXT NOT NULL, seq BIGINT NOT NULL, payload TEXT, line TEXT NOT NULL, PRIMARY KEY (chain, seq))""",
        "CREATE INDEX issue_lines_of_payload ON issue_lines (payload)",
    ),
    (
        "ALTER TABLE api_keys ADD COLUMN purposes TEXT NOT NULL DEFAULT '[]'",
        "ALTER TABLE api_keys ADD COLUMN territories TEXT NOT NULL DEFAULT '[]'",
    ),
)


def migrate(database: Database) -> None:
    """Bring the tables to this program's version; replicas that start at once do so in turn.

    Raises:
        AccountsUnavailable: the database is away, or a newer program has written it.
    """
    with database.transaction() as transaction:
        transaction.rows(database.dialect.lock_schema)
        transaction.change("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)")
        found = transaction.rows("SELECT version FROM schema_version")
        version = found[0][0] if found else 0
        if version > len(MIGRATIONS):
            raise AccountsUnavailable(
                f"{database.dialect.place} is of version {version}, this program knows {len(MIGRATIONS)}; update it"
            )
        for statements in MIGRATIONS[version:]:
            for statement in statements:
                transaction.change(statement)
        if not found:
            transaction.change("INSERT INTO schema_version (version) VALUES (?)", (len(MIGRATIONS),))
        elif version < len(MIGRATIONS):
            transaction.change("UPDATE schema_version SET version = ?", (len(MIGRATIONS),))
