"""Rules of how long recordings are kept, and that exactly what is over goes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from small_world import World, everything, make_world  # pyright: ignore[reportMissingImports]

from clock_train.cli.main import run
from clock_train.consent.record import ConsentRecord, licence_record
from clock_train.erasure.verifying import verify_receipt
from clock_train.errors import ConfigValueInvalid, StorageUnreachable
from clock_train.issuing.installation import Installation
from clock_train.privacy.expiring import Places, expire, overdue
from clock_train.privacy.retention import RULES, RetentionRules, due_dates, read_rules, write_rules

GIVEN = datetime(2026, 1, 1, tzinfo=UTC)
ENDS = GIVEN + timedelta(days=100)


def consent(
    speaker: str = "anna", *, given: datetime = GIVEN, until: datetime = ENDS, number: int = 1
) -> ConsentRecord:
    return ConsentRecord(
        id=f"{speaker}-{number}",
        kind="statement",
        speaker_id=speaker,
        purposes=["private"],
        territories=["worldwide"],
        expiration_time=until.isoformat(),
        consent_time=given.isoformat(),
        text_version="statement-1",
        statement="I agree.",
        statement_sha256=f"{number:064x}",
        recordings_sha256="ab" * 32,
    )


def ends(records: list[ConsentRecord], rules: RetentionRules, revoked: dict[str, str] | None = None) -> list[datetime]:
    return [due.at for due in due_dates(records, revoked or {}, rules)]


@pytest.mark.parametrize(
    ("rules", "days"),
    [
        (RetentionRules(), []),
        (RetentionRules(recordings_days=30), [30]),
        (RetentionRules(after_consent_days=7), [107]),
        (RetentionRules(recordings_days=30, after_consent_days=7), [30]),
        (RetentionRules(recordings_days=300, after_consent_days=7), [107]),
        (RetentionRules(recordings_days=0), [0]),
    ],
)
def test_the_rule_that_ends_first_counts(rules: RetentionRules, days: list[int]) -> None:
    assert ends([consent()], rules) == [GIVEN + timedelta(days=each) for each in days]


def test_a_newer_consent_keeps_the_recordings_and_a_revoked_one_does_not() -> None:
    later = consent(given=GIVEN + timedelta(days=50), until=ENDS + timedelta(days=50), number=2)
    both, rules = [consent(), later], RetentionRules(recordings_days=10)
    assert ends(both, rules) == [GIVEN + timedelta(days=60)]
    rules = RetentionRules(after_consent_days=0)
    assert ends(both, rules) == [ENDS + timedelta(days=50)]
    taken_back = {"anna-2": (GIVEN + timedelta(days=60)).isoformat()}
    assert ends(both, rules, taken_back) == [ENDS]
    assert ends([later], rules, taken_back) == [GIVEN + timedelta(days=60)]


def test_a_licence_without_end_has_none_until_it_is_taken_back() -> None:
    record = licence_record(speaker_id="l", licence="CC0", licence_uri="", attribution="", recordings_sha256="0" * 64)
    rules = RetentionRules(recordings_days=1, after_consent_days=1)
    assert ends([record], rules) == []
    assert ends([record], rules, {record.id: GIVEN.isoformat()}) == [GIVEN + timedelta(days=1)]


@pytest.mark.parametrize("days", [-1, 40_000, 1.5, True, "7"])
def test_days_that_are_none_are_refused(days: object) -> None:
    with pytest.raises(ConfigValueInvalid, match="whole days from 0 to"):
        RetentionRules(recordings_days=days)  # type: ignore[arg-type]


@pytest.mark.parametrize("content", ["", "[]", '{"days": 3}', '{"recordings_days": "3"}'])
def test_rules_that_cannot_be_read_are_no_rules_to_erase_by(tmp_path: Path, content: str) -> None:
    (tmp_path / RULES).write_text(content)
    with pytest.raises(ConfigValueInvalid):
        read_rules(tmp_path)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path / "world")


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    monkeypatch.setenv("CLOCKTRAIN_ISSUING", str(tmp_path / "issuing"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    own = Installation()
    own.consents().keep(consent("anna"))
    own.consents().keep(consent("ben", until=ENDS + timedelta(days=400), number=2))
    write_rules(own.folder, RetentionRules(after_consent_days=7))
    yield own


def places(world: World) -> Places:
    return Places(stores=[world.store], folders=[world.folder])


def test_recordings_and_corpora_go_with_a_receipt_and_voices_stay(world: World, installation: Installation) -> None:
    before = everything(world.root)
    assert list(expire(places(world), installation, now=ENDS)) == [] and everything(world.root) == before

    (done,) = expire(places(world), installation, now=ENDS + timedelta(days=7))

    after = everything(world.root)
    gone = before.keys() - after.keys()
    assert gone == {
        key
        for key in before
        if key.startswith(("work/recordings/anna/", "work/corpora/anna/", "store/local/corpora/anna/"))
        or key.startswith("work/corpora/both/audio/anna")
    }
    assert "anna" not in after["work/corpora/both/manifest.jsonl"].decode()
    changed = {key for key in after.keys() & before.keys() if after[key] != before[key]}
    assert changed == {"work/corpora/both/manifest.jsonl"}
    assert done.receipt is not None and done.due.speaker == "anna"
    receipt = verify_receipt(done.receipt.read_bytes(), installation.trusted_keys(), where="it").receipt
    assert receipt.scope == "recordings" and receipt.reason == "retention: 7 days after the last consent ended"
    assert receipt.retired_bases == []
    assert list(expire(places(world), installation, now=ENDS + timedelta(days=8))) == []


def test_a_dry_run_changes_nothing(world: World, installation: Installation) -> None:
    before = everything(world.root)
    (found,) = expire(places(world), installation, now=ENDS + timedelta(days=7), is_dry=True)
    assert found.receipt is None and found.num_objects > 5 and everything(world.root) == before


def test_a_clock_that_is_moved_back_gives_no_more_time(world: World, installation: Installation) -> None:
    assert [due.speaker for due in overdue(installation, ENDS + timedelta(days=7))] == ["anna"]
    assert [due.speaker for due in overdue(installation, GIVEN)] == ["anna"]


def test_a_store_that_is_away_is_told_and_the_next_run_goes_on(
    world: World, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    both = Places(stores=["s3://bucket", world.store], folders=[world.folder])
    with pytest.raises(StorageUnreachable):
        list(expire(both, installation, now=ENDS + timedelta(days=7)))
    (done,) = expire(places(world), installation, now=ENDS + timedelta(days=7))
    assert done.receipt is not None


def test_the_commands(
    world: World, installation: Installation, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["privacy", "retention", "--recordings-days", "30"]) == 0
    said = capsys.readouterr().out
    assert "kept 30 days after the newest consent" in said and "2026-01-31  anna" in said
    assert run(["privacy", "retention", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["recordingsDays"], told["afterConsentDays"]) == (30, None) and len(told["speakers"]) == 2
    assert run(["privacy", "expire"]) == 2
    assert "no place is named" in capsys.readouterr().err
    named = ["--folder", str(world.folder), "--store", world.store]
    assert run(["privacy", "expire", *named, "--dry-run"]) == 0
    assert capsys.readouterr().out.count("would be erased") == 2
    assert run(["privacy", "expire", *named, "--json"]) == 0
    receipts = [each["receipt"] for each in json.loads(capsys.readouterr().out)]
    assert len(receipts) == 2
    assert run(["erase", "verify", receipts[0]]) == 0
    assert "none is left" in capsys.readouterr().out
    assert run(["privacy", "expire", *named]) == 0
    assert capsys.readouterr().out == "nothing is over\n"
    assert run(["privacy", "retention", "--none", "--recordings-days", "3"]) == 2
    assert "takes all rules away" in capsys.readouterr().err
    assert run(["privacy", "retention", "--none"]) == 0
    assert "no rule" in capsys.readouterr().out
    assert run(["privacy", "retention", "--recordings-days", "-1"]) == 2


def test_recordings_can_be_erased_by_hand(
    world: World, installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["erase", "recordings", "anna", "--folder", str(world.folder), "--yes", "--json"]
    assert run(words) == 0
    assert json.loads(capsys.readouterr().out)["complete"]
    assert (world.folder / "runs" / "anna" / "voice" / "voice.json").exists()
    assert not (world.folder / "recordings" / "anna").exists() or not any((world.folder / "recordings/anna").iterdir())
