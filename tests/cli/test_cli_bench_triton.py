"""How the bench of Triton counts: requests, processes, and rows that were not had."""

from __future__ import annotations

import asyncio
import math
import os
import subprocess
import sys

import pytest

from clock_train.cli.measurements import triton_rows as module
from clock_train.cli.measurements.asked_voices import (
    Answer,
    closed_loop,
    open_loop,
    percentile_ms,
    samples_heard,
)
from clock_train.cli.measurements.door_speaking import FORMATS
from clock_train.cli.measurements.isolation import Measurement
from clock_train.cli.measurements.process_tree import cpu_seconds, descendants, memory_mb, parent_of
from clock_train.cli.measurements.rows import QUICK
from clock_train.cli.measurements.served_voices import sentences
from clock_train.serving.ports import LOOPBACK, free_port
from clock_train.serving.speech_request import SpeechRequest

ENOUGH_MB = 100


def test_delays_count_from_when_a_request_was_to_leave() -> None:
    found = Answer(wanted_at=10.0, heard=[(10.25, 100), (11.0, 50)], ended_at=11.5)
    assert (found.first_chunk_s, found.whole_s) == (0.25, 1.5)
    assert samples_heard([found, found]) == 300
    assert samples_heard([found], until=10.5) == 100


def test_percentiles_leave_out_what_never_came() -> None:
    assert percentile_ms([0.01, None, 0.03], 50) == pytest.approx(20)
    assert math.isnan(percentile_ms([None], 50))


def test_a_server_that_is_not_there_is_an_error_of_each_request() -> None:
    address, asked = f"{LOOPBACK}:{free_port()}", [SpeechRequest(sentences=sentences()[:1])]
    closed = asyncio.run(closed_loop(address, ["voice-0-v1"], asked, num_clients=2, seconds=0.05))
    opened = asyncio.run(open_loop(address, ["voice-0-v1"], asked, rate=50, seconds=0.2))
    assert closed and opened
    assert {each.error for each in [*closed, *opened]} == {"ServerUnavailable"}


def test_sentences_are_of_both_languages_and_of_three_to_five_seconds() -> None:
    lengths = [each.ids_3L.shape[1] for each in sentences()]
    assert len(lengths) == 48 and min(lengths) >= 38 and max(lengths) <= 62
    assert len({int(each.ids_3L[2].max()) for each in sentences()}) == 2


def test_what_a_tree_of_processes_uses_is_that_of_all_of_them() -> None:
    grown = "import os; held = bytearray(os.urandom(1_000_000) * 100); sum(range(3_000_000)); print(1, flush=True); "
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {grown + 'input()'!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", child], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        pids = descendants(process.pid)
        assert len(pids) == 2 and parent_of(pids[1]) == process.pid and parent_of(process.pid) == os.getpid()
        assert memory_mb(pids) > ENOUGH_MB > memory_mb(pids[:1])
        assert cpu_seconds(pids) > cpu_seconds(pids[:1])
        process.communicate("\n")


def test_voices_that_cannot_be_written_leave_every_row_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "measure", lambda *_, **__: Measurement(failure="ServerStartFailed: no Triton"))
    rows = list(module.triton_rows(QUICK, None))
    assert len(rows) == 15 + 6 + len(FORMATS) + len(QUICK.triton_clients)
    assert {row.figure.note for row in rows} == {"not available: ServerStartFailed: no Triton"}
    assert all(row.figure.measured is None and not row.figure.is_met for row in rows)
