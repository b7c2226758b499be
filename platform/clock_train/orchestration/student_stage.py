"""The stage ``distill`` of a clone or a demo: where its checkpoints lie, and how its curves join those of its teacher.

A student's checkpoints lie beside the clone's own, below a uid that ends in ``-student``, in an attempt of the same
number: the clone's own stay what an attempt of the clone goes on from. Its curves go to the tracked run of the clone,
below ``student/``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from clock_train.bundle.card import parse_card, read_card_bytes
from clock_train.config.experiment import ExperimentConfig
from clock_train.orchestration.attempts import lineage, read_start
from clock_train.orchestration.checkpoint_store import CheckpointStore
from clock_train.orchestration.distillation import DistillOutcome, DistillRequest, distill
from clock_train.orchestration.listener import Listener
from clock_train.orchestration.observer import RunFacts
from clock_train.orchestration.run_fitting import Effort
from clock_train.storage.commits import step_prefix
from clock_train.storage.opening import Storage
from clock_train.storage.places import RunPlace
from clock_train.tracking.outbox import Outbox
from clock_train.training.loop import FitResult


class StudentCurves:
    """An ``Observer`` of a student whose teacher's run is being followed already.

    Args:
        outbox: of the teacher's run; None keeps the curves in the history alone.
        say: hears step and steps in all, for a mailbox.
    """

    def __init__(self, outbox: Outbox | None, say: Callable[..., None] = lambda **facts: None) -> None:
        self._outbox, self._say = outbox, say

    def begin(self, facts: RunFacts) -> None:
        """A student starts, or goes on."""
        self._say(totalSteps=int(facts.training["max_steps"]), step=0)

    def progress(self, row: dict[str, Any]) -> None:
        """One row of the history."""
        self._say(step=row["step"])
        if self._outbox is not None:
            values = {f"student/{name}": value for name, value in row["terms"].items()}
            values |= {f"student/validation/{name}": value for name, value in row.get("validation", {}).items()}
            self._outbox.add("metrics", step=row["step"], values=values)

    def end(self, result: FitResult, voice_path: Path | None) -> None:
        """The student is whole, or was asked to stop."""
        self._say(step=result.step)
        if self._outbox is not None and voice_path is not None:
            self._outbox.add("artifact", path=str(voice_path.absolute()), to="student")

    def failed(self, error: BaseException) -> None:
        """The clone's own observer is told by whoever runs the stages."""


def distill_stage(
    teacher: Path,
    packed: Path,
    out: Path,
    config: ExperimentConfig,
    listener: Listener,
    curves: StudentCurves,
    *,
    name: str | None = None,
    storage: Storage | None = None,
    store: str | None = None,
    run: RunPlace | None = None,
    stop_requested: Callable[[], bool] = lambda: False,
) -> DistillOutcome:
    """Distil as an experiment says.

    Args:
        teacher: voice folder.
        packed: the corpus it was trained from.
        out: the student's folder.
        config: of the whole run; seed and machine are its.
        listener: hears stages and progress.
        curves: the observer.
        name: of the voice.
        storage: of ``store``, opened.
        store: what outlives the machine; None keeps checkpoints in ``out``.
        run: the clone's own attempt.
        stop_requested: asked often.

    Raises:
        ClockTrainError: what `distillation.distill` raises.
    """
    place = None if run is None else run.student
    resumed = None if run is None or storage is None else _earlier_checkpoint(storage, run)
    request = DistillRequest(
        teacher=teacher,
        packed=packed,
        output=out,
        config=config.distillation,
        seed=config.training.seed,
        name=name,
        device=config.compute.device,
        effort=Effort(
            workers=config.compute.workers, min_workers=config.compute.min_workers, fork=True, resume_from=resumed
        ),
        store=store,
        place=place,
    )
    return distill(request, listener, curves, stop_requested=stop_requested)


def student_facts(voice: Path) -> dict[str, Any]:
    """What a mailbox says of a finished student: sizes, steps and the sentences that it was taught by."""
    values = parse_card(voice, read_card_bytes(voice))
    training = values["training"]
    return {
        "parameters": values["parameterCounts"]["synthesis"],
        "teacherParameters": training["teacherParameters"],
        "steps": training["steps"],
        "sentences": training["teacherSentences"],
    }


def _earlier_checkpoint(storage: Storage, run: RunPlace) -> str | None:
    """The newest checkpoint of the student of an earlier attempt; None where this one has begun, or none was saved."""
    if read_start(storage, run.student) is not None:
        return None
    for earlier, _ in lineage(storage, run):
        if earlier != run:
            steps = CheckpointStore(storage, earlier.student).steps()
            if steps:
                return step_prefix(earlier.student.checkpoints, steps[-1])
    return None
