"""One training run from corpora to a voice folder, resumable at every point.

The output folder holds everything: ``packed-*.npz`` (the corpus as training reads it), ``store/`` (checkpoints, by the
keys of every storage), ``history.jsonl`` (one line a checkpoint interval) and ``voice/``. The same request goes on
where it stopped; another request in the same folder is another run beside it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import torch

from clock_train.consent.record import CONSENT_NAME, read_record
from clock_train.data.manifest import MANIFEST_NAME, Corpus, read_corpus
from clock_train.data.packing import PackedCorpus, load_packed, pack, save_packed
from clock_train.errors import ConfigError
from clock_train.models.config_text import to_plain
from clock_train.models.voice import VoiceConfig
from clock_train.models.voice_files import VoiceCard, save_voice
from clock_train.orchestration.checkpoint_store import CheckpointStore
from clock_train.orchestration.history import History
from clock_train.orchestration.listener import Eta, Listener
from clock_train.orchestration.presets import for_fine_tuning, preset
from clock_train.orchestration.run_lock import locked
from clock_train.orchestration.starting_model import StartingModel, from_base, from_scratch, vectors_after_training
from clock_train.orchestration.stopping import stop_on_signals
from clock_train.storage.folder import FolderStorage
from clock_train.text.inventory import INVENTORY_ID
from clock_train.training import checkpoint
from clock_train.training.loop import Ending, FitResult, StepReport, fit
from clock_train.training.run import Run, TrainingConfig
from clock_train.training.schedule import ScheduleConfig

SHOW_EVERY = 5
"""Steps between two movements of the progress bar."""
MOST_HEARING = 0.35
"""Share of the steps; a little less than the demo, whose budget is in CPU time, gives it."""


@dataclass(frozen=True, kw_only=True)
class TrainRequest:
    """What to train, from what, and where to. None takes the preset's value."""

    corpora: Sequence[Path]
    output: Path
    preset: str = "Demo"
    base: Path | None = None
    """A voice folder to fine-tune from; None trains from scratch."""
    kind: str = "voice"
    name: str | None = None
    max_steps: int | None = None
    epochs: int | None = None
    """Passes over the training clips; sets ``max_steps`` once their number is known."""
    checkpoint_every_epochs: int | None = None
    max_cpu_seconds: float | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    seed: int | None = None
    device: str = "auto"
    initial_vectors: dict[str, list[float]] | None = None
    """Speaker vectors to start from, for a model that stores them."""


@dataclass(frozen=True)
class TrainOutcome:
    """Where the voice is and how the run went."""

    voice_path: Path
    result: FitResult
    packed: PackedCorpus
    left_out: list[tuple[str, str]]
    resumed_from: int | None
    history_path: Path
    speakers_in_base: list[str]


def train(request: TrainRequest, listener: Listener) -> TrainOutcome:
    """Run, or go on with, one training.

    Raises:
        ClockTrainError: any leaf for what a corpus, a base, a checkpoint, the disk or the device can cause.
    """
    with locked(request.output):
        corpora = [read_corpus(path) for path in request.corpora]
        chosen = preset(request.preset)
        packed, left_out = _packed(request, corpora, chosen.training, listener)
        training = _training_config(request, chosen.training, packed)
        started = _starting_model(request, chosen.model(), packed, training)
        if request.base is not None:
            training = for_fine_tuning(training, has_discriminators=started.discriminators is not None)
        return _train(request, packed, left_out, training, started, corpora, listener)


def _train(
    request: TrainRequest,
    packed: PackedCorpus,
    left_out: list[tuple[str, str]],
    training: TrainingConfig,
    started: StartingModel,
    corpora: Sequence[Corpus],
    listener: Listener,
) -> TrainOutcome:
    listener.stage("train")
    uid = _run_uid(packed, started.voice.config, training, request)
    # after the name of the run: a longer run is the same run
    training = replace(training, schedule=_fitted(training.schedule, training.max_steps))
    store = CheckpointStore(FolderStorage(request.output / "store"), uid)
    run = Run(started.voice, packed, training, device=_device(request.device))
    if started.discriminators is not None:
        run.begin_contest(started.discriminators)
    newest = store.newest(listener.warn)
    if newest is not None:
        checkpoint.restore(run, newest[1])
        listener.note(f"going on from step {newest[0]}, its newest checkpoint")
    history = History(request.output / f"history-{uid}.jsonl", since_step=run.state.step)
    with stop_on_signals() as stop:
        result = fit(
            run,
            save=lambda step, files: _save(store, run, step, files),
            report=_reporter(run, history, listener),
            stop_requested=stop.is_wanted,
            last_good=f"step {newest[0]} in {request.output / 'store'}" if newest else None,
        )
    if result.ending is Ending.STOPPED:
        stop.leave()
    voice_path = _save_voice(request, run, store, result, corpora)
    listener.note(f"{result.ending.value} at step {result.step}; the voice is in {voice_path}")
    return TrainOutcome(
        voice_path, result, packed, left_out, newest[0] if newest else None, history.path, started.base_speakers
    )


