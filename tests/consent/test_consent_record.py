from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from clock_train.consent.record import ConsentRecord, licence_record, read_record, write_record
from clock_train.errors import ConsentInvalid, ConsentMissing

DIGEST = "ab" * 32


@pytest.fixture
def licence() -> ConsentRecord:
    return licence_record(
        speaker_id="sample-en",
        licence="CC-BY-SA-3.0",
        licence_uri="https://creativecommons.org/licenses/by-sa/3.0/",
        attribution="Allison Smith",
        recordings_sha256=DIGEST,
    )


def _statement(**changes) -> ConsentRecord:
    values = {
        "id": "anna-2026",
        "kind": "statement",
        "speaker_id": "anna",
        "purposes": ["customer-service"],
        "territories": ["DE", "CN"],
        "expiration_time": "2027-12-31T00:00:00Z",
        "text_version": "statement-1",
        "statement": "I agree.",
        "statement_sha256": DIGEST,
        "recordings_sha256": DIGEST,
    }
    return ConsentRecord(**{**values, **changes})


def test_a_licence_record_says_that_it_is_no_consent(licence):
    assert (licence.kind, licence.licence, licence.signature, licence.revoked) == (
        "licence",
        "CC-BY-SA-3.0",
        None,
        False,
    )
    assert "It is not the speaker's own consent" in licence.statement
    assert licence.id.startswith("licence-sample-en-")


def test_a_record_reads_back_and_is_written_in_camel_case(tmp_path, licence):
    path = write_record(tmp_path, licence)
    assert path == tmp_path / "consent.json"
    assert read_record(tmp_path) == licence
    values = json.loads(path.read_text())
    assert {
        "schemaVersion",
        "speakerId",
        "expirationTime",
        "textVersion",
        "statementSha256",
        "recordingsSha256",
    } <= set(values)
    assert values["signature"] is None
    assert [entry.name for entry in tmp_path.iterdir()] == ["consent.json"]


def test_a_missing_record_is_its_own_error(tmp_path):
    with pytest.raises(ConsentMissing, match=r"consent\.json.* is not there: no consent record"):
        read_record(tmp_path)


def test_a_record_of_other_recordings_is_refused(tmp_path, licence):
    write_record(tmp_path, licence)
    with pytest.raises(ConsentInvalid, match=r"is for other recordings \(abababababab, the corpus has 000000000000\)"):
        read_record(tmp_path, recordings_sha256="0" * 64)
    assert read_record(tmp_path, recordings_sha256=DIGEST) == licence


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'"text"', b"[]"])
def test_a_file_that_is_no_record_is_refused(tmp_path, content):
    (tmp_path / "consent.json").write_bytes(content)
    with pytest.raises(ConsentInvalid, match=r"cannot be read|is no JSON object"):
        read_record(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"revoked": "no"}, "revoked must be true or false"),
        ({"purposes": []}, "purposes must list at least one entry"),
        ({"territories": "DE"}, "territories must list"),
        ({"recordingsSha256": "123"}, "recordingsSha256|recordings_sha256|is no sha256"),
        ({"speakerId": " "}, "speakerId is empty"),
        ({"kind": "promise"}, 'kind is "promise"'),
        ({"schemaVersion": 99}, "schemaVersion is 99"),
        ({"surprise": 1}, r"unknown fields \(surprise\)"),
        ({"licence": None}, "must name the licence"),
        ({"expirationTime": "soon"}, 'expirationTime "soon" is no RFC 3339 time'),
        ({"expirationTime": "2027-01-01T00:00:00"}, "has no time zone"),
    ],
)
def test_a_wrong_field_is_named(tmp_path, licence, change, message):
    path = write_record(tmp_path, licence)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ConsentInvalid, match=message):
        read_record(tmp_path)


def test_a_lacking_field_is_named(tmp_path, licence):
    path = write_record(tmp_path, licence)
    values = json.loads(path.read_text())
    del values["purposes"]
    path.write_text(json.dumps(values))
    with pytest.raises(ConsentInvalid, match=r"lacks fields .*purposes"):
        read_record(tmp_path)


def test_a_statement_ends_and_a_licence_does_not(licence):
    before, after = datetime(2027, 12, 30, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
    assert not _statement().is_expired(before)
    assert _statement().is_expired(after)
    assert not licence.is_expired(after)


def test_a_statement_without_an_end_is_refused():
    with pytest.raises(ConsentInvalid, match="a statement needs an expirationTime"):
        _statement(expiration_time=None)


def test_revoking_survives_the_disk(tmp_path):
    write_record(tmp_path, replace(_statement(), revoked=True))
    assert read_record(tmp_path).revoked
