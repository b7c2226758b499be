from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from test_consent_signature import statement

from clock_train.audit.signing import open_signer
from clock_train.consent.registry import ConsentRegistry
from clock_train.consent.rules import Grant
from clock_train.consent.watch import REMEMBERED_S, ConsentWatch
from clock_train.errors import ConsentExpired, ConsentRevoked


@pytest.fixture
def registry(tmp_path: Path) -> ConsentRegistry:
    signer = open_signer(tmp_path / "signing.key")
    return ConsentRegistry(tmp_path / "consents", signer, [signer.public_key])


def test_what_is_taken_back_is_seen_within_half_a_second(
    registry: ConsentRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr("clock_train.consent.watch.time.monotonic", lambda: clock[0])
    record, watch = registry.keep(statement()), ConsentWatch(registry)
    watch.check([Grant.of(record)], 'the voice "anna"')
    registry.revoke("anna-2026", now=datetime.now(UTC))
    watch.check([Grant.of(record)], 'the voice "anna"')  # remembered
    clock[0] += REMEMBERED_S
    with pytest.raises(ConsentRevoked, match='the consent "anna-2026" to the voice "anna" was taken back'):
        watch.check([Grant.of(record)], 'the voice "anna"')


def test_what_has_ended_is_over_whatever_the_clock_is_set_to(registry: ConsentRegistry) -> None:
    soon = (datetime.now(UTC) + timedelta(days=1)).isoformat(timespec="seconds")
    grant = Grant.of(statement(expiration_time=soon))
    ConsentWatch(registry).check([grant], "it")
    registry.newest_time(datetime.now(UTC) + timedelta(days=2))  # seen here, before the clock was moved back
    with pytest.raises(ConsentExpired, match=f"ended on {soon[:10]}"):
        ConsentWatch(registry).check([grant], "it")
