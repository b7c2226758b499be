"""Keys, counters and usage in one database: each operation is one transaction, the same for SQLite and PostgreSQL.

Counters hold across replicas because the database adds, never a replica. A reservation is a row until it is settled,
and is settled in the transaction that writes its usage: what a killed replica had not settled is there to be counted.
Rows that several replicas change are changed in sorted order, so that they never wait for one another in a circle.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from clock_train.accounts.database import Database
from clock_train.accounts.dialects import read_address
from clock_train.accounts.key_rows import COLUMNS, existing_key, insert_key, key_of, seconds_of
from clock_train.accounts.keys import MAX_CHARACTERS_A_DAY, ApiKey, KeyScope, new_key_text, sha256_of
from clock_train.accounts.schema import migrate
from clock_train.accounts.settling import Lost, lose, settle
from clock_train.accounts.usage import (
    RefusedGroup,
    Reservation,
    Settlement,
    UsageGroup,
    UsageReport,
    Used,
    day_of,
)
from clock_train.errors import ApiKeyNotFound

FLUSH_S = 1.0
"""Between two writes of what a replica has counted."""
GONE_S = 10 * FLUSH_S
"""A replica that has written nothing for so long is taken for lost."""
SKEW_S = 2
"""By so much a replica's clock may be behind another's without opening a second's window anew."""
KEPT_DAYS = 7
"""Of counters of past days and of closed replicas; usage is kept for good."""
NO_LIMIT = MAX_CHARACTERS_A_DAY * 1000


