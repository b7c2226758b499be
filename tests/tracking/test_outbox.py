"""Entries are kept until they are sent, whatever is killed in between."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from clock_train.tracking.outbox import ENTRIES, Outbox


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path / "run")


def test_entries_wait_in_their_order_until_they_are_marked_sent(outbox: Outbox) -> None:
    for step in range(3):
        outbox.add("metrics", step=step, values={"mel": 1.0})
    outbox.mark_sent(2)
    assert [entry["step"] for entry in outbox.waiting()] == [2]


def test_another_process_sees_what_was_added_and_sent(outbox: Outbox) -> None:
    outbox.add("begin", name="anna", tags={}, params={})
    outbox.mark_sent(1)
    outbox.add("end", status="FINISHED")
    assert [entry["kind"] for entry in Outbox(outbox.folder).waiting()] == ["end"]


def test_a_line_that_a_crash_cut_off_costs_itself_only(outbox: Outbox) -> None:
    outbox.add("metrics", step=1, values={})
    with (outbox.folder / ENTRIES).open("a") as file:
        file.write('{"kind": "metr\n')
    outbox.add("metrics", step=2, values={})
    assert [entry.get("step") for entry in outbox.waiting()] == [1, None, 2]


def test_a_run_that_goes_on_is_not_over(outbox: Outbox) -> None:
    outbox.add("begin", name="anna", tags={}, params={})
    assert not outbox.is_over()
    outbox.add("end", status="KILLED")
    assert outbox.is_over()
    outbox.add("begin", name="anna", tags={}, params={})
    assert not outbox.is_over()


def test_one_process_sends_at_a_time(outbox: Outbox) -> None:
    with outbox.sending() as first, Outbox(outbox.folder).sending() as second:
        assert (first, second) == (True, False)
    with Outbox(outbox.folder).sending() as third:
        assert third


def test_adding_costs_less_than_a_step_could_notice(outbox: Outbox) -> None:
    # a bound a hundred times above what it takes, so that a busy machine does not fail it: 2 % of a 0.3 s step is 6 ms
    began = time.process_time()
    for step in range(100):
        outbox.add("metrics", step=step, values={f"train/{n}": 1.0 for n in range(10)})
    assert (time.process_time() - began) / 100 < 0.006
