"""A Ray that does not start: once more, then a word that helps. Its start itself is in ``test_ray_workers``."""

from __future__ import annotations

from typing import Any

import pytest
import ray

from clock_train.errors import WorkersLost
from clock_train.orchestration import ray_workers


def _failing(monkeypatch: pytest.MonkeyPatch, times: int) -> list[int]:
    """``ray.init`` as it ends on a busy machine, so many times."""
    calls: list[int] = []

    def init(*_: Any, **__: Any) -> None:
        calls.append(len(calls))
        if len(calls) <= times:
            raise Exception("The current node timed out during startup.")

    monkeypatch.setattr(ray, "init", init)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    return calls


def test_a_start_that_takes_too_long_is_tried_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = _failing(monkeypatch, 1)
    with ray_workers._ray(1):
        assert len(calls) == 2


def test_a_second_one_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    _failing(monkeypatch, 2)
    said = r"Ray did not start, twice .*timed out during startup.*--workers 0"
    with pytest.raises(WorkersLost, match=said), ray_workers._ray(1):
        pass
