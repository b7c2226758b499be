"""The log is shipped as it grows, whatever becomes of storage, of the log, or of who writes it."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from clock_train.audit.keep_shipping import LogShipper
from clock_train.audit.log import AuditLog, FolderChain, chains_in, log_files, verify
from clock_train.audit.shipping import compare
from clock_train.audit.signing import open_signer
from clock_train.cli.log_shipping import shipping_log
from clock_train.cli.main import run
from clock_train.errors import StorageUnreachable
from clock_train.issuing.installation import FOLDER_VARIABLE, Installation
from clock_train.storage.folder import FolderStorage


class Shelf(FolderStorage):
    """A store that counts and can be away."""

    is_away = False
    puts: list[str]

    def put(self, key: str, source: bytes | Path) -> Any:
        if self.is_away:
            raise StorageUnreachable("the store is away")
        self.puts.append(key.rpartition("/")[2])
        return super().put(key, source)


def opened(folder: Path) -> Callable[[], AbstractContextManager[Sequence[FolderChain]]]:
    @contextmanager
    def chains() -> Iterator[Sequence[FolderChain]]:
        yield chains_in(folder)

    return chains


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    return AuditLog(tmp_path / "log", open_signer(tmp_path / "signing.key"), max_file_bytes=1200)


@pytest.fixture
def store(tmp_path: Path) -> Shelf:
    shelf = Shelf(tmp_path / "store")
    shelf.puts = []
    return shelf


def add(log: AuditLog, count: int) -> None:
    for n in range(count):
        log.append("issued", {"payload": f"{n:012x}"})


def test_only_what_is_new_is_shipped_and_over_the_ends_of_files(log: AuditLog, store: Shelf) -> None:
    shipper = LogShipper(opened(log.folder), store, "local/audit", clock=lambda: 0.0)
    assert shipper.look() == 0  # there is no log yet
    for count in (1, 1, 4, 3):
        store.puts.clear()
        before = len(log_files(log.folder))
        add(log, count)
        shipper.look(is_last=True)
        assert set(store.puts) <= {path.name for path in log_files(log.folder)[max(0, before - 1) :]}
        assert compare(FolderChain(log.folder), store, "local/audit") == len(log_files(log.folder))
        assert all(store.get(f"local/audit/{path.name}") == path.read_bytes() for path in log_files(log.folder))
    store.puts.clear()
    assert shipper.look(is_last=True) == 0 and store.puts == []


def test_a_shipper_that_begins_again_goes_on_where_the_copy_ends(log: AuditLog, store: Shelf) -> None:
    add(log, 9)
    LogShipper(opened(log.folder), store, "local/audit").look()
    add(log, 1)
    assert LogShipper(opened(log.folder), store, "local/audit").look() == 1


def test_an_own_log_is_looked_at_each_time_and_one_of_a_replica_that_ended_ever_more_seldom(
    log: AuditLog, store: Shelf, tmp_path: Path
) -> None:
    gone = AuditLog(log.folder / "replica-1", open_signer(tmp_path / "signing.key"))
    add(log, 1)
    add(gone, 1)
    now = [0.0]
    shipper = LogShipper(opened(log.folder), store, "local/audit", clock=lambda: now[0])
    assert shipper.look() == 2
    for now[0] in range(60, 3600, 60):
        shipper.look()
    add(log, 1)
    now[0] = 3600.0
    assert shipper.look() == 1
    add(gone, 1)
    now[0] = 4300.0
    assert shipper.look() == 1


def test_storage_that_is_away_is_said_and_what_waited_is_shipped_later(
    log: AuditLog, store: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    add(log, 2)
    store.is_away = True
    shipper = LogShipper(opened(log.folder), store, "local/audit")
    with caplog.at_level(logging.WARNING):
        assert shipper.look() == 0
    assert "is not shipped, and is tried again" in caplog.text
    add(log, 1)
    store.is_away = False
    assert shipper.look(is_last=True) > 0
    assert compare(FolderChain(log.folder), store, "local/audit") == len(log_files(log.folder))


def test_a_log_that_was_changed_is_said_and_never_written_over_the_copy(
    log: AuditLog, store: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    add(log, 2)
    shipper = LogShipper(opened(log.folder), store, "local/audit")
    shipper.look()
    (path,) = log_files(log.folder)
    kept = store.get(f"local/audit/{path.name}")
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:1]))
    with caplog.at_level(logging.ERROR):
        assert shipper.look(is_last=True) == 0
    assert "is NOT shipped" in caplog.text and "cut off or changed" in caplog.text
    assert store.get(f"local/audit/{path.name}") == kept


def test_a_server_ships_what_is_left_when_it_ends(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "issuing"))
    log = Installation().log()
    with shipping_log(str(tmp_path / "copy"), "acme"):
        log.append("issued", {"payload": "0" * 12})
    words = ["audit", "verify", "--shipped", str(tmp_path / "copy"), "--namespace", "acme", "--json"]
    assert run(words) == 0
    assert json.loads(capsys.readouterr().out)["comparedFiles"] == 1


WRITER = """
import sys
from pathlib import Path
from clock_train.audit.log import AuditLog
from clock_train.audit.signing import open_signer
folder = Path(sys.argv[1])
log = AuditLog(folder / "log", open_signer(folder / "signing.key"), max_file_bytes=20_000)
n = 0
while True:
    print(log.append("issued", {"payload": f"{n:012x}", "more": "x" * 3000})["seq"], flush=True)
    n += 1
"""


def test_a_writer_that_is_killed_loses_no_line_that_it_told_of(tmp_path: Path) -> None:
    told = 0
    for kill in range(3):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        for _ in range(15 + 7 * kill):
            told = int(writer.stdout.readline())
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait(timeout=30)
        assert verify(tmp_path / "log").num_lines >= told  # also before anybody writes again


@pytest.mark.parametrize("torn", [b'{"seq": 4, "half', b"{", b"\x00" * 100])
def test_a_line_torn_by_a_crash_is_no_damage_and_no_line(torn: bytes, tmp_path: Path, log: AuditLog) -> None:
    log = AuditLog(log.folder, open_signer(tmp_path / "signing.key"))
    add(log, 3)
    (path,) = log_files(log.folder)
    path.write_bytes(path.read_bytes() + torn)
    assert verify(log.folder).num_lines == 3
    assert FolderChain(log.folder).lines_of("0" * 12)
    add(log, 1)
    assert verify(log.folder).num_lines == 4


def test_lines_in_another_order_are_named(tmp_path: Path, log: AuditLog) -> None:
    from clock_train.errors import AuditDamaged

    log = AuditLog(log.folder, open_signer(tmp_path / "signing.key"))
    add(log, 4)
    (path,) = log_files(log.folder)
    one, two, three, four = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(one + three + two + four)
    with pytest.raises(AuditDamaged, match=r"line 2 .*has number 3 where 2 belongs"):
        verify(log.folder)
