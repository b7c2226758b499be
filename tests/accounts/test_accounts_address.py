"""Where accounts are kept: paths and URLs, with passwords that are never said again."""

from __future__ import annotations

import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from clock_train.accounts.dialects import PostgresDialect, SqliteDialect, read_address
from clock_train.errors import ConfigValueInvalid


def postgres(address: str) -> PostgresDialect:
    dialect = read_address(address)
    assert isinstance(dialect, PostgresDialect)
    return dialect


def test_a_path_is_a_sqlite_file() -> None:
    assert read_address("here/accounts.sqlite") == SqliteDialect(path=Path("here/accounts.sqlite"))


def test_a_url_names_host_port_database_user_and_password() -> None:
    found = postgres("postgresql://clerk:p%40ss%2Fword@db.example:6543/acc%20ounts")
    assert (found.host, found.port, found.database) == ("db.example", 6543, "acc ounts")
    assert (found.user, found.password) == ("clerk", "p@ss/word")
    assert postgres("postgres://clerk@db.example/accounts").port == 5432


def test_the_password_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "from-environment")
    assert postgres("postgresql://clerk@localhost/accounts").password == "from-environment"
    assert postgres("postgresql://clerk:own@localhost/accounts").password == "own"


def test_the_password_may_come_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "from-environment")
    (tmp_path / "password").write_text("from file \n")
    assert postgres(f"postgresql://clerk@localhost/accounts?passwordfile={tmp_path}/password").password == "from file "
    with pytest.raises(ConfigValueInvalid, match="absent"):
        postgres(f"postgresql://clerk@localhost/accounts?passwordfile={tmp_path}/absent")


def test_no_password_is_in_what_is_said_of_the_address() -> None:
    found = postgres("postgresql://clerk:pass-phrase@db.example/accounts")
    assert "pass-phrase" not in repr(found) + found.place
    assert found.place == 'the PostgreSQL database "accounts" at db.example:5432'


@pytest.mark.parametrize(
    "address",
    [
        "",
        "mysql://clerk:pass-phrase@db/accounts",
        "postgresql://clerk:pass-phrase@db",
        "postgresql://:pass-phrase@db/accounts",
        "postgresql:///accounts?user=pass-phrase",
        "postgresql://clerk:pass-phrase@db:port/accounts",
        "postgresql://clerk:pass-phrase@[db/accounts",
        "postgresql://clerk:pass-phrase@db/accounts?sslmode=perhaps",
        "postgresql://clerk:pass-phrase@db/accounts?options=x",
        "postgresql://clerk:pass-phrase@db/accounts?sslmode",
        "postgresql://clerk:pass-phrase@db/accounts?sslrootcert=/absent.pem",
    ],
)
def test_what_is_no_address_is_refused_without_repeating_it(address: str) -> None:
    with pytest.raises(ConfigValueInvalid) as refused:
        read_address(address)
    assert "pass-phrase" not in str(refused.value)


def test_a_server_elsewhere_must_prove_who_it_is_unless_told_otherwise() -> None:
    strict = postgres("postgresql://clerk@db.example/accounts").tls
    assert strict is not None
    assert (strict.verify_mode, strict.check_hostname) == (ssl.CERT_REQUIRED, True)
    loose = postgres("postgresql://clerk@db.example/accounts?sslmode=require").tls
    assert loose is not None
    assert loose.verify_mode == ssl.CERT_NONE
    assert postgres("postgresql://clerk@db.example/accounts?sslmode=disable").tls is None
    assert postgres("postgresql://clerk@127.0.0.1/accounts").tls is None


def test_sqlite_needs_no_driver_of_postgres() -> None:
    code = (
        "import sys; sys.modules['pg8000'] = None\n"
        "from clock_train.accounts.gatekeeper import Gatekeeper\n"
        "from clock_train.accounts.dialects import read_address\n"
        "read_address('accounts.sqlite')\n"
        "try: read_address('postgresql://clerk@localhost/accounts')\n"
        "except ModuleNotFoundError as error: print(error.name)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.startswith("pg8000")
