"""What tracking and Ray cost a training: the same steps in process, followed, on one worker and on two."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from clock_train.cli.measurements.isolation import answer
from clock_train.cli.measurements.synthetic import write_recordings

WARM_UP = 3
"""Steps that are not counted: the first ones allocate."""


def measure_runs(*, steps: int, num_clips: int, batch_size: int, workers: list[int]) -> dict[str, float]:
    """Steps a second by number of workers, seconds to the first step, and the share of tracking.

    Args:
        steps: of each training.
        num_clips: of the synthetic corpus.
        batch_size: shared by the workers.
        workers: numbers to try beside 0, which is this process.
    """
    from clock_train.data.build import build_corpus
    from clock_train.orchestration.consents import keep_licence

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_recordings(folder / "recordings", num_clips)
        build_corpus(folder / "recordings", folder / "corpus", speaker="synthetic")
        keep_licence(folder / "corpus", licence="none", licence_uri="", attribution="generated sounds of nobody")
        found: dict[str, float] = {}
        for count in (0, *workers):
            found |= _timed(folder, count, steps, batch_size)
    return found


def _timed(folder: Path, workers: int, steps: int, batch_size: int) -> dict[str, float]:
    from clock_train.orchestration.compliance_stage import Checks
    from clock_train.orchestration.history_file import read_history
    from clock_train.orchestration.run_tracking import RunTracking
    from clock_train.orchestration.training_preparation import TrainRequest
    from clock_train.orchestration.training_session import train
    from clock_train.tracking.target import local_target

    class Timed(RunTracking):
        seconds = 0.0

        def progress(self, row: dict[str, Any]) -> None:
            began = time.perf_counter()
            super().progress(row)
            self.seconds += time.perf_counter() - began

    output, clock = folder / f"workers-{workers}", _Clock()
    tracking = Timed(output, local_target(output), warn=clock.warn)
    request = TrainRequest(
        corpora=[folder / "corpus"], output=output, preset="Demo", max_steps=steps, batch_size=batch_size,
        workers=workers, device="cpu", checks=Checks.TEXTS,
    )  # fmt: skip
    outcome = train(request, clock, tracking)
    tracking.finish()
    rows = [row for row in read_history(outcome.history_path) if row["step"] > WARM_UP] or read_history(
        outcome.history_path
    )
    step_seconds = sum(row["step_seconds"] for row in rows) / len(rows)
    return {
        f"workers_{workers}_steps_per_s": 1.0 / step_seconds,
        f"workers_{workers}_first_step_s": clock.first_step_s or 0.0,
        f"workers_{workers}_tracking_percent": 100.0 * tracking.seconds / (step_seconds * outcome.result.step),
        f"workers_{workers}_checkpoint_percent": 100.0
        * sum(row["saved_seconds"] for row in rows)
        / (step_seconds * outcome.result.step),
    }


class _Clock:
    """A listener that notes when the first step was told."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._stage = ""
        self.first_step_s: float | None = None

    def stage(self, name: str) -> None:
        self._stage = name
        if name == "train":
            self._began = time.perf_counter()

    def advance(self, fraction: float, detail: str = "", eta_seconds: float | None = None) -> None:
        if self._stage == "train" and self.first_step_s is None:
            self.first_step_s = time.perf_counter() - self._began

    def note(self, message: str) -> None:
        """Nothing."""

    def warn(self, message: str) -> None:
        """Nothing."""


if __name__ == "__main__":
    answer(measure_runs)
