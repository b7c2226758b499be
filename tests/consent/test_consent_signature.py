"""Whose word a record is: signed by a trusted key, whole, and by the registry neither replayed nor revived."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from clock_train.audit.signing import Signer, open_signer
from clock_train.consent.challenge import WORDS, Challenge, new_challenge
from clock_train.consent.record import ConsentRecord, read_record, write_record
from clock_train.consent.registry import ConsentRegistry
from clock_train.consent.signature import check_signature, signed
from clock_train.errors import (
    AuditDamaged,
    AuditUnwritable,
    ConsentForged,
    ConsentInvalid,
    ConsentMissing,
    ConsentUnsigned,
    StatementReplayed,
)

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return open_signer(tmp_path / "signing.key")


@pytest.fixture
def registry(tmp_path: Path, signer: Signer) -> ConsentRegistry:
    return ConsentRegistry(tmp_path / "consents", signer, [signer.public_key])


def statement(**changes: object) -> ConsentRecord:
    values = {
        "id": "anna-2026",
        "kind": "statement",
        "speaker_id": "anna",
        "purposes": ["customer-service"],
        "territories": ["CN"],
        "expiration_time": "2027-12-31T00:00:00Z",
        "text_version": "statement-1",
        "statement": "I agree.",
        "statement_sha256": "ab" * 32,
        "recordings_sha256": "cd" * 32,
    }
    return ConsentRecord(**{**values, **changes})  # type: ignore[arg-type]


def challenge(**changes: object) -> Challenge:
    values = {
        "speaker_id": "anna",
        "language": "en",
        "purposes": ["customer-service"],
        "territories": ["CN"],
        "until": date(2027, 12, 31),
        "now": NOW,
    }
    return new_challenge(**{**values, **changes})  # type: ignore[arg-type]


def test_a_signed_record_is_taken_and_an_unsigned_one_is_not(signer: Signer) -> None:
    record = signed(statement(), signer)
    check_signature(record, [signer.public_key])
    with pytest.raises(ConsentUnsigned, match=r'"anna-2026" is not signed. Sign it where the consent was given'):
        check_signature(statement(), [signer.public_key])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("purposes", ["advertising"]),
        ("territories", ["worldwide"]),
        ("expiration_time", "2099-12-31T00:00:00Z"),
        ("speaker_id", "ben"),
        ("recordings_sha256", "ef" * 32),
        ("id", "anna-2027"),
        ("revoked", True),
        ("word_error_rate", 0.0),
    ],
)
def test_every_altered_field_is_seen(signer: Signer, field: str, value: object) -> None:
    altered = replace(signed(statement(), signer), **{field: value})
    with pytest.raises(ConsentForged, match="was altered, or a key signed it that is not trusted here"):
        check_signature(altered, [signer.public_key])


def test_a_signature_by_a_foreign_key_or_of_rubbish_is_refused(tmp_path: Path, signer: Signer) -> None:
    foreign = open_signer(tmp_path / "foreign.key")
    record = signed(statement(), foreign)
    with pytest.raises(ConsentForged, match="trusted-keys"):
        check_signature(record, [signer.public_key])
    check_signature(record, [signer.public_key, foreign.public_key])
    for rubbish in ("", "!!!", "AAAA", "签名"):
        with pytest.raises(ConsentForged):
            check_signature(replace(record, signature=rubbish), [signer.public_key])


def test_a_record_that_is_kept_is_signed_and_found_again(tmp_path: Path, registry: ConsentRegistry) -> None:
    kept = registry.keep(statement())
    registry.check(kept)
    assert registry.find("anna-2026") == kept and registry.records() == [kept]
    assert read_record(write_record(tmp_path / "consent.json", kept)) == kept
    assert registry.keep(statement()) == kept  # twice is once
    with pytest.raises(ConsentInvalid, match='there is another consent "anna-2026" already'):
        registry.keep(statement(purposes=["advertising"]))
    with pytest.raises(StatementReplayed, match='was given for the consent "anna-2026" already'):
        registry.keep(statement(id="anna-again"))
    with pytest.raises(ConsentMissing, match='no consent "ben" here; there are anna-2026'):
        registry.find("ben")


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "", ".hidden", "a" * 129, "a\nb", "a\0b"])
def test_an_id_that_is_a_path_names_nothing(registry: ConsentRegistry, name: str) -> None:
    for ask in (registry.find, lambda each: registry.asked(each, now=NOW), registry.answered):
        with pytest.raises(ConsentInvalid, match="is no id of a consent"):
            ask(name)
    if name:
        with pytest.raises(ConsentInvalid):
            registry.keep(statement(id=name))


def test_what_is_revoked_stays_so_whatever_copy_comes_back(registry: ConsentRegistry) -> None:
    before = registry.keep(statement())
    after = registry.revoke("anna-2026", now=NOW)
    assert after.revoked and registry.revoked() == {"anna-2026": "2026-06-01T12:00:00+00:00"}
    registry.check(after)
    registry.check(before)  # its signature is still good: the list is what counts
    assert "anna-2026" in registry.revoked()
    registry.revoke("anna-2026", now=NOW + timedelta(days=1))
    assert registry.revoked() == {"anna-2026": "2026-06-01T12:00:00+00:00"}
    with pytest.raises(ConsentInvalid, match="give this one another id"):
        registry.keep(statement())  # a copy of before revives nothing
    with pytest.raises(ConsentMissing):
        registry.revoke("nobody", now=NOW)


def test_a_line_of_revocations_that_was_altered_stops_everything_and_a_torn_one_nothing(
    tmp_path: Path, registry: ConsentRegistry
) -> None:
    path = tmp_path / "consents/revocations.jsonl"
    registry.keep(statement())
    registry.keep(statement(id="ben", speaker_id="ben", statement_sha256="11" * 32))
    registry.revoke("anna-2026", now=NOW)
    with path.open("a") as file:
        file.write('{"id": "ben", "ti')  # its writer was killed
    assert list(registry.revoked()) == ["anna-2026"]
    registry.revoke("ben", now=NOW)
    assert list(registry.revoked()) == ["anna-2026", "ben"]
    path.write_text(path.read_text().replace("anna-2026", "anna-2025"))
    with pytest.raises(AuditDamaged, match=r'line 2 of ".*revocations.jsonl" was altered'):
        registry.revoked()
    path.write_text(json.dumps({"id": "anna-2026", "time": "2020-01-01T00:00:00Z"}))
    with pytest.raises(AuditDamaged):
        registry.revoked()


def test_many_that_revoke_at_once_lose_nothing(registry: ConsentRegistry) -> None:
    names = [f"c{n}" for n in range(12)]
    for n, name in enumerate(names):
        registry.keep(statement(id=name, statement_sha256=f"{n:064x}"))
    threads = [threading.Thread(target=registry.revoke, args=(name,), kwargs={"now": NOW}) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(registry.revoked()) == sorted(names)


def test_a_clock_that_was_moved_back_is_not_believed(registry: ConsentRegistry) -> None:
    assert registry.newest_time(NOW) == NOW
    assert registry.newest_time(NOW + timedelta(days=400)) == NOW + timedelta(days=400)
    assert registry.newest_time(NOW) == NOW + timedelta(days=400)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path, signer: Signer) -> None:
    (tmp_path / "file").write_text("")
    registry = ConsentRegistry(tmp_path / "file" / "consents", signer, [signer.public_key])
    with pytest.raises(AuditUnwritable, match="cannot be written"):
        registry.keep(statement())
    assert registry.newest_time(NOW) == NOW


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_sentence_says_who_what_where_and_until_when_with_fresh_words(language: str) -> None:
    asked = [challenge(language=language) for _ in range(20)]
    assert len({tuple(each.words) for each in asked}) == 20 and len({each.id for each in asked}) == 20
    for each in asked:
        assert set(each.words) <= set(WORDS[language]) and all(word in each.sentence for word in each.words)
        assert "2026" in each.sentence and "2027" in each.sentence and "CN" in each.sentence
    assert len(set(WORDS[language])) == 48


def test_a_sentence_counts_once_and_for_a_day(registry: ConsentRegistry) -> None:
    asked = challenge()
    with pytest.raises(StatementReplayed, match="never asked"):
        registry.asked(asked.id, now=NOW)
    registry.ask(asked)
    assert registry.asked(asked.id, now=NOW + timedelta(hours=23)) == asked
    with pytest.raises(StatementReplayed, match="counts for a day"):
        registry.asked(asked.id, now=NOW + timedelta(hours=25))
    with pytest.raises(StatementReplayed, match="counts for a day"):
        registry.asked(asked.id, now=NOW - timedelta(hours=1))  # the clock was moved back
    registry.answered(asked.id)
    with pytest.raises(StatementReplayed, match="it was answered, or never asked"):
        registry.asked(asked.id, now=NOW)


def test_a_sentence_in_no_language_or_that_has_ended_is_refused() -> None:
    with pytest.raises(ConsentInvalid, match='no sentence in "fr" to say; take en or zh'):
        challenge(language="fr")
    with pytest.raises(ConsentInvalid, match="which is not to come"):
        challenge(until=date(2026, 6, 1))
