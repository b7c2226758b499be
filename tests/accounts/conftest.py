"""Stores of both kinds for each test, on a real PostgreSQL that the session starts once."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from account_values import NOW, Clock, MakeKey
from postgres_server import PostgresServer

from clock_train.accounts.keys import ApiKey, KeyScope
from clock_train.accounts.metering import Meter
from clock_train.accounts.store import Store

BACKENDS = ("sqlite", "postgres")
_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    server = PostgresServer()
    yield server
    server.close()


@pytest.fixture(params=BACKENDS)
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a new, empty database."""
    if request.param == "sqlite":
        return str(tmp_path / "accounts.sqlite")
    return request.getfixturevalue("postgres").new_database(f"accounts{next(_numbers)}")


@pytest.fixture
def store(address: str) -> Iterator[Store]:
    opened = Store(address)
    yield opened
    opened.close()


@pytest.fixture
def make_key(store: Store) -> MakeKey:
    """A key of acme that may speak, or as told."""

    def make(**told: Any) -> tuple[str, ApiKey]:
        values = {"tenant": "acme", "scopes": [KeyScope.SPEECH_SYNTHESIZE], "now": NOW, **told}
        return store.create_key(**values)

    return make


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def meter(store: Store, clock: Clock) -> Meter:
    """Of a replica that writes when the test says so."""
    started = Meter(store, clock=clock)
    started.start(in_background=False)
    return started
