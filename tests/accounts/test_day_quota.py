"""Characters of a UTC day are taken before they are spoken, exactly, across replicas."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from account_values import NOW, Clock, MakeKey

from clock_train.accounts.keys import ApiKey
from clock_train.accounts.metering import Meter
from clock_train.accounts.store import Store
from clock_train.errors import QuotaExhausted


def test_a_day_holds_as_many_characters_as_its_quota(store: Store, meter: Meter, make_key: MakeKey) -> None:
    _, key = make_key(characters_a_day=100)
    assert meter.reserve(key, "anna", 60)[1].remaining == 40
    assert meter.reserve(key, "anna", 40)[1].remaining == 0
    with pytest.raises(QuotaExhausted):
        meter.reserve(key, "anna", 1)


def test_a_refusal_says_what_is_left_and_when_the_day_ends(meter: Meter, make_key: MakeKey) -> None:
    _, key = make_key(characters_a_day=100)
    meter.reserve(key, "anna", 60)
    with pytest.raises(QuotaExhausted, match="40 of 100 characters") as refused:
        meter.reserve(key, "anna", 41)
    error = refused.value
    assert (error.limit, error.remaining, error.reset_s, error.retry_after_s) == (100, 40, 43_200, 43_200)
    assert meter.reserve(key, "anna", 40)[1].remaining == 0  # a refusal takes nothing


def test_a_text_longer_than_the_quota_is_refused_at_once(meter: Meter, make_key: MakeKey) -> None:
    _, key = make_key(characters_a_day=100)
    with pytest.raises(QuotaExhausted):
        meter.reserve(key, "anna", 101)
    assert meter.reserve(key, "anna", 100)[1].remaining == 0


def test_the_next_day_begins_at_midnight_utc(meter: Meter, make_key: MakeKey, clock: Clock) -> None:
    _, key = make_key(characters_a_day=100)
    meter.reserve(key, "anna", 100)
    clock.now += 43_199
    with pytest.raises(QuotaExhausted):
        meter.reserve(key, "anna", 1)
    clock.now += 1
    assert meter.reserve(key, "anna", 1)[1].remaining == 99


def test_a_key_without_a_quota_is_counted_and_never_refused(store: Store, meter: Meter, make_key: MakeKey) -> None:
    _, key = make_key(characters_a_day=0)
    reservation, allowance = meter.reserve(key, "anna", 10_000_000)
    assert (allowance.limit, allowance.remaining) == (0, 0)
    meter.settle(reservation, characters=10_000_000, audio_seconds=1.0)
    meter.flush()
    assert [each.characters for each in store.read_usage(now=NOW.timestamp()).used.values()] == [10_000_000]


def test_what_was_not_sent_is_given_back(meter: Meter, make_key: MakeKey) -> None:
    _, key = make_key(characters_a_day=100)
    reservation, _ = meter.reserve(key, "anna", 100)
    meter.settle(reservation, characters=30, audio_seconds=2.0)
    meter.flush()
    assert meter.reserve(key, "anna", 70)[1].remaining == 0


def test_what_is_settled_after_midnight_goes_to_the_day_it_was_taken_from(
    store: Store, meter: Meter, make_key: MakeKey, clock: Clock
) -> None:
    _, key = make_key(characters_a_day=100)
    reservation, _ = meter.reserve(key, "anna", 100)
    clock.now += 86_400
    meter.settle(reservation, characters=10, audio_seconds=1.0)
    meter.flush()
    assert [group.day for group in store.read_usage(now=clock.now).used] == ["2027-03-01"]
    assert meter.reserve(key, "anna", 100)[1].remaining == 0


def test_settling_twice_counts_once(store: Store, meter: Meter, make_key: MakeKey) -> None:
    _, key = make_key(characters_a_day=100)
    reservation, _ = meter.reserve(key, "anna", 100)
    for _ in range(3):
        meter.settle(reservation, characters=100, audio_seconds=2.0)
        meter.flush()
    (used,) = store.read_usage(now=NOW.timestamp()).used.values()
    assert (used.requests, used.characters, used.unsettled) == (1, 100, 0)


def test_a_rotated_key_has_no_quota_of_its_own(store: Store, meter: Meter, make_key: MakeKey) -> None:
    _, key = make_key(characters_a_day=100)
    _, new, _ = store.rotate_key(key.id, overlap=timedelta(hours=1), now=NOW)
    meter.reserve(key, "anna", 60)
    with pytest.raises(QuotaExhausted):
        meter.reserve(new, "anna", 41)


def test_replicas_at_once_take_every_character_and_not_one_more(address: str, make_key: MakeKey, clock: Clock) -> None:
    _, key = make_key(characters_a_day=1000)
    stores = [Store(address) for _ in range(3)]
    taken: list[int] = []

    def ask(meter: Meter, key: ApiKey) -> None:
        for _ in range(60):
            try:
                meter.reserve(key, "anna", 7)
            except QuotaExhausted:
                continue
            taken.append(7)

    threads = []
    for store in stores:
        meter = Meter(store, clock=clock)
        meter.start(in_background=False)
        threads += [threading.Thread(target=ask, args=(meter, key)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(taken) == 994  # 142 texts of 7
    for store in stores:
        store.close()
