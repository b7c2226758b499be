"""Two workers with half the batch each do the arithmetic of one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from parallel_run import TAUGHT, train, train_taught
from tiny_run import tiny_run

from clock_train.errors import ConfigError
from clock_train.models.voice import VoiceSource
from clock_train.training.parallel import ALONE, Parallel, seed_of

STEPS = 50
SHOWN_ONLY = ("gradient_norm", "discriminator")
SCRIPT = Path(__file__).with_name("parallel_run.py")


def loss(terms: dict[str, float]) -> float:
    """What the generator minimises."""
    return sum(value for name, value in terms.items() if name not in SHOWN_ONLY)


def workers(world: int, folder: Path, source: str) -> list[list[dict[str, float]]]:
    """The losses that each worker reports."""
    environment = {**os.environ, "PYTHONPATH": "platform", "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
    started = [
        subprocess.Popen(
            [sys.executable, SCRIPT, str(rank), str(world), folder / "store", str(STEPS), source],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for rank in range(world)
    ]
    try:
        said = [process.communicate(timeout=200)[0] for process in started]
    finally:
        for process in started:
            process.kill()
    assert [process.returncode for process in started] == [0] * world
    return [[json.loads(line) for line in lines.splitlines()] for lines in said]


@pytest.mark.parametrize("source", list(VoiceSource))
def test_two_workers_have_the_loss_of_one(source: VoiceSource, tmp_path: Path) -> None:
    # All three phases, at the rate of a fine-tune. Float32 sums in another order differ by 1e-7, and Adam's steps
    # amplify that with the learning rate (5e-6 of the loss at this rate, 1e-3 at ten times it), for one worker whose
    # weights differ in the last bit as well.
    one = train(0, 1, STEPS, source).terms()
    first, second = workers(2, tmp_path, source.value)
    assert_same_losses(one, first, second)


def assert_same_losses(
    one: list[dict[str, float]], first: list[dict[str, float]], second: list[dict[str, float]]
) -> None:
    assert first == second, "every worker reports the whole batch's losses"
    assert len(first) == STEPS
    for step, (two, alone) in enumerate(zip(first, one, strict=True), 1):
        assert loss(two) == pytest.approx(loss(alone), rel=1e-4), f"step {step}"
    # nothing has amplified the first step's rounding yet; a norm over all gradients gathers it (9e-5 on one processor)
    gathered = {"gradient_norm": 1e-3}
    for name, value in first[0].items():
        assert one[0][name] == pytest.approx(value, rel=gathered.get(name, 1e-5)), name


def test_two_workers_teach_a_student_as_one(tmp_path: Path) -> None:
    one = train_taught(0, 1, STEPS).terms()
    assert {"teacher_prior", "teacher_speech", "adversarial"} <= one[-1].keys()
    first, second = workers(2, tmp_path, TAUGHT)
    assert_same_losses(one, first, second)


@pytest.mark.parametrize(("batch", "world", "expected"), [(4, 2, [2, 2]), (5, 2, [3, 2]), (7, 3, [3, 2, 2])])
def test_rows_cover_the_batch_without_overlap(batch: int, world: int, expected: list[int]) -> None:
    slices = []
    for rank in range(world):
        worker = Parallel()
        worker.rank, worker.world = rank, world
        slices.append(worker.rows(batch))
    assert [row.stop - row.start for row in slices] == expected
    assert [i for row in slices for i in range(batch)[row]] == list(range(batch))


def test_a_batch_that_workers_cannot_share_is_refused() -> None:
    three = Parallel()
    three.world = 3
    run = tiny_run(batch_size=2)
    with pytest.raises(ConfigError, match="batch of 2 clips cannot be shared by 3 workers; ask for fewer workers"):
        type(run)(run.voice, run.corpus.packed, run.config, device=run.device, parallel=three)


def test_workers_have_dropout_of_their_own_and_the_first_that_of_a_lone_run() -> None:
    assert seed_of(1, 0) == 1
    assert len({seed_of(1, rank, step) for rank in range(8) for step in (0, 100, 200)}) == 8 * 3


def test_alone_nothing_is_multiplied() -> None:
    assert ALONE.share(torch.ones(3), torch.ones(3)) is None