class Store:
    """Opens the database and brings its tables up to date.

    Args:
        address: a path of a SQLite file, or ``postgresql://user@host:port/database``.
    Raises:
        ConfigValueInvalid: the address is none.
        AccountsUnavailable: the database is away. So may every method.
    """

    def __init__(self, address: str) -> None:
        self.database = Database(read_address(address))
        migrate(self.database)

    @property
    def place(self) -> str:
        """Which database it is, without user and password."""
        return self.database.dialect.place

    @property
    def is_shared(self) -> bool:
        """Whether gateways on several machines can use it."""
        return self.database.dialect.is_shared

    def close(self) -> None:
        """Close the connections."""
        self.database.close()

    def create_key(
        self,
        *,
        tenant: str,
        scopes: Iterable[KeyScope],
        voices: Sequence[str] = ("*",),
        qps: int = 10,
        characters_a_day: int = 0,
        expires: datetime | None = None,
        note: str = "",
        purposes: Sequence[str] = (),
        territories: Sequence[str] = (),
        now: datetime,
    ) -> tuple[str, ApiKey]:
        """(text, key) of a new key; the text is nowhere else.

        Raises:
            ConfigValueInvalid: a value that a key cannot have.
        """
        text, key_id, secret = new_key_text()
        key = ApiKey(
            id=key_id,
            secret_sha256=sha256_of(secret),
            tenant=tenant,
            scopes=frozenset(scopes),
            voices=tuple(voices),
            qps=qps,
            characters_a_day=characters_a_day,
            created=now.replace(microsecond=0),
            expires=expires and expires.replace(microsecond=0),
            note=note,
            purposes=tuple(purposes),
            territories=tuple(territories),
            quota_id=key_id,
        )
        with self.database.transaction() as transaction:
            insert_key(transaction, key)
        return text, key

    def find_key(self, key_id: str) -> ApiKey | None:
        """The key of an id, revoked or not."""
        with self.database.transaction() as transaction:
            found = transaction.rows(f"SELECT {COLUMNS} FROM api_keys WHERE id = ?", (key_id,))
        return key_of(found[0]) if found else None

    def list_keys(self, tenant: str | None = None) -> list[ApiKey]:
        """Every key of a tenant, or of all, oldest first."""
        with self.database.transaction() as transaction:
            found = transaction.rows(
                f"SELECT {COLUMNS} FROM api_keys {'' if tenant is None else 'WHERE tenant = ?'} ORDER BY created, id",
                () if tenant is None else (tenant,),
            )
        return [key_of(row) for row in found]

    def revoke_key(self, key_id: str, *, tenant: str | None = None, now: datetime) -> ApiKey:
        """End a key at once; one that was revoked keeps its time.

        Raises:
            ApiKeyNotFound: there is none, or not of this tenant.
        """
        with self.database.transaction() as transaction:
            transaction.change(
                "UPDATE api_keys SET revoked_at = ?"
                " WHERE id = ? AND revoked_at IS NULL AND tenant = COALESCE(?, tenant)",
                (seconds_of(now), key_id, tenant),
            )
            return existing_key(transaction, key_id, tenant)

    def rotate_key(
        self, key_id: str, *, overlap: timedelta, tenant: str | None = None, now: datetime
    ) -> tuple[str, ApiKey, ApiKey]:
        """(text, new key, old key): a second key with the rights and counters of one that now ends after ``overlap``.

        Raises:
            ApiKeyNotFound: there is none, it is over or revoked, or it is another tenant's.
        """
        text, new_id, secret = new_key_text()
        with self.database.transaction() as transaction:
            old = existing_key(transaction, key_id, tenant)
            if old.revoked_at is not None or (old.expires is not None and old.expires <= now):
                raise ApiKeyNotFound(f'the key "{key_id}" is over or revoked; make a new one instead')
            new = replace(old, id=new_id, secret_sha256=sha256_of(secret), created=now.replace(microsecond=0))
            ends = now.replace(microsecond=0) + overlap
            old = replace(old, expires=min(ends, old.expires or ends))
            insert_key(transaction, new)
            transaction.change("UPDATE api_keys SET expires = ? WHERE id = ?", (seconds_of(old.expires), key_id))
        return text, new, old

    def take_requests(self, quota_id: str, *, want: int, limit: int, now: float) -> tuple[int, int, int]:
        """Lease requests of the present second.

        Args:
            quota_id: whose counter.
            want: requests that the replica would like.
            limit: of all replicas in one second.
            now: in seconds; of replicas' clocks the one ahead counts, within ``SKEW_S``.
        Returns:
            (how many were granted, how many are left to others, the second in which they may be used).
        """
        with self.database.transaction() as transaction:
            # it grows by what is refused as well; what is above the limit was granted to nobody
            second, taken = transaction.rows(
                """INSERT INTO request_windows AS w (quota_id, second, taken) VALUES (?, ?, ?)
                ON CONFLICT (quota_id) DO UPDATE SET
                    taken = CASE WHEN excluded.second BETWEEN w.second - ? AND w.second
                        THEN w.taken + excluded.taken ELSE excluded.taken END,
                    second = CASE WHEN excluded.second BETWEEN w.second - ? AND w.second
                        THEN w.second ELSE excluded.second END
                RETURNING second, taken""",
                (quota_id, int(now), want, SKEW_S, SKEW_S),
            )[0]
        return max(0, min(want, limit - (taken - want))), max(0, limit - taken), second

    def reserve(self, instance: str, reservation: Reservation, *, limit: int) -> tuple[bool, int]:
        """Take characters of a day before they are spoken.

        Args:
            instance: who settles it.
            reservation: how many, of whom.
            limit: characters of the day; 0: none.
        Returns:
            (whether they were granted: all or none, characters that the day has used by now).
        """
        group, counter = reservation.group, (reservation.quota_id, reservation.group.day)
        most = limit or NO_LIMIT
        with self.database.transaction() as transaction:
            transaction.change(
                "INSERT INTO day_counters (quota_id, day, used) VALUES (?, ?, 0) ON CONFLICT DO NOTHING", counter
            )
            used = transaction.rows(
                "UPDATE day_counters SET used = used + ? WHERE quota_id = ? AND day = ? AND used <= ? RETURNING used",
                (reservation.characters, *counter, most - reservation.characters),
            )
            if not used:
                now_used = transaction.rows("SELECT used FROM day_counters WHERE quota_id = ? AND day = ?", counter)
                return False, now_used[0][0]
            transaction.change(
                "INSERT INTO reservations (id, instance, day, tenant, key_id, voice, characters)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (reservation.id, instance, *group, reservation.characters),
            )
            return True, used[0][0]

    def begin_instance(self, instance: str, *, name: str, now: float) -> None:
        """Make a replica known; whoever had the same name before is lost at the next ``take_over``."""
        with self.database.transaction() as transaction:
            transaction.change(
                "INSERT INTO instances (id, name, started, last_flush, flushes) VALUES (?, ?, ?, ?, 0)",
                (instance, name, now, now),
            )

    def take_over(self, *, besides: str, name: str | None = None, now: float) -> list[Lost]:
        """Count as unsettled what replicas had reserved that are gone: silent for ``GONE_S``, or of the name.

        Args:
            besides: the replica that asks.
            name: that no other living replica has.
            now: in seconds.
        """
        gone = "id <> ? AND (last_flush < ? OR name = ?)"
        values = (besides, now - GONE_S, name or "")
        with self.database.transaction() as transaction:
            found = transaction.rows(
                f"SELECT id FROM instances WHERE {gone}"
                " AND (closed_at IS NULL OR id IN (SELECT instance FROM reservations)) ORDER BY id",
                values,
            )
            oldest = now - KEPT_DAYS * 86_400
            transaction.change("DELETE FROM day_counters WHERE day < ?", (day_of(oldest),))
            transaction.change(
                "DELETE FROM instances WHERE closed_at < ? AND id NOT IN (SELECT instance FROM reservations)", (oldest,)
            )
        lost = []
        for (instance,) in found:
            with self.database.transaction() as transaction:  # one each: two at once would wait in a circle
                if transaction.change(
                    f"UPDATE instances SET closed_at = ? WHERE id = ? AND {gone}", (now, instance, *values)
                ):
                    lost.append(lose(transaction, instance))
        return [each for each in lost if each.num_reservations]

    def flush(
        self,
        instance: str,
        number: int,
        settlements: Sequence[Settlement],
        refused: Mapping[RefusedGroup, int],
        *,
        is_last: bool = False,
        now: float,
    ) -> Lost | None:
        """Write what a replica has counted, once however often it is asked with one number.

        Args:
            instance: the replica.
            number: 1 for its first flush, one more for each next.
            settlements: reservations that ended.
            refused: times.
            is_last: it ends; what it has still reserved is lost.
            now: in seconds.
        Returns:
            At the last one, what was lost.
        """
        with self.database.transaction() as transaction:
            flushes = transaction.rows(
                "UPDATE instances SET last_flush = ?, closed_at = ? WHERE id = ? RETURNING flushes",
                (now, now if is_last else None, instance),
            )
            if flushes and flushes[0][0] >= number:
                return None  # the answer of an earlier attempt was lost, the attempt was not
            transaction.change("UPDATE instances SET flushes = ? WHERE id = ?", (number, instance))
            settle(transaction, settlements)
            for group, times in sorted(refused.items()):
                transaction.change(
                    """INSERT INTO refused_by_day AS r (day, tenant, key_id, code, times) VALUES (?, ?, ?, ?, ?)
                    ON CONFLICT (day, tenant, key_id, code) DO UPDATE SET times = r.times + excluded.times""",
                    (*group, times),
                )
            return lose(transaction, instance) if is_last else None

    def read_usage(
        self, *, tenant: str | None = None, since: str = "", until: str = "9999-12-31", now: float
    ) -> UsageReport:
        """Usage and refusals by day, both days included, with what lost replicas left that nobody has taken over.

        Args:
            tenant: None: of all.
            since: a day such as ``2027-01-31``.
            until: a day.
            now: in seconds.
        """
        of_tenant = "day >= ? AND day <= ? AND tenant = COALESCE(?, tenant)"
        span = (since, until, tenant)
        with self.database.transaction() as transaction:
            found = transaction.rows(
                "SELECT day, tenant, key_id, voice, requests, characters, audio_seconds, unsettled FROM usage_by_day"
                f" WHERE {of_tenant}",
                span,
            )
            left = transaction.rows(
                f"SELECT day, tenant, key_id, voice, characters FROM reservations WHERE {of_tenant}"
                " AND instance IN (SELECT id FROM instances WHERE last_flush < ?)",
                (*span, now - GONE_S),
            )
            refused = transaction.rows(
                f"SELECT day, tenant, key_id, code, times FROM refused_by_day WHERE {of_tenant}", span
            )
        used: defaultdict[UsageGroup, Used] = defaultdict(Used)
        for *group, requests, characters, audio_seconds, unsettled in found:
            used[UsageGroup(*group)] += Used(
                requests=requests, characters=characters, audio_seconds=audio_seconds, unsettled=unsettled
            )
        for *group, characters in left:
            used[UsageGroup(*group)] += Used(unsettled=characters)
        times = {RefusedGroup(*group): number for *group, number in refused}
        return UsageReport(used=dict(sorted(used.items())), refused=dict(sorted(times.items())))
