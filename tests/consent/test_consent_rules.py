from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from test_consent_signature import statement

from clock_train.consent.record import licence_record
from clock_train.consent.rules import Grant, check_in_force, check_speakers, check_use
from clock_train.errors import ConsentExceeded, ConsentExpired, ConsentInvalid, ConsentMismatch, ConsentRevoked

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
LICENCE = licence_record(
    speaker_id="sample-en", licence="CC-BY-3.0", licence_uri="", attribution="", recordings_sha256="ab" * 32
)


def test_a_consent_counts_between_its_giving_and_its_end() -> None:
    record = statement(consent_time="2026-05-31T00:00:00Z")
    check_in_force(record, NOW)
    check_in_force(LICENCE, NOW)
    with pytest.raises(ConsentExpired, match=r'"anna-2026" of "anna" ended on 2027-12-31.*Ask the speaker for a new'):
        check_in_force(record, datetime(2028, 1, 1, tzinfo=UTC))
    with pytest.raises(ConsentInvalid, match="Set the clock"):
        check_in_force(record, datetime(2025, 1, 1, tzinfo=UTC))
    with pytest.raises(ConsentRevoked, match="was taken back"):
        check_in_force(replace(record, revoked=True), NOW)
    with pytest.raises(ConsentRevoked, match="was taken back"):
        check_in_force(record, NOW, is_revoked=True)


def test_a_consent_is_of_one_speaker_and_a_licence_of_as_many_as_it_covers() -> None:
    check_speakers(statement(), {"anna"})
    with pytest.raises(ConsentMismatch, match='is of "anna", not of "ben"'):
        check_speakers(statement(), {"ben"})
    with pytest.raises(ConsentMismatch, match='is of "anna", not of "ben"'):
        check_speakers(statement(), {"anna", "ben"})
    check_speakers(LICENCE, {"anna", "ben"})


def test_what_speech_is_for_must_be_covered_by_every_speaker() -> None:
    anna = Grant.of(statement())
    ben = Grant.of(statement(id="ben", purposes=["customer-service", "audiobook"], territories=["worldwide"]))
    check_use([anna, ben], purposes=["customer-service"], territories=["CN"])
    with pytest.raises(ConsentExceeded, match='"anna-2026" does not cover the purpose "audiobook"; it covers customer'):
        check_use([anna, ben], purposes=["customer-service", "audiobook"], territories=["CN"])
    with pytest.raises(ConsentExceeded, match='does not cover the territory "DE"; it covers CN'):
        check_use([anna, ben], purposes=["customer-service"], territories=["DE"])
    with pytest.raises(ConsentExceeded, match='the territory "worldwide"'):
        check_use([anna], purposes=["customer-service"], territories=[])
    with pytest.raises(ConsentExceeded, match='the purpose "demonstration"'):
        check_use([anna], purposes=[], territories=["CN"])


def test_what_nobody_agreed_to_is_for_demonstrations_only() -> None:
    for grants in ([], [Grant.of(LICENCE)]):
        check_use(grants, purposes=[], territories=[])
        check_use(grants, purposes=["demonstration"], territories=["CN"])
        with pytest.raises(ConsentExceeded, match="it covers demonstration"):
            check_use(grants, purposes=["customer-service"], territories=[])


def test_a_grant_goes_with_the_voice_and_back() -> None:
    grant = Grant.of(statement())
    assert Grant.of_wire(grant.wire()) == grant
    with pytest.raises(ConsentInvalid, match="Export the voice again"):
        Grant.of_wire({"id": "anna"})
