"""When the device is full, the message says which batch would fit."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_run import Notebook, tiny_run
from torch import Tensor

from clock_train.errors import TrainingOutOfMemory
from clock_train.training.generator_step import GeneratorStep
from clock_train.training.loop import fit
from clock_train.training.memory import is_out_of_memory, largest_fitting
from clock_train.training.schedule import ScheduleConfig


def _full_above(monkeypatch: pytest.MonkeyPatch, size: int, *, hold: list[Any] | None = None) -> None:
    """A device with room for ``size`` clips: the real forward runs, then the allocator gives up."""
    real = GeneratorStep.forward

    def forward(self: GeneratorStep, batch: Any, *args: Any, **kwargs: Any) -> Any:
        output = real(self, batch, *args, **kwargs)
        if hold is not None:
            hold.append(weakref.ref(output.generated_BN))
        if len(batch.frames_B) > size:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return output

    monkeypatch.setattr(GeneratorStep, "forward", forward)


@pytest.mark.parametrize(("room", "fits"), [(5, 4), (4, 4), (3, 2), (1, 1)])
def test_the_message_names_the_batch_that_fits(monkeypatch: pytest.MonkeyPatch, room: int, fits: int) -> None:
    _full_above(monkeypatch, room)
    with pytest.raises(TrainingOutOfMemory) as caught:
        fit(tiny_run(batch_size=8), save=Notebook().save, last_good="runs/a/step-3")
    assert str(caught.value) == (
        f"TrainingOutOfMemory: step 0 ran out of memory on cpu with a batch of 8 clips; a batch of {fits} fits: set "
        f"training.batch_size to {fits}; go on from runs/a/step-3"
    )
    assert caught.value.exit_code == 3
    assert isinstance(caught.value.__cause__, torch.OutOfMemoryError)


def test_when_not_even_one_clip_fits_the_message_says_what_else_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    _full_above(monkeypatch, 0)
    with pytest.raises(TrainingOutOfMemory, match="not even one clip fits: use a smaller model, or cut clips shorter"):
        fit(tiny_run(batch_size=8), save=Notebook().save)


def test_what_the_failed_step_held_is_given_back_before_smaller_batches_are_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    outputs: list[Any] = []
    alive: list[bool] = []
    _full_above(monkeypatch, 4, hold=outputs)
    real = GeneratorStep.forward

    def forward(self: GeneratorStep, batch: Any, *args: Any, **kwargs: Any) -> Any:
        if outputs:
            gc.collect()
            alive.append(outputs[0]() is not None)
        return real(self, batch, *args, **kwargs)

    monkeypatch.setattr(GeneratorStep, "forward", forward)
    with pytest.raises(TrainingOutOfMemory):
        fit(tiny_run(batch_size=8), save=Notebook().save)
    assert alive == [False]


def test_in_a_contest_a_batch_fits_only_with_the_judges(monkeypatch: pytest.MonkeyPatch) -> None:
    run = tiny_run(batch_size=8, schedule=ScheduleConfig(hearing_steps=0, contest_from_step=0))
    run.begin_contest()
    assert run.discriminators is not None
    real = run.discriminators.forward

    def forward(waveform_BN: Tensor) -> Any:
        if len(waveform_BN) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(waveform_BN)

    monkeypatch.setattr(run.discriminators, "forward", forward)
    with pytest.raises(TrainingOutOfMemory, match="a batch of 2 fits"):
        fit(run, save=Notebook().save)


def test_other_errors_stay_what_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    def forward(*_: Any, **__: Any) -> None:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(GeneratorStep, "forward", forward)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        fit(tiny_run(), save=Notebook().save)


@pytest.mark.parametrize(
    ("error", "is_memory"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (MemoryError(), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate"), True),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes"), True),
        (RuntimeError("could not create a primitive"), True),
        (RuntimeError("could not create a primitive descriptor for a convolution"), False),
        (RuntimeError("size mismatch"), False),
        (ValueError("not enough memory"), False),
    ],
)
def test_what_counts_as_a_full_device(error: Exception, is_memory: bool) -> None:
    assert is_out_of_memory(error) is is_memory


def test_halves_are_tried_until_one_fits() -> None:
    tried = []

    def attempt(size: int) -> None:
        tried.append(size)
        if size > 3:
            raise MemoryError

    assert largest_fitting(20, attempt) == 2
    assert tried == [10, 5, 2]


def test_an_attempt_that_fails_otherwise_is_not_hidden() -> None:
    def attempt(_: int) -> None:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        largest_fitting(8, attempt)


FULL_MACHINE = """
import resource, sys
import torch
torch.set_num_threads(1)
from tiny_run import Notebook, tiny_corpus, tiny_run
from clock_train.errors import TrainingOutOfMemory
from clock_train.training.loop import fit

packed = tiny_corpus(clips_of={"anna": 100})
# one step first, so that all that is only ever loaded once is loaded
fit(tiny_run(packed=packed, batch_size=2, max_steps=1, checkpoint_every=9), save=Notebook().save)
run = tiny_run(packed=packed, batch_size=96, max_steps=1)
in_use = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
limit = in_use + 96 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    fit(run, save=Notebook().save)
except TrainingOutOfMemory as error:
    sys.stdout.write(str(error))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS and /proc are Linux's")
def test_a_machine_that_is_really_full_says_which_batch_fits() -> None:
    here = Path(__file__).parent
    path = os.pathsep.join([str(here), str(here.parents[1] / "platform")])
    done = subprocess.run(
        [sys.executable, "-c", FULL_MACHINE],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
    )
    assert "ran out of memory on cpu with a batch of 96 clips; a batch of " in done.stdout, (
        done.stdout + done.stderr[-2_000:]
    )
