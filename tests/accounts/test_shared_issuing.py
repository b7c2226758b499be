"""Replicas of a gateway on one database: no number is given twice, and each keeps a chain of its own that verifies."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from postgres_server import PostgresServer

from clock_train.accounts.database import Database
from clock_train.accounts.dialects import read_address
from clock_train.accounts.issue_chains import StoredChain, StoredLog, lines_of, stored_chains
from clock_train.accounts.mark_numbers import StoredNumbers
from clock_train.accounts.schema import MIGRATIONS, migrate
from clock_train.accounts.store import Store
from clock_train.audit.chain import verify_chain
from clock_train.audit.shipping import compare, ship, shipped_chains
from clock_train.audit.signing import Signer, open_signer
from clock_train.cli.main import run
from clock_train.errors import AccountsUnavailable, AuditDamaged, WatermarkPayloadInvalid
from clock_train.storage.opening import open_storage

MOST = 4095


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return open_signer(tmp_path / "signing.key")


def together(*works: Callable[[], Any]) -> None:
    """All at once."""
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)


def written(store: Store, chain: str, signer: Signer, count: int) -> StoredLog:
    log = StoredLog(store.database, chain, signer)
    for number in range(count):
        log.append("issued", {"payload": f"{number:012x}", "voice": "anna", "requestId": f"{chain}.{number}"})
    return log


def changed(store: Store, statement: str, values: Sequence[Any] = ()) -> None:
    with store.database.transaction() as transaction:
        assert transaction.change(statement, values)


def test_replicas_that_ask_at_once_get_one_number_for_a_name_and_none_twice(address: str) -> None:
    replicas = [Store(address) for _ in range(3)]
    names = [f"voice-{n}" for n in range(12)]
    found: list[dict[str, int]] = [{} for _ in replicas]

    def ask(at: int) -> None:
        numbers = StoredNumbers(replicas[at].database)
        for name in names[at:] + names[:at]:
            found[at][name] = numbers.number("voices", name, MOST)

    together(*(lambda at=at: ask(at) for at in range(3)))
    assert found[0] == found[1] == found[2]
    assert sorted(found[0].values()) == list(range(1, 13))
    assert StoredNumbers(replicas[0].database).number("consents", "voice-0", MOST) == 1, "consents count apart"
    for store in replicas:
        store.close()


def test_a_mark_that_has_no_room_for_another_voice_is_told(store: Store) -> None:
    numbers = StoredNumbers(store.database)
    assert [numbers.number("voices", name, 2) for name in ("anna", "ben", "anna")] == [1, 2, 1]
    with pytest.raises(WatermarkPayloadInvalid, match="2 voices have a number, and a mark has room for no more"):
        numbers.number("voices", "cleo", 2)
    assert numbers.number("voices", "ben", 2) == 2


def test_numbers_of_a_gateway_that_was_alone_are_taken_over_once_and_for_all(store: Store) -> None:
    alone = {"voices": {"anna": 1, "duo": 3}, "consents": {"c1": 1}}
    for _ in range(2):
        assert StoredNumbers(store.database).adopt(alone) == []
    numbers = StoredNumbers(store.database)
    asked = [numbers.number("voices", name, MOST) for name in ("anna", "duo", "ben")]
    assert (asked, numbers.number("consents", "c2", MOST)) == ([1, 3, 4], 2)
    other = {"voices": {"ben": 1, "cleo": 9, "duo": 3}}
    assert StoredNumbers(store.database).adopt(other) == ["ben"], "whose number is another's, and who has another"
    assert numbers.number("voices", "new", MOST) == 10


def test_replicas_write_side_by_side_and_every_chain_verifies(address: str, signer: Signer) -> None:
    replicas = {name: Store(address) for name in ("one", "two")}
    together(*(lambda name=name, store=store: written(store, name, signer, 8) for name, store in replicas.items()))
    chains = stored_chains(replicas["one"].database)
    assert [chain.name for chain in chains] == ["one", "two"]
    assert [verify_chain(chain).num_lines for chain in chains] == [8, 8]
    assert verify_chain(chains[0]).public_keys == (signer.public_key,)
    found = lines_of(replicas["two"].database, f"{3:012x}")
    assert [line["requestId"] for line in found] == ["one.3", "two.3"]
    assert chains[1].lines_of(f"{3:012x}") == found[1:]
    for store in replicas.values():
        store.close()


def test_many_threads_of_a_replica_write_one_chain(store: Store, signer: Signer) -> None:
    log = written(store, "one", signer, 1)
    together(*[lambda: [log.append("issued", {"payload": "0" * 12}) for _ in range(5)]] * 6)
    assert verify_chain(StoredChain(store.database, "one")).num_lines == 31


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE issue_lines SET line = REPLACE(line, 'anna', 'ben') WHERE seq = 2", "line 2 .*was changed"),
        ("DELETE FROM issue_lines WHERE seq = 1", "line 1 .*has number 2 where 1 belongs: lines are missing"),
        ("DELETE FROM issue_lines WHERE seq = 3", "line 3 .*has number 4 where 3 belongs"),
        ("UPDATE issue_lines SET line = 'x' WHERE seq = 4", "line 4 .*is no line of a log"),
    ],
)
def test_a_row_that_was_changed_or_taken_out_is_named(
    statement: str, message: str, store: Store, signer: Signer
) -> None:
    written(store, "one", signer, 5)
    changed(store, statement)
    (chain,) = stored_chains(store.database)
    with pytest.raises(AuditDamaged, match=message) as told:
        verify_chain(chain)
    assert 'the chain "one" in ' in str(told.value)


def test_long_chains_are_read_and_shipped_in_pieces(
    store: Store, signer: Signer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clock_train.accounts.issue_chains.PIECE_LINES", 4)
    log, kept = written(store, "one", signer, 10), open_storage(tmp_path / "store")
    (chain,) = stored_chains(store.database)
    assert ship(chain, kept, "voices/audit") == [f"voices/audit/one/{n:08d}.jsonl" for n in (1, 2, 3)]
    assert verify_chain(chain).num_lines == 10
    log.append("issued", {"payload": "f" * 12})
    assert ship(chain, kept, "voices/audit") == ["voices/audit/one/00000003.jsonl"]
    assert (compare(chain, kept, "voices/audit"), shipped_chains(kept, "voices/audit")) == (3, {"one"})
    changed(store, "DELETE FROM issue_lines WHERE seq > 8")
    with pytest.raises(AuditDamaged, match=r"00000003.jsonl of the chain .* is gone, but was shipped"):
        compare(chain, kept, "voices/audit")


def test_a_database_of_an_older_program_gets_what_replicas_share(address: str, signer: Signer) -> None:
    database = Database(read_address(address))
    with database.transaction() as transaction:
        for statement in MIGRATIONS[0]:
            transaction.change(statement)
        transaction.change("CREATE TABLE schema_version (version BIGINT NOT NULL)")
        transaction.change("INSERT INTO schema_version (version) VALUES (1)")
    migrate(database)
    assert StoredNumbers(database).number("voices", "anna", MOST) == 1
    assert StoredLog(database, "one", signer).append("issued", {"payload": "0" * 12})["seq"] == 1
    database.close()


def test_without_the_database_nothing_may_leave_and_the_chain_goes_on_after_it(
    signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = PostgresServer()
    try:
        store = Store(server.new_database("away"))
        log = written(store, "one", signer, 2)
        server.kill()
        with pytest.raises(AccountsUnavailable):
            log.append("issued", {"payload": "0" * 12})
        with pytest.raises(AccountsUnavailable):
            StoredNumbers(store.database).number("voices", "anna", MOST)
        server.start()
        monkeypatch.setattr(store.database, "_away_until", 0.0)
        log.append("issued", {"payload": "0" * 12})
        assert verify_chain(StoredChain(store.database, "one")).num_lines == 3
        store.close()
    finally:
        server.close()


def test_the_commands_read_what_gateways_keep(
    postgres: PostgresServer,
    signer: Signer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    address = postgres.new_database("commands")
    monkeypatch.setenv("CLOCKTRAIN_ISSUING", str(tmp_path / "issuing"))
    monkeypatch.setenv("CLOCKTRAIN_ACCOUNTS", address)
    store = Store(address)
    assert run(["audit", "verify"]) == 2
    assert "holds no log" in capsys.readouterr().err
    for name in ("gateway-a", "gateway-b"):
        written(store, name, signer, 3)
    assert run(["audit", "verify"]) == 0
    assert "2 chains fit, 6 lines" in capsys.readouterr().out
    shipped = str(tmp_path / "store")
    assert run(["audit", "ship", "--to", shipped, "--namespace", "voices"]) == 0
    capsys.readouterr()
    assert run(["audit", "verify", "--shipped", shipped, "--namespace", "voices", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["lines"], told["comparedFiles"], sorted(told["chains"])) == (6, 2, ["gateway-a", "gateway-b"])
    assert run(["audit", "find", f"{1:012x}", "--json"]) == 0
    assert [line["requestId"] for line in json.loads(capsys.readouterr().out)] == ["gateway-a.1", "gateway-b.1"]
    assert run(["audit", "verify", "--log", f"{shipped}/voices/audit"]) == 0, "the shipped copy verifies by itself"
    assert "2 chains fit, 6 lines" in capsys.readouterr().out
    changed(store, "DELETE FROM issue_lines WHERE chain = 'gateway-a'")
    assert run(["audit", "verify"]) == 0, "the others cannot know"
    assert run(["audit", "verify", "--shipped", shipped, "--namespace", "voices"]) == 2
    assert 'the chain "gateway-a" was shipped' in capsys.readouterr().err
    store.close()
