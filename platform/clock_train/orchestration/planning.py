"""What a VoiceClone would do, before it does it: stages, reuse, steps, time and cost, against the budget.

Composes values without the dataclasses and without torch, so that a plan takes less than a second. Everything that is
not a count is an estimate, and says where it comes from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clock_train.config.composing import compose
from clock_train.config.literal_defaults import literal_defaults
from clock_train.crd.reading import Manifests
from clock_train.crd.v1alpha1 import VoiceClone, VoiceTrainingRuntime
from clock_train.crd.version import version_digest
from clock_train.data.manifest import MANIFEST_NAME, read_corpus
from clock_train.data.splits import TRAIN, split_clips
from clock_train.errors import ConfigValueInvalid
from clock_train.orchestration.manifest_mapping import experiment_of
from clock_train.orchestration.stage_ledger import StageLedger
from clock_train.orchestration.step_times import StepTimes, known_step_times, measured_step_times

MOST_HEARING = 0.35
"""Share of a run; that of `training_session`, which loads torch. A test holds them equal."""


@dataclass(frozen=True, kw_only=True)
class StagePlan:
    """One stage."""

    name: str
    action: str
    """run, reuse or skip."""
    why: str
    steps: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One limit of the budget against the estimate."""

    limit: str
    allowed: float
    estimate: float | None

    @property
    def is_exceeded(self) -> bool | None:
        """Whether the estimate lies above; None where there is no estimate."""
        return None if self.estimate is None else self.estimate > self.allowed


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What would be done."""

    clone: str
    version_digest: str
    experiment: str
    batch_size: int
    stages: list[StagePlan]
    steps: int | None
    training_clips: int | None
    seconds: float | None
    step_source: str
    accelerator_hours: float | None
    cost: float | None
    currency: str | None
    verdicts: list[Verdict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def plan(manifests: Manifests, clone: VoiceClone, *, folder: Path, output: Path, ledger: StageLedger) -> Plan:
    """What the clone would do.

    Args:
        manifests: what else the file holds; a runtime in it gives prices.
        clone: what is wanted.
        folder: what relative paths of corpora are relative to.
        output: output folder, whose newest history gives the time of a step.
        ledger: finished stages.
    Raises:
        ConfigError: an accelerator class that does not exist.
        CorpusError: a corpus in a local folder that is damaged or cannot be read.
        TrainingDataTooSmall: too few clips of a speaker.
    """
    notes: list[str] = []
    experiment, overrides = experiment_of(clone.spec)
    values = compose(experiment, overrides)
    training = literal_defaults("clock_train.training.run", "TrainingConfig") | values["training"]
    schedule = literal_defaults("clock_train.training.schedule", "ScheduleConfig") | training.get("schedule", {})
    copies = int(training.get("augmentation", {}).get("speed_copies", 0))
    clips = _training_clips(clone, folder, notes)
    clips = None if clips is None else clips * (1 + copies)
    steps = _steps(values, training, clips, notes)
    times = measured_step_times(output) or known_step_times(
        _model_of(values), _device_of(values), batch_size=training["batch_size"]
    )
    seconds = None
    if steps is not None and times is not None:
        seconds = _training_seconds(clone, training, schedule, steps, times, is_by_epochs="passes" in values)
    if times is None:
        notes.append(f"no step of the {_model_of(values)} on {_device_of(values)} was measured: time and cost unknown")
    distilling = _distilling(clone, values, output, notes)
    stages = _stages(clone, ledger, {_training_stage(clone): (steps, seconds), "Distill": distilling})
    left = sum(stage.seconds or 0.0 for stage in stages) if _is_timed(stages, seconds) else None
    workers = max(1, int(values["compute"].get("workers") or 1))
    if workers > 1:
        notes.append(f"{workers} workers finish in {workers}th of the time at best; what sharing costs is not measured")
    # workers share each batch: the work is the same
    hours = None if left is None else left / 3_600
    runtime = manifests.runtime_of(clone)
    price, currency = _price(clone, runtime, notes)
    cost = None if hours is None or price is None else hours * price
    return Plan(
        clone=clone.metadata.name,
        version_digest=version_digest(clone.spec),
        experiment=str(values["name"]),
        batch_size=training["batch_size"],
        stages=stages,
        steps=steps,
        training_clips=clips,
        seconds=None if left is None else left / workers,
        step_source=times.source if times else "unknown",
        accelerator_hours=hours,
        cost=cost,
        currency=currency,
        verdicts=_verdicts(values.get("budget", {}), hours, cost, None if left is None else left / workers),
        notes=notes,
    )


def _training_clips(clone: VoiceClone, folder: Path, notes: list[str]) -> int | None:
    clips = 0
    for speaker in clone.spec.speakers:
        uri = speaker.corpus.uri
        path = folder / uri.removeprefix("file://")
        if uri.startswith("s3://") or not (path / MANIFEST_NAME).exists():
            notes.append(
                f"the corpus of {speaker.name} ({uri}) is not on this machine: its size is known after Prepare"
            )
            return None
        found = read_corpus(path).accepted()
        sides = split_clips([c.id for c in found], [c.speaker for c in found], [c.seconds for c in found])
        clips += sides.count(TRAIN)
    return clips


def _steps(values: dict[str, Any], training: dict[str, Any], clips: int | None, notes: list[str]) -> int | None:
    epochs = values.get("passes", {}).get("epochs")
    if epochs is None:
        if training.get("patience") is not None:
            notes.append("training may end earlier, when it gets no better")
        return int(training["max_steps"])
    if clips is None:
        notes.append(f"the steps of {epochs} epochs are known after Prepare")
        return None
    return int(epochs) * max(1, clips // int(training["batch_size"]))


def _training_seconds(
    clone: VoiceClone,
    training: dict[str, Any],
    schedule: dict[str, Any],
    steps: int,
    times: StepTimes,
    *,
    is_by_epochs: bool,
) -> float:
    hearing = min(int(schedule["hearing_steps"]), int(steps * MOST_HEARING))
    contest_from = schedule["contest_from_step"]
    if clone.spec.base is not None:
        hearing, contest_from = 0, None if contest_from is None else 0
    contest = 0 if contest_from is None else max(0, steps - int(contest_from))
    reading = max(0, steps - hearing - contest)
    seconds = hearing * times.of("hearing") + reading * times.of("reading") + contest * times.of("contest")
    limit = training["max_cpu_seconds"]
    return seconds if limit is None or is_by_epochs else min(seconds, float(limit))


def _training_stage(clone: VoiceClone) -> str:
    return "Pretrain" if clone.spec.base is None else "Finetune"


def _distils(clone: VoiceClone) -> bool:
    return clone.spec.distillation is not None and clone.spec.distillation.policy == "Always"


def _distilling(
    clone: VoiceClone, values: dict[str, Any], output: Path, notes: list[str]
) -> tuple[int | None, float | None]:
    """Steps of the student, and seconds where a step of one was measured."""
    if not _distils(clone):
        return None, None
    training = literal_defaults("clock_train.training.run", "TrainingConfig") | values["distillation"]["training"]
    schedule = literal_defaults("clock_train.training.schedule", "ScheduleConfig") | training.get("schedule", {})
    steps, device = int(training["max_steps"]), _device_of(values)
    times = measured_step_times(output / "distill") or known_step_times(
        "distillation", device, batch_size=training["batch_size"]
    )
    if times is None:
        notes.append(f"no step of a distillation on {device} was measured: its time and cost are not counted")
        return steps, None
    hearing = min(int(schedule["hearing_steps"]), int(steps * MOST_HEARING))
    contest_from = schedule["contest_from_step"]
    contest = 0 if contest_from is None else max(0, steps - int(contest_from))
    seconds = (
        hearing * times.of("hearing")
        + (steps - hearing - contest) * times.of("reading")
        + contest * times.of("contest")
    )
    limit = training["max_cpu_seconds"]
    return steps, seconds if limit is None else min(seconds, float(limit))


def _stages(
    clone: VoiceClone, ledger: StageLedger, efforts: dict[str, tuple[int | None, float | None]]
) -> list[StagePlan]:
    """Every stage; ``efforts`` are steps and seconds of those that train."""
    digest, finished = version_digest(clone.spec), ledger.finished()
    stages, is_fresh = [], False
    for name in ("Prepare", _training_stage(clone), "Distill", "Evaluate", "Export"):
        if name == "Distill" and not _distils(clone):
            stages.append(StagePlan(name=name, action="skip", why="the clone asks for no distillation"))
            continue
        done = finished.get(name)
        if done is not None and done.digest == digest and not is_fresh:
            stages.append(StagePlan(name=name, action="reuse", why=f"finished {done.finished_at} for this version"))
            continue
        if is_fresh:
            why = "a stage before it runs"
        else:
            why = "not finished" if done is None else "finished for another version"
        is_fresh = True
        steps, seconds = efforts.get(name, (None, None))
        stages.append(StagePlan(name=name, action="run", why=why, steps=steps, seconds=seconds))
    return stages


def _is_timed(stages: list[StagePlan], seconds: float | None) -> bool:
    return seconds is not None or all(stage.steps is None and stage.action != "run" for stage in stages)


def _price(
    clone: VoiceClone, runtime: VoiceTrainingRuntime | None, notes: list[str]
) -> tuple[float | None, str | None]:
    compute = clone.spec.compute
    if runtime is None:
        named = clone.spec.runtime_ref.name if clone.spec.runtime_ref else None
        notes.append(
            f"the runtime {named} is not in the file: no prices" if named else "no runtime is named: no prices"
        )
        return None, None
    if compute is None:
        return None, runtime.spec.currency
    for one in runtime.spec.accelerator_classes:
        if one.name == compute.accelerator_class_name:
            if one.price_per_hour is None:
                notes.append(f"the runtime {runtime.metadata.name} has no price of {one.name}")
                return None, runtime.spec.currency
            return float(one.price_per_hour), runtime.spec.currency
    known = ", ".join(one.name for one in runtime.spec.accelerator_classes)
    raise ConfigValueInvalid(
        f"spec.compute.acceleratorClassName is {compute.accelerator_class_name!r}; the runtime "
        f"{runtime.metadata.name} has {known}"
    )


def _verdicts(budget: dict[str, Any], hours: float | None, cost: float | None, seconds: float | None) -> list[Verdict]:
    estimates = {
        "maxAcceleratorHours": ("max_accelerator_hours", hours),
        "maxCost": ("max_cost", cost),
        "activeDeadlineSeconds": ("active_deadline_s", seconds),
    }
    return [
        Verdict(limit=limit, allowed=float(budget[key]), estimate=estimate)
        for limit, (key, estimate) in estimates.items()
        if budget.get(key) is not None
    ]


def _model_of(values: dict[str, Any]) -> str:
    return "teacher" if values["model"].get("voice_source") == "ENCODER" else "student"


def _device_of(values: dict[str, Any]) -> str:
    """Without torch nobody knows what auto finds; a GPU is asked for by name."""
    device = str(values["compute"].get("device", "auto"))
    return "cuda" if device.startswith("cuda") else "cpu"
