"""What every process that trains does, alone or as one of several: build the model, go on from a checkpoint, fit.

A job is plain values and places, so that it can be sent to another process or machine. Who starts the processes is
``training_session`` (in process) or ``ray_workers``.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch

from clock_train.data.packed_file import PackedCorpus, load_packed
from clock_train.errors import ConfigError
from clock_train.models.voice import VoiceConfig
from clock_train.orchestration.checkpoint_store import CheckpointStore
from clock_train.orchestration.starting_model import StartingModel, from_base, from_scratch, taken_over
from clock_train.storage.opening import open_storage
from clock_train.storage.places import RunPlace
from clock_train.storage.stored_folders import bring_folder, keep_files, keep_folder
from clock_train.training import checkpoint
from clock_train.training.lessons import LessonConfig, Lessons
from clock_train.training.loop import FitResult, StepReport, fit
from clock_train.training.parallel import ALONE, Parallel
from clock_train.training.run import Run, Teaching, TrainingConfig


@dataclass(frozen=True, kw_only=True)
class WorkerJob:
    """One training, as a worker is told of it."""

    packed_path: Path
    model: VoiceConfig
    """Of a model from scratch; a base brings its own."""
    training: TrainingConfig
    base: Path | None
    initial_vectors: dict[str, list[float]] | None
    store: str
    """Folder or ``s3://`` bucket of the checkpoints."""
    uid: str
    """Of what is trained; ``place`` says where."""
    place: RunPlace
    device: str
    shared: str | None = None
    """Prefix in the store of what a worker on another machine needs: ``packed/``, ``base/`` and ``teacher/``."""
    lessons_path: Path | None = None
    """What a teacher says of the packed clips, beside them; None trains without one."""
    lesson: LessonConfig = field(default_factory=LessonConfig)
    teacher: Path | None = None
    """A voice of which a model from scratch takes over what fits, and its discriminators where a contest comes."""

    def starting_model(self, packed: PackedCorpus) -> StartingModel:
        """The model before its first step."""
        seed, vectors = self.training.seed, self.initial_vectors
        judges = self.training.discriminators
        if self.base is None:
            started = from_scratch(self.model, packed, seed=seed, initial_vectors=vectors)
            if self.teacher is None:
                return started
            has_contest = self.training.schedule.contest_from_step is not None
            return taken_over(started, self._here(self.teacher, "teacher"), judges if has_contest else None)
        base = self._here(self.base, "base")
        return from_base(base, packed, seed=seed, initial_vectors=vectors, judges=judges)

    def packed(self) -> PackedCorpus:
        """The recordings, brought from storage where this is another machine."""
        return load_packed(self._here(self.packed_path.parent, "packed") / self.packed_path.name)

    def teaching(self) -> Teaching | None:
        """What a teacher says of the packed clips; None without one."""
        if self.lessons_path is None:
            return None
        folder = self._here(self.packed_path.parent, "packed")
        return Teaching(Lessons.load(folder / self.lessons_path.name), self.lesson)

    def share(self) -> None:
        """Put what workers on other machines need into the store; once, since both are known by their content."""
        if self.shared is None:
            return
        storage = open_storage(self.store)
        files = [path for path in (self.packed_path, self.lessons_path) if path is not None]
        keep_files(storage, f"{self.shared}/packed", {path.name: path for path in files})
        if self.teacher is not None:
            keep_folder(storage, f"{self.shared}/teacher", self.teacher)
        if self.base is not None:
            keep_folder(storage, f"{self.shared}/base", self.base)

    def _here(self, folder: Path, name: str) -> Path:
        """The folder itself where it is on this machine, else a copy of what was shared."""
        wanted = folder / self.packed_path.name if name == "packed" else folder
        if wanted.exists() or self.shared is None:
            return folder
        cache = Path(tempfile.gettempdir()) / f"clocktrain-{os.getuid()}-{self.uid}-{os.getpid()}" / name
        return bring_folder(open_storage(self.store), f"{self.shared}/{name}", cache)

    def checkpoints(self) -> CheckpointStore:
        """Where this run's checkpoints are."""
        return CheckpointStore(open_storage(self.store), self.place)


def begin(
    job: WorkerJob,
    *,
    warn: Callable[[str], None],
    parallel: Parallel = ALONE,
    device: torch.device | None = None,
    started: StartingModel | None = None,
) -> tuple[Run, int | None]:
    """The run, restored from its newest committed checkpoint, and that checkpoint's step.

    Args:
        job: what is trained.
        warn: told of damaged checkpoints that were passed over.
        parallel: this worker among the others.
        device: None takes the job's.
        started: the model to begin with, where the caller has built it already.
    """
    packed = job.packed()
    started = started or job.starting_model(packed)
    device = device or device_of(job.device)
    run = Run(started.voice, packed, job.training, device=device, parallel=parallel, teaching=job.teaching())
    if started.discriminators is not None:
        run.begin_contest(started.discriminators)
    newest = job.checkpoints().newest(warn)
    if newest is None:
        return run, None
    checkpoint.restore(run, newest[1])
    return run, newest[0]


def work(
    job: WorkerJob,
    run: Run,
    *,
    report: Callable[[StepReport], None] | None,
    stop_requested: Callable[[], bool],
    resumed_from: int | None,
) -> FitResult:
    """Train a run to its end, its checkpoints into the job's storage."""
    store = job.checkpoints()

    def save(step: int, files: Mapping[str, bytes]) -> str:
        where = store.save(step, files)
        store.prune(best_step=run.state.best_step)
        return where

    return fit(
        run,
        save=save,
        report=report,
        stop_requested=stop_requested,
        last_good=None if resumed_from is None else f"step {resumed_from} in {job.store}",
    )


def device_of(name: str) -> torch.device:
    """The device of a name; ``auto`` takes a GPU where there is one.

    Raises:
        ConfigError: a CUDA device that torch does not see.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise ConfigError(f'device "{name}" was asked for, but torch sees no CUDA device; use "cpu" or "auto"')
    if name == "cpu":
        # denormals slow convolutions of near-silence several times
        torch.set_flush_denormal(True)
        # One thread: on two cores a second one cost the student 35 % more CPU and saved no time (0.36 s a step with
        # either), and the same number everywhere gives the same voice. OMP_NUM_THREADS overrides it.
        if "OMP_NUM_THREADS" not in os.environ:
            torch.set_num_threads(1)
    return torch.device(name)
