"""One training run from corpora to a voice folder, resumable at every point.

The output folder holds everything: ``packed-*.npz`` (the corpus as training reads it), ``store/`` (checkpoints, by the
keys of every storage), ``history.jsonl`` (one line a checkpoint interval) and ``voice/``. The same request goes on
where it stopped; another request in the same folder is another run beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from clock_train.consent.rules import Grant
from clock_train.data.packing import PackedCorpus
from clock_train.models.config_text import to_plain
from clock_train.orchestration.card_facts import hardware_class
from clock_train.orchestration.consents import stopping_with_consents
from clock_train.orchestration.corpus_versions import revision_of
from clock_train.orchestration.listener import Listener
from clock_train.orchestration.observer import Observer, RunFacts
from clock_train.orchestration.run_fitting import Effort, Fitted, fit_run
from clock_train.orchestration.run_lock import locked
from clock_train.orchestration.trained_voice import Trained, write_trained_voice
from clock_train.orchestration.training_preparation import Prepared, TrainRequest, prepare
from clock_train.training import checkpoint
from clock_train.training.loop import FitResult


@dataclass(frozen=True)
class TrainOutcome:
    """Where the voice is and how the run went."""

    uid: str
    voice_path: Path
    result: FitResult
    packed: PackedCorpus
    left_out: list[tuple[str, str]]
    resumed_from: int | None
    history_path: Path
    speakers_in_base: list[str]


def train(
    request: TrainRequest,
    listener: Listener,
    observer: Observer | None = None,
    *,
    stop_requested: Callable[[], bool] = lambda: False,
) -> TrainOutcome:
    """Run, or go on with, one training.

    Args:
        request: what to train.
        listener: shows stages and progress to a person.
        observer: a tracker, told of the run's identity and of every step.
        stop_requested: asked often; True saves and ends the run, as a signal would.

    Raises:
        TrainingStopped: it saved and stopped, as was asked.
        ComplianceBlocked: the recordings have a finding that must be settled first.
        BaseRetired: the base contains a speaker who was erased.
        ClockTrainError: any leaf for what a corpus, a base, a checkpoint, the disk, the device or a worker can cause.
    """
    with locked(request.output):
        prepared = prepare(request, listener)
        try:
            return _train(prepared, listener, observer, stop_requested)
        except Exception as error:
            if observer is not None:  # one that has not begun has nothing to say
                observer.failed(error)
            raise


def _train(
    prepared: Prepared, listener: Listener, observer: Observer | None, stop_requested: Callable[[], bool]
) -> TrainOutcome:
    request, job, started = prepared.request, prepared.job, prepared.started
    facts = facts_of(prepared)
    effort = Effort(
        workers=request.workers,
        min_workers=request.min_workers,
        max_failures=request.max_failures,
        fork=request.fork,
        resume_from=request.resume_from,
    )
    grants = [Grant.of(record) for record in prepared.consents]
    with stopping_with_consents(grants, f'the voice "{facts.name}"', stop_requested) as is_stop_wanted:
        fitted = fit_run(job, started, facts, request.output, effort, listener, observer, stop_requested=is_stop_wanted)
    result, voice_path = fitted.result, _save_voice(prepared, fitted)
    if observer is not None:
        observer.end(result, voice_path)
    listener.note(f"{result.ending.value} at step {result.step}; the voice is in {voice_path}")
    return TrainOutcome(
        job.uid, voice_path, result, prepared.packed, prepared.left_out, fitted.resumed_from, fitted.history_path,
        started.base_speakers,
    )  # fmt: skip


def facts_of(prepared: Prepared) -> RunFacts:
    """What identifies the run to a tracker."""
    request, job = prepared.request, prepared.job
    return RunFacts(
        uid=job.uid,
        name=prepared.name,
        preset=request.preset,
        model=to_plain(prepared.started.voice.config),
        training=to_plain(job.training),
        corpus_revision=prepared.revision,
        dvc_revisions=[revision_of(path) or "" for path in request.corpora],
        speakers=list(prepared.packed.speakers),
        base=str(request.base) if request.base else None,
        workers=request.workers,
        store=job.store,
        packed_path=str(job.packed_path),
        prefix=job.place.prefix,
        code=version("clock-train"),
    )


def _save_voice(prepared: Prepared, fitted: Fitted) -> Path:
    """Write the averaged weights of the best checkpoint as a voice."""
    store, result, request = prepared.job.checkpoints(), fitted.result, prepared.request
    best = store.spoken_step(result.best_step, result.step)
    checkpoint.load_average(fitted.run.voice, store.read(best))
    trained = Trained(
        steps=result.step,
        spoken_step=best,
        trained_on=store.saved_on(best),
        cpu_seconds=result.cpu_seconds,
        ending=result.ending.value,
        hardware=hardware_class(request.device, request.workers),
    )
    return write_trained_voice(prepared, fitted.run, trained)
