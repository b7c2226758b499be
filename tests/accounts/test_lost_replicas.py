"""A replica that is killed loses at most one flush interval, and what it lost is counted and said."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from account_values import NOW, Clock, MakeKey

from clock_train.accounts.database import Database
from clock_train.accounts.dialects import read_address
from clock_train.accounts.metering import Meter
from clock_train.accounts.store import GONE_S, Store
from clock_train.accounts.usage import Used

REPLICA = """
import sys, time
from clock_train.accounts.gatekeeper import Gatekeeper
address, text, name = sys.argv[1:]
gatekeeper = Gatekeeper(address, name=name)
key = gatekeeper.identify("Bearer " + text)
for i in range(10_000):
    reservation, _ = gatekeeper.reserve(key, "anna", 7)
    gatekeeper.settle(reservation, characters=7, audio_seconds=0.5)
    print(time.time(), flush=True)
    time.sleep(0.005)
"""


def test_a_killed_process_loses_what_came_after_its_last_write_and_the_next_says_how_much(
    address: str, store: Store, make_key: MakeKey, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    text, key = make_key(characters_a_day=10**6)
    with open(tmp_path / "said", "wb") as said:
        replica = subprocess.Popen([sys.executable, "-c", REPLICA, address, text, "pod-0"], stdout=said)
    end = time.monotonic() + 60
    while True:  # until it has written at least once, and has counted more since
        (used,) = list(store.read_usage(now=time.time()).used.values()) or [Used()]
        if used.requests and len(spoken_at(tmp_path)) > used.requests:
            break
        assert time.monotonic() < end
        time.sleep(0.01)
    replica.send_signal(signal.SIGKILL)
    replica.wait()
    spoken = spoken_at(tmp_path)
    database = Database(read_address(address))
    with database.transaction() as transaction:
        ((last_flush,),) = transaction.rows("SELECT last_flush FROM instances")
    database.close()

    successor = Meter(store, name="pod-0")
    with caplog.at_level(logging.WARNING):
        successor.start(in_background=False)
    (used,) = store.read_usage(now=time.time()).used.values()
    assert used.requests >= sum(when < last_flush for when in spoken) > 0
    # each request is in the usage or unsettled, and none in both; one more may have been under way
    assert used.characters == 7 * used.requests
    assert used.characters + used.unsettled - 7 * len(spoken) in (0, 7)
    assert f"without settling {used.unsettled} characters of {used.unsettled // 7} requests" in caplog.text
    # the day keeps them: nobody knows whether they were heard
    _, allowance = successor.reserve(key, "anna", 1)
    assert allowance.remaining == 10**6 - used.characters - used.unsettled - 1


def spoken_at(folder: Path) -> list[float]:
    """When each request was over; the last line may be half a line."""
    text = (folder / "said").read_text()
    return [float(line) for line in text[: text.rfind("\n") + 1].split()]


def test_a_replica_of_another_name_is_lost_after_ten_silent_intervals(
    store: Store, meter: Meter, make_key: MakeKey, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    _, key = make_key()
    meter.reserve(key, "anna", 40)
    next_one = Meter(store, clock=clock)
    clock.now += GONE_S
    next_one.start(in_background=False)
    assert store.read_usage(now=clock.now).unsettled == 0
    clock.now += 0.5
    # a report tells it before anybody has taken it over
    assert store.read_usage(now=clock.now).unsettled == 40
    with caplog.at_level(logging.WARNING):
        next_one.look_for_lost()
    assert caplog.text.count("without settling 40 characters of 1 requests") == 1
    assert store.read_usage(now=clock.now).unsettled == 40
    assert [each.unsettled for each in next_one.totals().used.values()] == [40]


def test_what_is_lost_is_said_once(
    store: Store, meter: Meter, make_key: MakeKey, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    _, key = make_key()
    meter.reserve(key, "anna", 40)
    clock.now += GONE_S + 1
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            Meter(store, clock=clock).start(in_background=False)
    assert caplog.text.count("without settling") == 1


def test_a_replica_that_ended_well_or_had_nothing_open_is_not_spoken_of(
    store: Store, meter: Meter, make_key: MakeKey, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    _, key = make_key()
    reservation, _ = meter.reserve(key, "anna", 40)
    meter.settle(reservation, characters=40, audio_seconds=3.0)
    meter.close()
    Meter(store, clock=clock).start(in_background=False)  # and is never heard of again
    clock.now += GONE_S + 1
    with caplog.at_level(logging.WARNING):
        Meter(store, clock=clock).start(in_background=False)
    assert caplog.text == ""
    assert list(store.read_usage(now=clock.now).used.values()) == [Used(requests=1, characters=40, audio_seconds=3.0)]


def test_a_replica_that_was_only_stalled_is_counted_right_when_it_comes_back(
    store: Store, meter: Meter, make_key: MakeKey, clock: Clock
) -> None:
    _, key = make_key(characters_a_day=100)
    reservation, _ = meter.reserve(key, "anna", 40)
    clock.now += GONE_S + 1
    Meter(store, clock=clock).start(in_background=False)
    assert store.read_usage(now=clock.now).unsettled == 40
    meter.settle(reservation, characters=25, audio_seconds=3.0)
    meter.flush()
    assert list(store.read_usage(now=clock.now).used.values()) == [Used(requests=1, characters=25, audio_seconds=3.0)]
    assert meter.reserve(key, "anna", 75)[1].remaining == 0


def test_a_stalled_replica_that_reserves_again_and_dies_is_found_too(
    store: Store, meter: Meter, make_key: MakeKey, clock: Clock
) -> None:
    _, key = make_key()
    clock.now += GONE_S + 1
    Meter(store, clock=clock).start(in_background=False)  # takes it for lost
    meter.reserve(key, "anna", 11)
    clock.now += GONE_S + 1
    next_one = Meter(store, clock=clock)
    next_one.start(in_background=False)
    assert [each.unsettled for each in next_one.totals().used.values()] == [11]
    assert store.read_usage(now=clock.now).unsettled == 11


def test_old_counters_and_replicas_are_cleared_away_and_usage_is_kept(
    address: str, store: Store, meter: Meter, make_key: MakeKey, clock: Clock
) -> None:
    _, key = make_key()
    reservation, _ = meter.reserve(key, "anna", 40)
    meter.settle(reservation, characters=40, audio_seconds=3.0)
    meter.close()
    clock.now = NOW.timestamp() + 9 * 86_400
    Meter(store, clock=clock).start(in_background=False)
    database = Database(read_address(address))
    with database.transaction() as transaction:
        assert transaction.rows("SELECT COUNT(*) FROM day_counters") == [(0,)]
        assert transaction.rows("SELECT COUNT(*) FROM instances") == [(1,)]
    database.close()
    assert len(store.read_usage(now=clock.now).used) == 1
