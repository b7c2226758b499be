"""Usage by key, day and voice: counted in memory, written in one transaction, once."""

from __future__ import annotations

import logging
import time
from typing import Any

import pytest
from account_values import NOW, Clock, MakeKey

from clock_train.accounts.keys import ApiKey
from clock_train.accounts.metering import HEARTBEAT_S, Meter
from clock_train.accounts.store import FLUSH_S, GONE_S, Store
from clock_train.accounts.usage import RefusedGroup, UsageGroup, Used
from clock_train.errors import AccountsUnavailable, QuotaExhausted

DAY = "2027-03-01"


def speak(meter: Meter, key: ApiKey, voice: str, characters: int, audio_seconds: float) -> None:
    reservation, _ = meter.reserve(key, voice, characters)
    meter.settle(reservation, characters=characters, audio_seconds=audio_seconds)


def test_usage_is_counted_by_key_day_and_voice(store: Store, meter: Meter, make_key: MakeKey, clock: Clock) -> None:
    _, anna = make_key()
    _, globex = make_key(tenant="globex")
    speak(meter, anna, "anna", 10, 1.5)
    speak(meter, anna, "anna", 20, 2.25)
    speak(meter, anna, "carlo", 5, 0.5)
    speak(meter, globex, "anna", 7, 1.0)
    meter.flush()
    clock.now += 86_400
    speak(meter, anna, "anna", 1, 0.25)
    meter.flush()
    assert store.read_usage(now=clock.now).used == {
        UsageGroup(DAY, "acme", anna.id, "anna"): Used(requests=2, characters=30, audio_seconds=3.75),
        UsageGroup(DAY, "acme", anna.id, "carlo"): Used(requests=1, characters=5, audio_seconds=0.5),
        UsageGroup(DAY, "globex", globex.id, "anna"): Used(requests=1, characters=7, audio_seconds=1.0),
        UsageGroup("2027-03-02", "acme", anna.id, "anna"): Used(requests=1, characters=1, audio_seconds=0.25),
    }


def test_a_tenant_reads_its_own_usage_of_the_days_it_asks_for(
    store: Store, meter: Meter, make_key: MakeKey, clock: Clock
) -> None:
    _, ours = make_key()
    _, theirs = make_key(tenant="globex")
    for _ in range(3):
        for key in (ours, theirs):
            speak(meter, key, "anna", 1, 0.1)
            meter.refuse("QuotaExhausted", key)
        meter.flush()
        clock.now += 86_400
    report = store.read_usage(tenant="acme", since="2027-03-02", until="2027-03-02", now=clock.now)
    assert list(report.used) == [UsageGroup("2027-03-02", "acme", ours.id, "anna")]
    assert report.refused == {RefusedGroup("2027-03-02", "acme", ours.id, "QuotaExhausted"): 1}


def test_refusals_are_counted_by_code_with_and_without_a_key(store: Store, meter: Meter, make_key: MakeKey) -> None:
    _, key = make_key()
    for _ in range(3):
        meter.refuse("RateLimitExceeded", key)
    meter.refuse("ApiKeyInvalid")
    meter.flush()
    assert store.read_usage(now=NOW.timestamp()).refused == {
        RefusedGroup(DAY, "", "", "ApiKeyInvalid"): 1,
        RefusedGroup(DAY, "acme", key.id, "RateLimitExceeded"): 3,
    }


def test_two_replicas_add_up(address: str, store: Store, meter: Meter, make_key: MakeKey, clock: Clock) -> None:
    _, key = make_key()
    other = Meter(Store(address), clock=clock)
    other.start(in_background=False)
    for each in (meter, other, meter, other):
        speak(each, key, "anna", 10, 1.0)
        each.flush()
    (used,) = store.read_usage(now=clock.now).used.values()
    assert (used.requests, used.characters, used.audio_seconds) == (4, 40, 4.0)
    assert [each.characters for each in other.totals().used.values()] == [20]  # a scraper adds replicas up itself


