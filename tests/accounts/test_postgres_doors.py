"""A PostgreSQL that asks for a password, and one behind TLS."""

from __future__ import annotations

from pathlib import Path

import pytest
from postgres_server import PostgresServer
from tls_front import tls_front, write_certificate

from clock_train.accounts.store import Store
from clock_train.errors import AccountsUnavailable


@pytest.fixture(scope="module")
def clerks(postgres: PostgresServer) -> str:
    """A database of a user with a password."""
    postgres.sql("postgres", "CREATE ROLE clerk LOGIN PASSWORD 'pass-phrase'")
    postgres.sql("postgres", "CREATE DATABASE clerks OWNER clerk")
    return f"127.0.0.1:{postgres.port}/clerks"


def test_a_user_who_owns_the_database_needs_no_other_right(clerks: str, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("pass-phrase\n")
    store = Store(f"postgresql://clerk@{clerks}?passwordfile={tmp_path / 'password'}")
    assert store.list_keys() == []
    store.close()


@pytest.mark.parametrize("user", ["clerk", "clerk:wrong-phrase"])
def test_a_wrong_password_is_said_without_it(clerks: str, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGPASSWORD", raising=False)
    with pytest.raises(AccountsUnavailable, match="password") as refused:
        Store(f"postgresql://{user}@{clerks}")
    assert "wrong-phrase" not in str(refused.value)


def test_a_server_that_proves_who_it_is_is_talked_to(clerks: str, postgres: PostgresServer, tmp_path: Path) -> None:
    certificate = write_certificate(tmp_path, address="127.0.0.1")
    with tls_front(certificate, postgres.port) as port:
        address = f"postgresql://clerk:pass-phrase@127.0.0.1:{port}/clerks"
        store = Store(f"{address}?sslmode=verify-full&sslrootcert={certificate}")
        assert store.list_keys() == []
        store.close()


def test_a_server_that_cannot_prove_it_is_not_unless_told(
    clerks: str, postgres: PostgresServer, tmp_path: Path
) -> None:
    another = write_certificate(tmp_path, address="127.0.0.2")
    with tls_front(another, postgres.port) as port:
        address = f"postgresql://clerk:pass-phrase@127.0.0.1:{port}/clerks"
        for proof in ("verify-full", f"verify-full&sslrootcert={another}"):  # nobody vouches; another's address
            with pytest.raises(AccountsUnavailable, match="certificate"):
                Store(f"{address}?sslmode={proof}")
        store = Store(f"{address}?sslmode=require")
        assert store.list_keys() == []
        store.close()


def test_a_server_without_tls_is_not_talked_to_in_the_clear(clerks: str) -> None:
    with pytest.raises(AccountsUnavailable, match="SSL"):
        Store(f"postgresql://clerk:pass-phrase@{clerks}?sslmode=require")