def _packed(
    request: TrainRequest, corpora: Sequence[Corpus], training: TrainingConfig, listener: Listener
) -> tuple[PackedCorpus, list[tuple[str, str]]]:
    facts = [corpus_revision(corpora), to_plain(training.augmentation), INVENTORY_ID, version("clock-train")]
    name = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]
    path, notes = request.output / f"packed-{name}.npz", request.output / f"packed-{name}.json"
    if path.exists() and notes.exists():
        listener.note(f"reusing the packed corpus {path.name}")
        return load_packed(path), [(clip, why) for clip, why in json.loads(notes.read_text())]
    listener.stage("pack")
    eta = Eta()
    packed, report = pack(
        corpora,
        speed_copies=training.augmentation.speed_copies,
        speed_percent=training.augmentation.speed_percent,
        progress=lambda done, total: listener.advance(done / total, f"{done} clips", eta.left(done / total)),
    )
    partial = path.with_suffix(".partial")
    save_packed(packed, partial)
    partial.rename(path)
    notes.write_text(json.dumps(report.left_out, ensure_ascii=False))
    if report.left_out:
        listener.note(f"{len(report.left_out)} clips cannot be trained on, such as {report.left_out[0]}")
    return packed, report.left_out


def _training_config(request: TrainRequest, training: TrainingConfig, packed: PackedCorpus) -> TrainingConfig:
    changes = {
        name: getattr(request, name)
        for name in ("max_steps", "max_cpu_seconds", "batch_size", "seed")
        if getattr(request, name) is not None
    }
    if request.max_steps is not None or request.epochs is not None:
        changes.setdefault("max_cpu_seconds", None)
    training = replace(training, **changes)
    if request.learning_rate is not None:
        training = replace(training, optimizer=replace(training.optimizer, learning_rate=request.learning_rate))
    steps_an_epoch = max(1, len(packed.of_split(0)) // training.batch_size)
    if request.epochs is not None:
        training = replace(training, max_steps=request.epochs * steps_an_epoch)
    if request.checkpoint_every_epochs is not None:
        training = replace(training, checkpoint_every=request.checkpoint_every_epochs * steps_an_epoch)
    return training


def _fitted(schedule: ScheduleConfig, max_steps: int) -> ScheduleConfig:
    """A short run must not end before it has learnt to read: hearing takes at most its share of the steps."""
    hearing = min(schedule.hearing_steps, int(max_steps * MOST_HEARING))
    return replace(schedule, hearing_steps=hearing)


def _starting_model(
    request: TrainRequest, config: VoiceConfig, packed: PackedCorpus, training: TrainingConfig
) -> StartingModel:
    if request.base is not None:
        return from_base(
            request.base,
            packed,
            seed=training.seed,
            initial_vectors=request.initial_vectors,
            judges=training.discriminators,
        )
    return from_scratch(config, packed, seed=training.seed, initial_vectors=request.initial_vectors)


def _save(store: CheckpointStore, run: Run, step: int, files: Mapping[str, bytes]) -> str:
    where = store.save(step, files)
    store.prune(best_step=run.state.best_step)
    return where


def _reporter(run: Run, history: History, listener: Listener) -> Callable[[StepReport], None]:
    eta = Eta()

    def report(step: StepReport) -> None:
        history.add(step)
        if step.step % SHOW_EVERY == 0 or step.validation is not None:
            parts = [f"step {step.step}", step.phase]
            if "mel" in step.terms and run.config.loss.mel:
                parts.append(f"mel {step.terms['mel'] / run.config.loss.mel:.2f}")
            listener.advance(step.fraction, ", ".join(parts), eta.left(step.fraction))

    return report


def _save_voice(
    request: TrainRequest, run: Run, store: CheckpointStore, result: FitResult, corpora: Sequence[Corpus]
) -> Path:
    """Write the averaged weights of the best checkpoint as a voice."""
    best = result.best_step if result.best_step in store.steps() else result.step
    checkpoint.load_average(run.voice, store.read(best))
    packed = run.corpus.packed
    card = VoiceCard(
        name=request.name or "-".join(packed.speakers[:3]),
        kind=request.kind,
        languages=sorted(set(packed.languages)),
        speakers=packed.speakers,
        consent_ids=sorted(read_record(c.path).id for c in corpora if (c.path / CONSENT_NAME).exists()),
        corpus_revision=corpus_revision(corpora),
        training={
            "preset": request.preset,
            "base": str(request.base) if request.base else None,
            "steps": result.step,
            "spokenStep": best,
            "cpuSeconds": round(result.cpu_seconds, 1),
            "lastPhase": run.config.schedule.phase(max(0, result.step - 1)).value,
            "ending": result.ending.value,
            "trainedSeconds": round(float(packed.seconds()[packed.of_split(0)].sum()), 1),
            "testClips": [packed.clip_ids[i] for i in packed.of_split(2)],
        },
    )
    path = request.output / "voice"
    save_voice(path, card, run.voice, vectors_after_training(run), discriminators=run.discriminators)
    return path


def corpus_revision(corpora: Sequence[Corpus]) -> str:
    """sha256 over the manifests, in order."""
    digest = hashlib.sha256()
    for corpus in corpora:
        digest.update((corpus.path / MANIFEST_NAME).read_bytes())
    return digest.hexdigest()


def _run_uid(packed: PackedCorpus, model: VoiceConfig, training: TrainingConfig, request: TrainRequest) -> str:
    """Same data, model, training and base: the same run. How long it may take does not count."""
    facts = to_plain(replace(training, max_steps=1, max_cpu_seconds=None, patience=None))
    digest = hashlib.sha256(json.dumps([facts, to_plain(model), str(request.base)], sort_keys=True).encode())
    digest.update(packed.samples.tobytes())
    digest.update(packed.tokens.tobytes())
    return digest.hexdigest()[:12]


def _device(name: str) -> torch.device:
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
