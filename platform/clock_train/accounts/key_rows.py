"""API keys as rows of the store; times are whole seconds."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from clock_train.accounts.database import Transaction
from clock_train.accounts.keys import ApiKey, KeyScope
from clock_train.errors import ApiKeyNotFound

COLUMNS = (
    "id, secret_sha256, tenant, scopes, voices, qps, characters_a_day, created, expires, revoked_at, note, quota_id,"
    " purposes, territories"
)


def insert_key(transaction: Transaction, key: ApiKey) -> None:
    """Write a new key."""
    transaction.change(
        f"INSERT INTO api_keys ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            key.id, key.secret_sha256, key.tenant, " ".join(sorted(key.scopes)), json.dumps(key.voices), key.qps,
            key.characters_a_day, seconds_of(key.created), seconds_of(key.expires), seconds_of(key.revoked_at),
            key.note, key.quota_id, json.dumps(key.purposes), json.dumps(key.territories),
        ),
    )  # fmt: skip


def existing_key(transaction: Transaction, key_id: str, tenant: str | None) -> ApiKey:
    """The key of an id, of this tenant or of any.

    Raises:
        ApiKeyNotFound: there is none.
    """
    found = transaction.rows(
        f"SELECT {COLUMNS} FROM api_keys WHERE id = ? AND tenant = COALESCE(?, tenant)", (key_id, tenant)
    )
    if not found:
        raise ApiKeyNotFound(f'there is no key "{key_id[:40]}"; "clocktrain apikeys list" shows which there are')
    return key_of(found[0])


def key_of(row: tuple[Any, ...]) -> ApiKey:
    """The key of a row of ``COLUMNS``."""
    key_id, digest, tenant, scopes, voices, qps, characters, created, expires, revoked_at, note, quota_id = row[:12]
    purposes, territories = row[12:]
    return ApiKey(
        id=key_id, secret_sha256=digest, tenant=tenant, scopes=frozenset(map(KeyScope, scopes.split())),
        voices=tuple(json.loads(voices)), qps=qps, characters_a_day=characters, created=_time(created),
        expires=None if expires is None else _time(expires),
        revoked_at=None if revoked_at is None else _time(revoked_at), note=note, quota_id=quota_id,
        purposes=tuple(json.loads(purposes)), territories=tuple(json.loads(territories)),
    )  # fmt: skip


def seconds_of(when: datetime | None) -> int | None:
    """As a row has it."""
    return None if when is None else int(when.timestamp())


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
