"""One run from its start to its last step, in this process or on workers: history, signals, observer and progress.

What is trained, and what becomes of the weights, is the caller's: ``training_session`` or ``distillation``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from clock_train.errors import TrainingStopped
from clock_train.orchestration.attempts import resumption_of, start_attempt
from clock_train.orchestration.history import History
from clock_train.orchestration.listener import Eta, Listener
from clock_train.orchestration.observer import Observer, RunFacts
from clock_train.orchestration.run_identity import check_same_attempts, check_same_run
from clock_train.orchestration.starting_model import StartingModel
from clock_train.orchestration.stopping import stop_on_signals
from clock_train.orchestration.worker import WorkerJob, begin, work
from clock_train.storage.opening import open_storage
from clock_train.training.loop import Ending, FitResult, StepReport
from clock_train.training.run import Run

SHOW_EVERY = 5
"""Steps between two movements of the progress bar."""


@dataclass(frozen=True, kw_only=True)
class Effort:
    """Who trains, and what may be lost on the way."""

    workers: int = 0
    """Processes that share each batch, started by Ray; 0 trains in this one."""
    min_workers: int | None = None
    max_failures: int = 3
    fork: bool = False
    """Begin another run beside those of the folder."""
    resume_from: str | None = None
    """A checkpoint of an earlier attempt to go on from."""


@dataclass(frozen=True)
class Fitted:
    """A run after its last step; the voice holds the trained weights, not yet the averaged ones."""

    run: Run
    result: FitResult
    resumed_from: int | None
    history_path: Path


def fit_run(
    job: WorkerJob,
    started: StartingModel,
    facts: RunFacts,
    output: Path,
    effort: Effort,
    listener: Listener,
    observer: Observer | None,
    *,
    stage: str = "train",
    stop_requested: Callable[[], bool] = lambda: False,
) -> Fitted:
    """Train until the run ends.

    Args:
        job: what is trained.
        started: the model before its first step.
        facts: the run's identity.
        output: its folder.
        effort: workers, and where to go on from.
        listener: hears stage and progress.
        observer: a tracker; it is told of the end by the caller, once there is a voice.
        stage: its name.
        stop_requested: asked often; True saves and ends the run, as a signal would.

    Raises:
        TrainingStopped: it saved and stopped, as was asked.
        ClockTrainError: any leaf for what a checkpoint, the disk, the device or a worker can cause.
    """
    check_same_run(output, facts, fork=effort.fork)
    storage = open_storage(job.store)
    resumed = None if effort.resume_from is None else resumption_of(effort.resume_from, job.store, job.place)
    start_attempt(storage, job.place, resumed)
    check_same_attempts(storage, job.place, facts)
    job.share()
    listener.stage(stage)
    history = History(output / f"history-{job.uid}.jsonl")
    if observer is not None:
        observer.begin(facts)
    show, first_steps = _reporter(job, history, listener, observer), []

    def began(step: int | None, workers: int) -> None:
        first_steps.append(step)
        if step is not None:
            listener.note(f"going on from step {step}, its newest checkpoint")
        if workers > 1:
            listener.note(f"{workers} workers")
        history.go_back_to(step or 0)

    run: Run | None = None
    with stop_on_signals() as stop:

        def is_stop_wanted() -> bool:
            return stop.is_wanted() or stop_requested()

        if effort.workers == 0:
            run, resumed_from = begin(job, warn=listener.warn, started=started)
            began(resumed_from, 1)
            result = work(job, run, report=show, stop_requested=is_stop_wanted, resumed_from=resumed_from)
        else:
            from clock_train.orchestration.ray_workers import fit_on_workers

            result = fit_on_workers(
                job,
                workers=effort.workers,
                min_workers=effort.min_workers,
                max_failures=effort.max_failures,
                began=began,
                report=show,
                warn=listener.warn,
                stop_requested=is_stop_wanted,
            )
    if result.ending is Ending.STOPPED:
        if observer is not None:
            observer.end(result, None)
        if stop.is_wanted():
            stop.leave()
        raise TrainingStopped(
            f"saved at step {result.step} and stopped, as was asked; the next start goes on from there"
        )
    if run is None:  # the workers had it
        run, _ = begin(job, warn=listener.warn, started=started)
    return Fitted(run, result, first_steps[0], history.path)


def _reporter(
    job: WorkerJob, history: History, listener: Listener, observer: Observer | None
) -> Callable[[StepReport], None]:
    eta, weight = Eta(), job.training.loss.mel

    def report(step: StepReport) -> None:
        row = history.add(step)
        if observer is not None and row is not None:
            observer.progress(row)
        if step.step % SHOW_EVERY == 0 or step.validation is not None:
            parts = [f"step {step.step}", step.phase]
            if "mel" in step.terms and weight:
                parts.append(f"mel {step.terms['mel'] / weight:.2f}")
            listener.advance(step.fraction, ", ".join(parts), eta.left(step.fraction))

    return report
