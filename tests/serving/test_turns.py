"""Whose listener runs out of sound first speaks next, and a short request is heard before long ones end."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from asking import ask  # pyright: ignore[reportMissingImports]
from hypothesis import given
from hypothesis import strategies as st
from served_voices import Served  # pyright: ignore[reportMissingImports]

from clock_train.serving.turns import Turns

LIMIT_S = 20
LONG = 40 * "The north wind and the sun were disputing which was the stronger of the two. "


def waiting(turns: Turns, num: int) -> None:
    ends_at = time.monotonic() + LIMIT_S
    while len(turns._waiting) < num:
        assert time.monotonic() < ends_at
        time.sleep(0.001)


@given(st.lists(st.floats(0, 10, allow_subnormal=False), min_size=2, max_size=8))
def test_what_is_due_first_comes_first_and_of_the_same_who_came_first(dues: list[float]) -> None:
    turns, order = Turns(1), list[int]()

    def take(number: int) -> None:
        with turns.turn(dues[number]):
            order.append(number)

    threads = [threading.Thread(target=take, args=(number,)) for number in range(len(dues))]
    with turns.turn(-1.0):
        for number, thread in enumerate(threads):
            thread.start()
            waiting(turns, number + 1)
    for thread in threads:
        thread.join(LIMIT_S)
    assert sorted(order) == list(range(len(dues)))
    assert all((dues[one], one) < (dues[next_], next_) for one, next_ in pairwise(order))


def test_no_more_than_are_allowed_speak_at_once_and_all_do() -> None:
    turns, lock, at_once, most = Turns(3), threading.Lock(), 0, 0

    def take(number: int) -> None:
        nonlocal at_once, most
        with turns.turn(number % 7):
            for chunk in range(3):
                with lock:
                    at_once += 1
                    most = max(most, at_once)
                time.sleep(0.0005)
                with lock:
                    at_once -= 1
                turns.let_others(number % 7 + chunk)

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(take, range(200)))
    assert most == 3 and turns._free == 3 and not turns._waiting


@pytest.mark.parametrize(
    ("waits_for_s", "own_s", "is_let_in"),
    [
        pytest.param(-1.0, 2.0, True, id="who has nothing yet, before who has enough"),
        pytest.param(0.2, 2.0, True, id="who runs out soon"),
        pytest.param(1.5, 2.0, False, id="who has enough waits, though he runs out first"),
        pytest.param(0.2, 0.1, False, id="who speaks runs out first"),
    ],
)
def test_a_stream_goes_on_unless_somebody_runs_out_soon(waits_for_s: float, own_s: float, is_let_in: bool) -> None:
    turns, order, now = Turns(1), list[str](), time.monotonic()

    def other() -> None:
        with turns.turn(now + waits_for_s):
            order.append("other")

    thread = threading.Thread(target=other)
    with turns.turn(now):
        thread.start()
        waiting(turns, 1)
        turns.let_others(now + own_s)
        order.append("stream")
    thread.join(LIMIT_S)
    assert order == (["other", "stream"] if is_let_in else ["stream", "other"])
    assert turns._free == 1 and not turns._waiting


def test_a_turn_that_fails_is_free_again() -> None:
    turns = Turns(1)
    with pytest.raises(ValueError), turns.turn(0.0):
        raise ValueError
    with turns.turn(0.0):
        pass


def test_a_short_request_is_spoken_while_more_long_ones_than_cores_are(served: Served) -> None:
    ended: list[str] = []

    def spoken(name: str, text: str) -> None:
        ask(served.server.address, "duo-v1", text=text)
        ended.append(name)

    with ThreadPoolExecutor(9) as pool:
        long = [pool.submit(spoken, "long", LONG) for _ in range(8)]
        short = pool.submit(spoken, "short", "Good morning.")
        for each in (short, *long):
            each.result(120)
    assert ended.index("short") < 4, ended
