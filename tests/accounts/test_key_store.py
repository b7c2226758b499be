"""Keys in a store, the same in SQLite and PostgreSQL."""

from __future__ import annotations

import stat
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from account_values import NOW, MakeKey

from clock_train.accounts.database import Database
from clock_train.accounts.dialects import read_address
from clock_train.accounts.key_ring import REMEMBERED_S, KeyRing
from clock_train.accounts.keys import KeyScope
from clock_train.accounts.schema import MIGRATIONS, migrate
from clock_train.accounts.store import Store
from clock_train.errors import AccountsUnavailable, ApiKeyExpired, ApiKeyInvalid, ApiKeyNotFound

SECOND = NOW.timestamp()
INJECTION = "x'); DROP TABLE api_keys; -- %s ? \\ \" é 钟"


def test_a_key_is_found_as_it_was_made(store: Store, make_key: MakeKey) -> None:
    _, key = make_key(
        scopes=list(KeyScope), voices=["anna*", "carlo"], qps=100, characters_a_day=50_000,
        expires=NOW + timedelta(days=30), note="the radio's",
    )  # fmt: skip
    assert store.find_key(key.id) == key
    assert store.find_key("zzzzzzzz") is None


def test_names_that_look_like_sql_are_just_text(store: Store, make_key: MakeKey) -> None:
    _, key = make_key(tenant=INJECTION, voices=[INJECTION], note=INJECTION)
    assert store.list_keys(INJECTION) == [key]
    assert store.find_key(INJECTION) is None
    with pytest.raises(ApiKeyNotFound):
        store.revoke_key(INJECTION, now=NOW)


def test_a_tenant_sees_its_own_keys_only(store: Store, make_key: MakeKey) -> None:
    _, ours = make_key()
    _, theirs = make_key(tenant="globex")
    assert store.list_keys("acme") == [ours]
    assert {key.id for key in store.list_keys()} == {ours.id, theirs.id}


def test_a_tenant_cannot_revoke_or_rotate_anothers_key(store: Store, make_key: MakeKey) -> None:
    _, theirs = make_key(tenant="globex")
    with pytest.raises(ApiKeyNotFound):
        store.revoke_key(theirs.id, tenant="acme", now=NOW)
    with pytest.raises(ApiKeyNotFound):
        store.rotate_key(theirs.id, overlap=timedelta(), tenant="acme", now=NOW)
    assert store.list_keys("globex") == [theirs]


def test_a_key_is_revoked_once(store: Store, make_key: MakeKey) -> None:
    _, key = make_key()
    assert store.revoke_key(key.id, now=NOW).revoked_at == NOW
    assert store.revoke_key(key.id, now=NOW + timedelta(days=1)).revoked_at == NOW


def test_a_rotated_key_works_beside_the_new_one_until_the_overlap_ends(store: Store, make_key: MakeKey) -> None:
    old_text, old = make_key(voices=["anna"], qps=7)
    new_text, new, ending = store.rotate_key(old.id, overlap=timedelta(hours=1), now=NOW)
    assert (new.voices, new.qps, new.scopes, new.tenant, new.expires) == (("anna",), 7, old.scopes, "acme", None)
    assert ending.expires == NOW + timedelta(hours=1)
    assert store.find_key(old.id) == ending
    for after_s in (0, 3599):
        ring = KeyRing(store)
        assert {ring.identify(text, SECOND + after_s).id for text in (old_text, new_text)} == {old.id, new.id}
    with pytest.raises(ApiKeyExpired):
        KeyRing(store).identify(old_text, SECOND + 3600)
    assert KeyRing(store).identify(new_text, SECOND + 3600) == new


def test_rotating_frees_no_quota_and_lengthens_no_time(store: Store, make_key: MakeKey) -> None:
    _, key = make_key(expires=NOW + timedelta(minutes=5))
    _, new, old = store.rotate_key(key.id, overlap=timedelta(hours=1), now=NOW)
    assert new.quota_id == key.quota_id
    assert new.expires == old.expires == key.expires


def test_a_key_that_is_over_is_not_rotated(store: Store, make_key: MakeKey) -> None:
    _, revoked = make_key()
    store.revoke_key(revoked.id, now=NOW)
    _, over = make_key(expires=NOW)
    for key in (revoked, over):
        with pytest.raises(ApiKeyNotFound):
            store.rotate_key(key.id, overlap=timedelta(hours=1), now=NOW)


def test_a_replica_sees_a_revocation_within_two_seconds(address: str, store: Store, make_key: MakeKey) -> None:
    text, key = make_key()
    other = Store(address)
    ring = KeyRing(other)
    assert ring.identify(text, SECOND) == key
    store.revoke_key(key.id, now=NOW)
    assert ring.identify(text, SECOND + REMEMBERED_S - 0.01) == key
    with pytest.raises(ApiKeyInvalid):
        ring.identify(text, SECOND + REMEMBERED_S)
    other.close()


def test_an_unknown_key_and_a_wrong_secret_are_invalid(store: Store, make_key: MakeKey) -> None:
    text, _ = make_key()
    ring = KeyRing(store)
    for wrong in (text[:-1] + ("A" if text[-1] != "A" else "B"), "ct_live_zzzzzzzz" + text[16:]):
        with pytest.raises(ApiKeyInvalid):
            ring.identify(wrong, SECOND)
    assert ring.identify(text, SECOND).tenant == "acme"


def test_the_secret_is_nowhere_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "accounts.sqlite"
    store = Store(str(path))
    text, _ = store.create_key(tenant="acme", scopes=[KeyScope.ADMIN_KEYS], now=NOW)
    KeyRing(store).identify(text, SECOND)
    files = list(path.parent.iterdir())  # while it is open: with the log of changes
    assert len(files) > 1
    assert not any(text[17:].encode() in file.read_bytes() for file in files)
    store.close()


def test_the_file_is_its_owners_only(tmp_path: Path) -> None:
    path = tmp_path / "accounts.sqlite"
    path.touch(0o644)
    store = Store(str(path))
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}
    store.close()


def test_a_store_that_is_opened_again_is_as_it_was(address: str, store: Store, make_key: MakeKey) -> None:
    _, key = make_key()
    store.close()
    again = Store(address)
    assert again.list_keys() == [key]
    again.close()


def test_replicas_that_start_at_once_make_the_tables_once(address: str) -> None:
    failed = []

    def start() -> None:
        try:
            Store(address).close()
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_a_store_of_a_newer_program_is_left_alone(address: str) -> None:
    database = Database(read_address(address))
    migrate(database)
    with database.transaction() as transaction:
        transaction.change("UPDATE schema_version SET version = ?", (len(MIGRATIONS) + 1,))
    database.close()
    with pytest.raises(AccountsUnavailable, match="update"):
        Store(address)


def test_many_threads_share_a_few_connections(store: Store, make_key: MakeKey) -> None:
    _, key = make_key()
    found = []
    threads = [
        threading.Thread(target=lambda: found.extend(store.find_key(key.id) for _ in range(5))) for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [key] * 80