def test_a_write_whose_answer_was_lost_counts_once(
    store: Store, meter: Meter, make_key: MakeKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, key = make_key(characters_a_day=100)
    reservation, _ = meter.reserve(key, "anna", 50)
    meter.settle(reservation, characters=20, audio_seconds=1.0)
    meter.refuse("QuotaExhausted", key)
    flush = store.flush

    def lose_the_answer(*args: Any, **told: Any) -> None:
        flush(*args, **told)
        raise AccountsUnavailable("network error")

    with monkeypatch.context() as patch:
        patch.setattr(store, "flush", lose_the_answer)
        with pytest.raises(AccountsUnavailable):
            meter.flush()
    speak(meter, key, "anna", 1, 0.5)
    meter.flush()
    report = store.read_usage(now=NOW.timestamp())
    assert list(report.used.values()) == [Used(requests=2, characters=21, audio_seconds=1.5)]
    assert list(report.refused.values()) == [1]
    assert meter.reserve(key, "anna", 79)[1].remaining == 0  # given back once


def test_a_write_that_failed_is_repeated_with_what_came_since(
    store: Store, meter: Meter, make_key: MakeKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, key = make_key()
    speak(meter, key, "anna", 10, 1.0)

    def fail(*args: Any, **told: Any) -> None:
        raise AccountsUnavailable("away")

    with monkeypatch.context() as patch:
        patch.setattr(store, "flush", fail)
        for _ in range(3):
            with pytest.raises(AccountsUnavailable):
                meter.flush()
    speak(meter, key, "anna", 5, 1.0)
    meter.flush()
    assert [each.characters for each in store.read_usage(now=NOW.timestamp()).used.values()] == [15]


@pytest.mark.parametrize("was_made", [True, False])
def test_a_reservation_whose_answer_was_lost_is_given_back(
    store: Store, meter: Meter, make_key: MakeKey, monkeypatch: pytest.MonkeyPatch, was_made: bool
) -> None:
    _, key = make_key(characters_a_day=100)
    speak(meter, key, "anna", 10, 1.0)
    reserve = store.reserve

    def lose_the_answer(*args: Any, **told: Any) -> None:
        if was_made:
            reserve(*args, **told)
        raise AccountsUnavailable("network error")

    with monkeypatch.context() as patch:
        patch.setattr(store, "reserve", lose_the_answer)
        with pytest.raises(AccountsUnavailable):
            meter.reserve(key, "anna", 60)
    meter.flush()
    with pytest.raises(QuotaExhausted):
        meter.reserve(key, "anna", 91)
    assert meter.reserve(key, "anna", 90)[1].remaining == 0
    assert list(store.read_usage(now=NOW.timestamp()).used.values()) == [
        Used(requests=1, characters=10, audio_seconds=1.0)
    ]


def test_an_idle_replica_says_now_and_then_that_it_lives(
    store: Store, meter: Meter, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []
    flush = store.flush
    monkeypatch.setattr(store, "flush", lambda *args, **told: written.append(clock.now) or flush(*args, **told))
    for _ in range(12):
        clock.now += FLUSH_S
        meter.flush()
    assert len(written) == 4
    assert HEARTBEAT_S * 2 < GONE_S


def test_a_started_meter_writes_by_itself_and_at_its_end(store: Store, make_key: MakeKey) -> None:
    _, key = make_key()
    meter = Meter(store)
    meter.start()
    speak(meter, key, "anna", 10, 1.0)
    end = time.monotonic() + 30
    while not store.read_usage(now=time.time()).used:
        assert time.monotonic() < end
        time.sleep(0.05)
    speak(meter, key, "anna", 5, 1.0)
    meter.close()
    assert [each.characters for each in store.read_usage(now=time.time()).used.values()] == [15]


def test_what_is_open_at_the_end_is_unsettled_and_said(
    store: Store, meter: Meter, make_key: MakeKey, caplog: pytest.LogCaptureFixture
) -> None:
    _, key = make_key()
    meter.reserve(key, "anna", 33)
    with caplog.at_level(logging.WARNING):
        meter.close()
    assert "without settling 33 characters of 1 requests" in caplog.text
    assert store.read_usage(now=NOW.timestamp()).unsettled == 33


def test_no_line_of_the_log_and_no_usage_holds_a_secret(
    store: Store, meter: Meter, make_key: MakeKey, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        text, key = make_key()
        speak(meter, key, "anna", 5, 1.0)
        meter.reserve(key, "anna", 5)
        meter.refuse("ApiKeyInvalid")
        meter.close()
    secret = text[17:]
    assert secret not in caplog.text
    assert secret not in repr((store.read_usage(now=NOW.timestamp()), meter.totals(), key, store.list_keys()))
