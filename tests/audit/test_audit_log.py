"""The log keeps every line in its place, and shows what was done to it."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clock_train.audit.log import AuditLog, FolderChain, lines_of, log_files, verify
from clock_train.audit.shipping import compare, ship
from clock_train.audit.signing import open_signer
from clock_train.cli.main import run
from clock_train.errors import AuditDamaged, AuditUnwritable
from clock_train.storage.opening import open_storage

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


def log_with(folder: Path, count: int, *, max_file_bytes: int = 1 << 20) -> AuditLog:
    log = AuditLog(folder / "log", open_signer(folder / "signing.key"), max_file_bytes=max_file_bytes)
    for n in range(count):
        log.append("issued", {"payload": f"{n:012x}", "voice": "anna"}, now=NOW)
    return log


def edited(path: Path, number: int, change: dict[str, object] | None) -> None:
    """Change a line, or take it out."""
    lines = path.read_text().splitlines()
    if change is None:
        del lines[number]
    else:
        values = {**json.loads(lines[number]), **change}
        lines[number] = json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    path.write_text("".join(line + "\n" for line in lines))


def test_every_line_is_verified(tmp_path: Path) -> None:
    log = log_with(tmp_path, 5)
    summary = verify(log.folder)
    assert (summary.num_lines, summary.num_files) == (5, 1)
    assert summary.public_keys == (open_signer(tmp_path / "signing.key").public_key,)
    assert [line["voice"] for line in lines_of(log.folder, f"{3:012x}")] == ["anna"]


def test_a_full_file_is_followed_by_another_and_the_chain_goes_on(tmp_path: Path) -> None:
    log = log_with(tmp_path, 12, max_file_bytes=1200)
    assert len(log_files(log.folder)) > 2
    assert verify(log.folder).num_lines == 12


@pytest.mark.parametrize(
    ("number", "change", "message"),
    [
        (1, {"voice": "ben"}, "line 2 .*was changed, or signed by another key"),
        (2, None, "line 3 .*has number 4 where 3 belongs: lines are missing"),
        (0, None, "line 1 .*has number 2 where 1 belongs"),
        (3, {"prev": "0" * 64}, "line 4 .*does not follow the line before"),
    ],
)
def test_a_changed_or_missing_line_is_named(
    number: int, change: dict[str, object] | None, message: str, tmp_path: Path
) -> None:
    log = log_with(tmp_path, 5)
    edited(log_files(log.folder)[0], number, change)
    with pytest.raises(AuditDamaged, match=message):
        verify(log.folder)


def test_a_log_rewritten_with_another_key_is_refused_where_the_right_one_is_known(tmp_path: Path) -> None:
    right = open_signer(tmp_path / "right.key").public_key
    log = log_with(tmp_path, 3)
    with pytest.raises(AuditDamaged, match=r"line 1 .*signed by another key"):
        verify(log.folder, public_key=right)


def test_a_file_of_the_log_that_is_gone_is_missed(tmp_path: Path) -> None:
    log = log_with(tmp_path, 12, max_file_bytes=1200)
    log_files(log.folder)[1].unlink()
    with pytest.raises(AuditDamaged, match="lines are missing"):
        verify(log.folder)


def test_a_line_torn_by_a_crash_is_cut_off_by_the_next(tmp_path: Path) -> None:
    log = log_with(tmp_path, 3)
    path = log_files(log.folder)[0]
    path.write_bytes(path.read_bytes() + b'{"seq": 4, "half')
    log.append("issued", {"payload": "0" * 12}, now=NOW)
    assert verify(log.folder).num_lines == 4


def test_many_writers_share_one_chain(tmp_path: Path) -> None:
    log_with(tmp_path, 1)
    threads = [threading.Thread(target=log_with, args=(tmp_path, 10)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert verify(tmp_path / "log").num_lines == 41


def test_a_log_that_cannot_be_written_says_that_nothing_was_spoken(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a file where the folder belongs")
    with pytest.raises(AuditUnwritable, match="so nothing was spoken") as caught:
        log_with(tmp_path, 1)
    assert caught.value.exit_code == 3


def test_a_signing_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    log_with(tmp_path, 1)
    (tmp_path / "signing.key").chmod(0o644)
    with pytest.raises(AuditDamaged, match="chmod 600"):
        log_with(tmp_path, 1)


def test_shipping_copies_what_is_new_and_nothing_twice(tmp_path: Path) -> None:
    log, store = log_with(tmp_path, 12, max_file_bytes=1200), open_storage(tmp_path / "store")
    assert len(ship(FolderChain(log.folder), store, "local/audit")) == len(log_files(log.folder))
    assert ship(FolderChain(log.folder), store, "local/audit") == []
    log.append("issued", {"payload": "f" * 12}, now=NOW)
    assert len(ship(FolderChain(log.folder), store, "local/audit")) == 1


def test_cutting_off_the_end_shows_against_the_shipped_copy(tmp_path: Path) -> None:
    log, store = log_with(tmp_path, 5), open_storage(tmp_path / "store")
    ship(FolderChain(log.folder), store, "local/audit")
    edited(log_files(log.folder)[0], 4, None)
    assert verify(log.folder).num_lines == 4  # the chain alone cannot know
    with pytest.raises(AuditDamaged, match="lines were cut off or changed"):
        compare(FolderChain(log.folder), store, "local/audit")
    log_files(log.folder)[0].unlink()
    with pytest.raises(AuditDamaged, match="is gone, but was shipped"):
        compare(FolderChain(log.folder), store, "local/audit")


def test_the_commands_verify_ship_and_find(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = log_with(tmp_path, 3).folder
    assert run(["audit", "ship", "--log", str(folder), "--to", str(tmp_path / "store")]) == 0
    assert run(["audit", "verify", "--log", str(folder), "--shipped", str(tmp_path / "store"), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out.partition("written to")[2].partition("\n")[2])
    assert (facts["lines"], facts["comparedFiles"]) == (3, 1)
    assert run(["audit", "find", f"{1:012x}", "--log", str(folder), "--json"]) == 0
    assert [line["seq"] for line in json.loads(capsys.readouterr().out)] == [2]
    edited(log_files(folder)[0], 1, {"voice": "ben"})
    assert run(["audit", "verify", "--log", str(folder)]) == 2
    assert "AuditDamaged: line 2" in capsys.readouterr().err
