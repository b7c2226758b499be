"""The training loop: steps, validations and checkpoints until the run is done, stopped or out of budget.

``fit`` knows no platform. Checkpoints leave through ``save``, figures through ``report``, and the wish to stop comes in
through ``stop_requested``; a folder, an object store, a progress bar or a tracker stand behind those.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, astuple, dataclass, fields
from enum import Enum

import numpy as np
import torch

from clock_train.errors import TrainingOutOfMemory
from clock_train.training import checkpoint
from clock_train.training.losses import adversarial_loss, discriminator_loss
from clock_train.training.memory import is_out_of_memory, largest_fitting
from clock_train.training.run import Run
from clock_train.training.schedule import Phase
from clock_train.training.validation import ValidationScores, durations_of_corpus, validate
from clock_train.training.watch import LossWatch

GPU_LOOK_EVERY = 20
"""Steps between two looks at the loss on a GPU: each look waits for the device."""


class Ending(Enum):
    """Why a run ended."""

    STEPS = "all steps done"
    BUDGET = "CPU budget spent"
    EARLY = "no better score for the given patience"
    STOPPED = "asked to stop; a checkpoint was saved"


@dataclass(frozen=True)
class StepReport:
    """What a listener learns of one step."""

    step: int
    max_steps: int
    phase: str
    terms: dict[str, float]
    fraction: float
    """Of the whole run, by steps or by budget, whichever is further."""
    learning_rate: float
    step_seconds: float
    data_seconds: float
    cpu_seconds: float
    validation: ValidationScores | None = None
    saved_seconds: float = 0.0


@dataclass(frozen=True)
class FitResult:
    """How a run ended. The voice holds the trained weights; ``checkpoint.load_average`` gives it the averaged ones."""

    ending: Ending
    step: int
    best_step: int | None
    cpu_seconds: float
    last_validation: ValidationScores | None


Save = Callable[[int, Mapping[str, bytes]], str]
"""Stores the files of a checkpoint under its step and returns where."""


def fit(
    run: Run,
    *,
    save: Save,
    report: Callable[[StepReport], None] | None = None,
    stop_requested: Callable[[], bool] = lambda: False,
    last_good: str | None = None,
) -> FitResult:
    """Train until the run ends.

    Args:
        run: fresh, or restored from a checkpoint.
        save: stores a checkpoint durably before it returns; only the first of several workers calls it.
        report: hears of every step; called in the training thread, so it must be quick.
        stop_requested: asked after every step; True saves and ends.
        last_good: where the run came from, for the message of a divergence.

    Raises:
        TrainingDiverged: a term is not finite or ran away.
        TrainingOutOfMemory: the batch does not fit; says which would.
    """
    config, state, watch, parallel = run.config, run.state, LossWatch(), run.parallel
    scores: ValidationScores | None = None
    while (ending := _ending(run)) is None:
        wall, cpu = time.perf_counter(), time.process_time()
        if _is_time_to_freeze(run):
            run.frozen_durations = durations_of_corpus(run)
        phase = config.schedule.phase(state.step)
        indices = run.plan.next(state.position)
        data_seconds = time.perf_counter() - wall
        terms = _step(run, indices, watch, last_good)
        step_seconds = time.perf_counter() - wall
        state.cpu_seconds += time.process_time() - cpu
        # every worker must leave at the same step, so they agree on what each would decide by itself
        state.cpu_seconds, wish = parallel.largest([state.cpu_seconds, float(stop_requested())])
        stopping = wish > 0
        fresh, saved_seconds = None, 0.0
        if state.step % config.checkpoint_every == 0 or stopping or _ending(run) is not None:
            # a stop must be quick: what it saves is not validated
            fresh = None if stopping else _validate(run)
            scores = fresh or scores
            began = time.perf_counter()
            random_states = parallel.gather(torch.get_rng_state())
            if parallel.is_first:
                last_good = save(state.step, checkpoint.to_files(run, random_states))
            saved_seconds = time.perf_counter() - began
        if report is not None:
            report(
                StepReport(
                    step=state.step,
                    max_steps=config.max_steps,
                    phase=phase.value,
                    terms=terms,
                    fraction=_fraction(run),
                    learning_rate=float(run.generator_optimizer.param_groups[0]["lr"]),
                    step_seconds=step_seconds,
                    data_seconds=data_seconds,
                    cpu_seconds=state.cpu_seconds,
                    validation=fresh,
                    saved_seconds=saved_seconds,
                )
            )
        if stopping:
            ending = Ending.STOPPED
            break
    return FitResult(ending, state.step, state.best_step, state.cpu_seconds, scores)


def _is_time_to_freeze(run: Run) -> bool:
    at = run.config.schedule.freeze_durations_at_step
    return at is not None and run.state.step >= at and run.frozen_durations is None


def _ending(run: Run) -> Ending | None:
    config, state = run.config, run.state
    if state.step >= config.max_steps:
        return Ending.STEPS
    if config.max_cpu_seconds is not None and state.cpu_seconds >= config.max_cpu_seconds:
        return Ending.BUDGET
    if config.patience is not None and state.validations_without_gain >= config.patience:
        return Ending.EARLY
    return None


def _step(run: Run, indices: np.ndarray, watch: LossWatch, last_good: str | None) -> dict[str, float]:
    try:
        terms = run.train_step(indices)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        # the failed step's tensors live on in its frames; without this a smaller batch finds the device still full
        traceback.clear_frames(error.__traceback__)
        raise _out_of_memory(run, indices, last_good) from error
    step = run.state.step
    # what is saved is looked at first: a checkpoint with a NaN in it must not become the last good one
    is_looked_at = step % GPU_LOOK_EVERY == 0 or step % run.config.checkpoint_every == 0
    if run.device.type == "cuda" and not is_looked_at:
        return {}
    values = {name: float(term) for name, term in terms.items()}
    watch.look(run.state.step, values, last_good=last_good)
    return values


def _out_of_memory(run: Run, indices: np.ndarray, last_good: str | None) -> TrainingOutOfMemory:
    fits = largest_fitting(len(indices), lambda size: _dry_run(run, indices[-size:]))
    advice = (
        f"a batch of {fits} fits: set training.batch_size to {fits}"
        if fits
        else "not even one clip fits: use a smaller model, or cut clips shorter"
    )
    where = f"; go on from {last_good}" if last_good else ""
    return TrainingOutOfMemory(
        f"step {run.state.step} ran out of memory on {run.device} with a batch of {len(indices)} clips; {advice}{where}"
    )


def _dry_run(run: Run, indices: np.ndarray) -> None:
    """Forward and backward without a step, on the longest clips of the batch, with the judges where they take part."""
    run.generator_optimizer.zero_grad(set_to_none=True)
    batch, judges = run.corpus.batch(indices), run.discriminators
    phase = run.config.schedule.phase(run.state.step)
    with torch.autocast(run.device.type, dtype=torch.bfloat16, enabled=run.autocast):
        output = run.generator_step(batch, phase, detach_prior=True, lesson=run.lesson(indices))
        if phase is Phase.CONTEST and judges is not None:
            discriminator_loss(judges(output.natural_BN), judges(output.generated_BN.detach())).backward()
            output.terms["adversarial"] = adversarial_loss(judges(output.generated_BN))
    torch.stack(list(output.terms.values())).sum().backward()


def _validate(run: Run) -> ValidationScores:
    cpu, state = time.process_time(), run.state
    nothing = ValidationScores(*[0.0] * len(fields(ValidationScores)))
    own = validate(run) if run.parallel.is_first else nothing
    scores = ValidationScores(*run.parallel.of_first(astuple(own)))
    state.cpu_seconds += time.process_time() - cpu
    if state.best_score is None or scores.score < state.best_score:
        state.best_score, state.best_step, state.validations_without_gain = scores.score, state.step, 0
    elif run.config.schedule.phase(state.step) is not Phase.HEARING:
        # while the text is not trained at all, patience would run out for nothing
        state.validations_without_gain += 1
    return scores


def _fraction(run: Run) -> float:
    by_steps = run.state.step / run.config.max_steps
    if run.config.max_cpu_seconds is None:
        return min(1.0, by_steps)
    return min(1.0, max(by_steps, run.state.cpu_seconds / run.config.max_cpu_seconds))


def scores_row(scores: ValidationScores) -> dict[str, float]:
    """Validation scores by name, for logs."""
    return {**asdict(scores), "score": scores.score}
