"""Requests in a second hold across replicas; the clock is the test's."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

import pytest
from account_values import NOW, MakeKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clock_train.accounts.keys import ApiKey
from clock_train.accounts.rates import RequestRates
from clock_train.accounts.store import Store
from clock_train.errors import RateLimitExceeded

SECOND = NOW.timestamp()


def granted(rates: RequestRates, key: ApiKey, times: int, now: float) -> int:
    count = 0
    for _ in range(times):
        try:
            rates.take(key, now)
        except RateLimitExceeded:
            continue
        count += 1
    return count


@pytest.mark.parametrize("qps", [1, 7, 10, 100])
def test_a_replica_alone_may_use_the_whole_limit_and_no_more(store: Store, make_key: MakeKey, qps: int) -> None:
    _, key = make_key(qps=qps)
    rates = RequestRates(store)
    assert granted(rates, key, qps + 20, SECOND) == qps
    assert granted(rates, key, qps + 20, SECOND + 1) == qps


def test_a_refusal_says_limit_and_when_to_come_back(store: Store, make_key: MakeKey) -> None:
    _, key = make_key(qps=1)
    rates = RequestRates(store)
    rates.take(key, SECOND + 0.25)
    with pytest.raises(RateLimitExceeded, match=r"wait 0\.750 s") as refused:
        rates.take(key, SECOND + 0.25)
    error = refused.value
    assert (error.limit, error.remaining, error.reset_s, error.retry_after_s) == (1, 0, 0.75, 0.75)
    rates.take(key, SECOND + 0.25 + error.retry_after_s)


def test_what_is_left_is_told(store: Store, make_key: MakeKey) -> None:
    _, key = make_key(qps=20)
    rates = RequestRates(store)
    left = [rates.take(key, SECOND + 0.5).remaining for _ in range(20)]
    assert left == list(range(19, -1, -1))
    assert rates.take(key, SECOND + 1.25).reset_s == 0.75


def test_a_tenth_of_the_requests_reaches_the_store(
    store: Store, make_key: MakeKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, key = make_key(qps=100)
    asked = []
    take = store.take_requests
    monkeypatch.setattr(store, "take_requests", lambda *args, **told: asked.append(1) or take(*args, **told))
    assert granted(RequestRates(store), key, 300, SECOND) == 100
    assert len(asked) == 11  # the last is refused, and remembered for the second


def test_keys_have_a_second_each_and_a_rotated_one_shares_it(store: Store, make_key: MakeKey) -> None:
    _, key = make_key(qps=5)
    _, other = make_key(qps=5)
    _, rotated, _ = store.rotate_key(key.id, overlap=timedelta(hours=1), now=NOW)
    rates = RequestRates(store)
    assert granted(rates, key, 3, SECOND) == 3
    assert granted(rates, rotated, 9, SECOND) == 2
    assert granted(rates, other, 9, SECOND) == 5


def test_a_replica_whose_clock_is_behind_takes_from_the_second_of_the_others(store: Store, make_key: MakeKey) -> None:
    _, key = make_key(qps=10)
    ahead, behind = RequestRates(store), RequestRates(store)
    assert granted(ahead, key, 8, SECOND + 1) == 8
    assert granted(behind, key, 9, SECOND) == 2


def test_a_clock_that_was_far_ahead_locks_nobody_out(store: Store, make_key: MakeKey) -> None:
    _, key = make_key(qps=10)
    assert granted(RequestRates(store), key, 12, SECOND + 3600) == 10
    assert granted(RequestRates(store), key, 12, SECOND) == 10


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    qps=st.integers(1, 100),
    steps=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 60), st.integers(0, 2)), max_size=12),
)
def test_three_replicas_never_exceed_a_second_together(
    store: Store, make_key: MakeKey, qps: int, steps: list[tuple[int, int, int]]
) -> None:
    _, key = make_key(qps=qps)
    replicas = [RequestRates(store) for _ in range(3)]
    now, counted = SECOND, 0
    for replica, times, pause_s in steps:
        if pause_s:
            now, counted = now + pause_s, 0
        counted += granted(replicas[replica], key, times, now)
        assert counted <= qps


CHILD = """
import sys
from clock_train.accounts.rates import RequestRates
from clock_train.accounts.store import Store
from clock_train.errors import RateLimitExceeded
address, key_id, first = sys.argv[1], sys.argv[2], float(sys.argv[3])
store = Store(address)
key, rates = store.find_key(key_id), RequestRates(store)
print("ready", flush=True)
sys.stdin.readline()
for second in range(6):
    count = 0
    for _ in range(60):
        try:
            rates.take(key, first + second)
            count += 1
        except RateLimitExceeded:
            pass
    print(count, flush=True)
    sys.stdin.readline()
"""


def test_two_processes_at_once_never_exceed_a_second(address: str, make_key: MakeKey) -> None:
    _, key = make_key(qps=50)
    replicas: list[subprocess.Popen[str]] = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD, address, key.id, str(SECOND)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
        )
        for _ in range(2)
    ]  # fmt: skip

    def heard() -> list[str]:
        lines = []
        for replica in replicas:
            assert replica.stdout is not None
            lines.append(replica.stdout.readline().strip())
        return lines

    def go() -> None:
        for replica in replicas:
            assert replica.stdin is not None
            replica.stdin.write("\n")

    assert heard() == ["ready", "ready"]
    for _ in range(6):
        go()
        assert sum(map(int, heard())) == 50  # all of it is used: each asks for 60
    go()
    assert [replica.wait(30) for replica in replicas] == [0, 0]
