"""How a budget is counted on one machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from clock_train.config.experiment import BudgetConfig
from clock_train.errors import BudgetSpent
from clock_train.orchestration.budget import USAGE_NAME, BudgetWatch


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_workers_times_hours_count_over_all_starts(tmp_path: Path) -> None:
    clock, budget = Clock(), BudgetConfig(max_accelerator_hours=1.0)
    first = BudgetWatch(budget, 2, tmp_path, now=clock)
    clock.now += 1_500
    assert first.accelerator_seconds == 3_000 and first.spent() is None
    first.write()
    second = BudgetWatch(budget, 2, tmp_path, now=clock)
    clock.now += 299
    assert second.spent() is None
    clock.now += 1
    with pytest.raises(
        BudgetSpent, match=r"spec.budget.maxAcceleratorHours \(1\) is used up; what was trained is saved"
    ):
        second.check()


def test_the_deadline_counts_one_start_only(tmp_path: Path) -> None:
    clock, budget = Clock(), BudgetConfig(active_deadline_s=60)
    for _ in range(2):
        watch = BudgetWatch(budget, 1, tmp_path, now=clock)
        clock.now += 59
        assert watch.spent() is None
        clock.now += 1
        assert watch.spent() == "spec.budget.activeDeadlineSeconds (60)"
        watch.write()


def test_no_limit_is_never_reached(tmp_path: Path) -> None:
    clock = Clock()
    watch = BudgetWatch(BudgetConfig(), 4, tmp_path, now=clock)
    clock.now += 1e9
    watch.check()
    assert watch.spent() is None


@pytest.mark.parametrize("content", ["", "[]", '{"acceleratorSeconds": "many"}'])
def test_a_damaged_count_begins_again(tmp_path: Path, content: str) -> None:
    (tmp_path / USAGE_NAME).write_text(content)
    assert BudgetWatch(BudgetConfig(), 1, tmp_path, now=Clock()).accelerator_seconds == 0
