"""Mark and log must agree: payload, key, and that the sound left marked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clock_train.audit.log import AuditLog, lines_of
from clock_train.audit.signing import open_signer
from clock_train.errors import AuditDamaged
from clock_train.issuing.evidence import agreeing_lines, refuse_changed

ONE, OTHER = "00400100c2b5", "00400200c2b5"


def segment(payload: str | None, key: str = "key-1", quarter: str = "2026Q2") -> dict[str, Any]:
    return {"payload": payload, "keyId": key, "quarter": quarter}


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    log = AuditLog(tmp_path / "log", open_signer(tmp_path / "signing.key"))
    common = {"quarter": "2026Q2", "marked": True}
    log.append("issued", {"payload": ONE, "keyId": "key-1", "voice": "anna", **common})
    log.append("issued", {"payload": ONE, "keyId": "key-2", "voice": "copied key number", **common})
    log.append("issued", {"payload": ONE, "keyId": "key-1", "voice": "left unmarked", **common, "marked": False})
    log.append("issued", {"payload": OTHER, "keyId": "key-1", "voice": "ben", **common})
    return log


def voices(log: AuditLog, *segments: dict[str, Any]) -> list[str]:
    return [line["voice"] for line in agreeing_lines(segments, lambda payload: lines_of(log.folder, payload))]


def test_only_lines_of_the_same_payload_and_key_agree(log: AuditLog) -> None:
    assert voices(log, segment(ONE)) == ["anna"]
    assert voices(log, segment(ONE, quarter="2026Q1")) == []
    assert voices(log, segment(None)) == []


def test_a_splice_of_two_sounds_names_the_lines_of_both(log: AuditLog) -> None:
    assert voices(log, segment(ONE), segment(None), segment(OTHER), segment(ONE)) == ["anna", "ben"]


def test_a_line_that_was_changed_or_is_another_signers_is_no_evidence(log: AuditLog, tmp_path: Path) -> None:
    lines = lines_of(log.folder, ONE)
    own = open_signer(tmp_path / "signing.key").public_key
    refuse_changed(lines, own)
    with pytest.raises(AuditDamaged, match=r"line 1 of the log.*was changed"):
        refuse_changed([{**lines[0], "voice": "ben"}], own)
    with pytest.raises(AuditDamaged, match="another key"):
        refuse_changed(lines, open_signer(tmp_path / "other.key").public_key)
