"""A store that is away is said within a bound, lets nobody in, and serves again when it is back."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from account_values import NOW, MakeKey
from postgres_server import PostgresServer

from clock_train.accounts.dialects import TIMEOUT_S
from clock_train.accounts.gatekeeper import Gatekeeper
from clock_train.accounts.key_ring import KeyRing
from clock_train.accounts.keys import KeyScope, new_key_text
from clock_train.accounts.store import Store
from clock_train.errors import AccountsUnavailable, ApiKeyInvalid

BOUND_S = 6 * TIMEOUT_S
"""Waiting for a connection, for one that was lost, and for a new one."""


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[PostgresServer]:
    server = PostgresServer()
    yield server
    server.close()


def ask_until_back(store: Store) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            store.find_key("abcd1234")
            return
        except AccountsUnavailable:
            assert time.monotonic() < end
            time.sleep(0.05)


def test_a_postgres_that_is_killed_is_said_at_once_and_used_again_when_it_is_back(
    own_postgres: PostgresServer,
) -> None:
    store = Store(own_postgres.new_database("killed"))
    text, key = store.create_key(tenant="acme", scopes=[KeyScope.SPEECH_SYNTHESIZE], now=NOW)
    own_postgres.kill()
    began = time.monotonic()
    ring = KeyRing(store)
    for presented in (text, new_key_text()[0]):
        with pytest.raises(AccountsUnavailable, match="killed") as away:
            ring.identify(presented, NOW.timestamp())
        assert text[17:] not in str(away.value)
    with pytest.raises(AccountsUnavailable):
        store.take_requests(key.quota_id, want=1, limit=1, now=NOW.timestamp())
    assert time.monotonic() - began < BOUND_S
    own_postgres.start()
    ask_until_back(store)
    assert ring.identify(text, NOW.timestamp()) == key
    with pytest.raises(ApiKeyInvalid):
        ring.identify(new_key_text()[0], NOW.timestamp())
    store.close()


def test_a_postgres_that_is_restarted_between_requests_is_not_noticed(own_postgres: PostgresServer) -> None:
    store = Store(own_postgres.new_database("restarted"))
    own_postgres.kill()
    own_postgres.start()
    assert store.find_key("abcd1234") is None
    store.close()


def test_a_postgres_that_is_silent_is_waited_for_no_longer_than_the_bound(own_postgres: PostgresServer) -> None:
    store = Store(own_postgres.new_database("silent"))
    assert own_postgres.process is not None
    # its helpers too: each connection has a process of its own
    pids = [own_postgres.process.pid, *own_postgres.children()]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        for _ in range(2):
            began = time.monotonic()
            with pytest.raises(AccountsUnavailable):
                store.find_key("abcd1234")
            assert time.monotonic() - began < BOUND_S
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    ask_until_back(store)
    store.close()


def test_usage_counted_while_the_store_is_away_is_written_when_it_is_back(own_postgres: PostgresServer) -> None:
    gatekeeper = Gatekeeper(own_postgres.new_database("kept"))
    text, _ = gatekeeper.store.create_key(tenant="acme", scopes=[KeyScope.SPEECH_SYNTHESIZE], now=NOW)
    key = gatekeeper.identify(f"Bearer {text}")
    reservation, _ = gatekeeper.reserve(key, "anna", 9)
    own_postgres.kill()
    gatekeeper.settle(reservation, characters=9, audio_seconds=1.0)
    with pytest.raises(AccountsUnavailable):
        gatekeeper.reserve(key, "anna", 9)
    own_postgres.start()
    ask_until_back(gatekeeper.store)
    gatekeeper.close()
    after = Store(own_postgres.address("kept"))
    (used,) = after.read_usage(now=time.time()).used.values()
    assert (used.characters, used.unsettled) == (9, 0)
    after.close()


def test_a_replica_that_ends_while_the_store_is_away_waits_for_it_a_while(
    own_postgres: PostgresServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    gatekeeper = Gatekeeper(own_postgres.new_database("ended"))
    text, _ = gatekeeper.store.create_key(tenant="acme", scopes=[KeyScope.SPEECH_SYNTHESIZE], now=NOW)
    reservation, _ = gatekeeper.reserve(gatekeeper.identify(f"Bearer {text}"), "anna", 9)
    own_postgres.kill()
    monkeypatch.setattr("clock_train.accounts.metering.CLOSE_S", 0.1)
    gatekeeper.settle(reservation, characters=9, audio_seconds=1.0)
    gatekeeper.close()
    assert "usage of this replica is not written, and will count as unsettled" in caplog.text
    own_postgres.start()
    after = Store(own_postgres.address("ended"))
    assert after.read_usage(now=time.time() + 11).unsettled == 9
    after.close()


def test_nothing_listens_at_the_address() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        with pytest.raises(AccountsUnavailable, match="refused") as away:
            Store(f"postgresql://clerk:pass-phrase@127.0.0.1:{taken.getsockname()[1]}/accounts")
    assert "pass-phrase" not in str(away.value)
    assert "clerk" not in str(away.value)


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"R\x00\x00\x00\x08\x00\x00\x00\x63", b"\xff" * 64]
)
def test_what_answers_is_no_postgres(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(answer)

        serving = threading.Thread(target=serve)
        serving.start()
        began = time.monotonic()
        with pytest.raises(AccountsUnavailable):
            Store(f"postgresql://clerk@127.0.0.1:{listening.getsockname()[1]}/accounts")
        assert time.monotonic() - began < BOUND_S
        serving.join()


def test_a_database_that_was_silent_is_not_asked_again_for_a_moment(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = store.database
    database._idle.clear()
    asked = []

    def connect(self: object) -> None:
        asked.append(1)
        raise OSError("no route to host")

    with monkeypatch.context() as patch:
        patch.setattr(type(database.dialect), "connect", connect)
        for _ in range(3):
            with pytest.raises(AccountsUnavailable):
                store.find_key("abcd1234")
    assert len(asked) == 1
    ask_until_back(store)


def test_a_connection_that_was_idle_for_long_is_not_used(store: Store) -> None:
    store.find_key("abcd1234")
    ((since, connection),) = store.database._idle
    store.database._idle[:] = [(since - 61, connection)]
    store.find_key("abcd1234")
    ((_, another),) = store.database._idle
    assert another is not connection


def test_a_sqlite_file_that_another_holds_is_waited_for_no_longer_than_the_bound(tmp_path: Path) -> None:
    path = tmp_path / "accounts.sqlite"
    store = Store(str(path))
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    with pytest.raises(AccountsUnavailable, match="locked"):
        store.find_key("abcd1234")
    assert time.monotonic() - began < BOUND_S
    holder.execute("ROLLBACK")
    holder.close()
    ask_until_back(store)
    store.close()


def test_a_file_that_is_no_database_is_said_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are my notes, and they are longer than a header of a database would be\n" * 20)
    before = path.read_bytes()
    with pytest.raises(AccountsUnavailable, match="not a database"):
        Store(str(path))
    assert path.read_bytes() == before


def test_a_path_where_nothing_can_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(AccountsUnavailable, match="file"):
        Store(str(tmp_path / "file" / "accounts.sqlite"))


def test_a_key_that_was_just_seen_works_for_two_seconds_more(
    store: Store, make_key: MakeKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, key = make_key()
    ring = KeyRing(store)
    ring.identify(text, NOW.timestamp())

    def away(key_id: str) -> None:
        raise AccountsUnavailable("away")

    monkeypatch.setattr(store, "find_key", away)
    assert ring.identify(text, NOW.timestamp() + 1.9) == key
    with pytest.raises(AccountsUnavailable):
        ring.identify(text, NOW.timestamp() + 2)
