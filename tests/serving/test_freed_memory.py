"""Freed memory that the C library keeps, given back to the system."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from clock_train.serving import freed_memory
from clock_train.serving.freed_memory import GivenBack

KEPT = """
import ctypes
from clock_train.serving.freed_memory import give_back, keep_few_arenas

def memory_mb():
    lines = open("/proc/self/smaps_rollup").read().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty")) / 1e3

keep_few_arenas()
c = ctypes.CDLL(None)
c.malloc.restype, c.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
blocks = [c.malloc(100_000) for _ in range(500)]
for block in blocks:
    ctypes.memset(block, 1, 100_000)
for block in blocks[:-1]:  # the last one keeps the heap from shrinking
    c.free(block)
before = memory_mb()
give_back()
print(before - memory_mb())
"""


def test_what_was_freed_below_something_that_stays_goes_back() -> None:
    done = subprocess.run([sys.executable, "-c", KEPT], capture_output=True, text=True, check=True, timeout=60)
    assert float(done.stdout) > 40


def test_it_is_given_back_again_and_again_until_it_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    given = threading.Semaphore(0)
    monkeypatch.setattr(freed_memory, "give_back", given.release)
    giving = GivenBack(every_s=0.01)
    assert all(given.acquire(timeout=10) for _ in range(3))
    giving.stop()
    while given.acquire(blocking=False):
        pass
    assert not given.acquire(timeout=0.1)


def test_another_c_library_keeps_what_it_wants(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freed_memory.ctypes, "CDLL", lambda name: object())
    freed_memory.give_back()
    freed_memory.keep_few_arenas()
