"""Who spoke with a voice or read it, as the log tells."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clock_train.audit.accesses import UNNAMED, accesses_of
from clock_train.audit.log import chains_in, verify
from clock_train.cli.main import run
from clock_train.errors import AuditUnwritable
from clock_train.issuing.access import SERVER, Access, record_access
from clock_train.issuing.installation import Installation
from clock_train.issuing.issuer import Issuer


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    own = Installation(tmp_path / "own")
    issuer = Issuer(own)
    for by in ("key:abc", "key:abc", "key:def"):
        issuer.begin(text="hello", voice="anna/mia", consent_ids=["c1"], sample_rate_hz=16_000, by=by)
    issuer.begin(text="hello", voice="annabel", consent_ids=[], sample_rate_hz=16_000)
    record_access(own, Access.LOAD, voice="anna@2", by=SERVER, digest="d", speakers=["mia"], consent_ids=["c1"])
    record_access(own, Access.TRAIN, speakers=["mia", "ben"], digest="r")
    return own


def test_speaking_and_reading_are_told_of_a_voice_and_of_nobody_elses(installation: Installation) -> None:
    found = list(accesses_of(chains_in(installation.log_folder), name="anna"))
    assert [(line.access, line.by) for line in found] == [
        ("speak", "key:abc"), ("speak", "key:abc"), ("speak", "key:def"), ("load", "server"),
    ]  # fmt: skip
    assert found[-1].consent_ids == ("c1",) and found[0].request_id


def test_a_speaker_is_found_by_the_pseudonym(installation: Installation) -> None:
    chains = chains_in(installation.log_folder)
    assert [line.access for line in accesses_of(chains, name="mia")] == ["speak"] * 3 + ["load", "train"]
    assert [line.access for line in accesses_of(chains, name="ben")] == ["train"]
    assert [line.voice for line in accesses_of(chains, by=f"user:{os.getuid()}")] == ["annabel", None]
    assert list(accesses_of(chains, since=datetime.now(UTC) + timedelta(days=1))) == []


def test_the_lines_are_in_the_chain_and_one_that_is_changed_is_seen(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CLOCKTRAIN_ISSUING", str(installation.folder))
    assert verify(installation.log_folder).num_lines == 6
    (path,) = installation.log_folder.glob("*.jsonl")
    path.write_text(path.read_text().replace('"access":"load"', '"access":"tune"'))
    assert run(["audit", "verify"]) == 2
    assert "line 5" in capsys.readouterr().err


def test_the_command_counts_and_the_json_has_every_line(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CLOCKTRAIN_ISSUING", str(installation.folder))
    assert run(["audit", "access", "--voice", "anna"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows[0][:4] == ["VOICE", "ACCESS", "BY", "TIMES"]
    assert ["anna/mia", "speak", "key:abc", "2"] in [row[:4] for row in rows]
    assert run(["audit", "access", "--by", "key:def", "--json"]) == 0
    (line,) = json.loads(capsys.readouterr().out)
    assert line["voice"] == "anna/mia" and line["consentIds"] == ["c1"]
    assert run(["audit", "access", "--voice", "nobody"]) == 0
    assert capsys.readouterr().out == "no line\n"
    assert run(["audit", "access", "--since", "2999-01-01", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_a_line_of_before_names_nobody(tmp_path: Path) -> None:
    own = Installation(tmp_path / "own")
    own.log().append("issued", {"voice": "anna", "payload": "0", "requestId": "r", "consentIds": []})
    (line,) = accesses_of(chains_in(own.log_folder))
    assert line.by == UNNAMED


def test_nothing_is_read_where_its_line_cannot_be_written(tmp_path: Path) -> None:
    own = Installation(tmp_path / "own")
    own.signer()
    own.log_folder.write_text("a file where the log should be")
    with pytest.raises(AuditUnwritable):
        record_access(own, Access.EXPORT, voice="anna@1")
