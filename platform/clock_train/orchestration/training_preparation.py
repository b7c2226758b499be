"""What comes before the first step of a training: recordings checked and packed, settings, and the model to begin with.

The same for a run on this machine, on workers, and for one that is carried to another machine.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from clock_train.bundle.card import check_voice_name
from clock_train.compliance.accepted import keep_accepted
from clock_train.consent.record import ConsentRecord
from clock_train.data.manifest import MANIFEST_NAME, Corpus, read_corpus
from clock_train.data.packing import PackedCorpus, load_packed, pack, save_packed
from clock_train.erasure.retired_bases import check_not_retired
from clock_train.issuing.access import Access
from clock_train.issuing.installation import Installation
from clock_train.models.config_text import to_plain
from clock_train.models.voice import VoiceConfig
from clock_train.orchestration.compliance_stage import Checks, refuse_findings
from clock_train.orchestration.consents import require_consents
from clock_train.orchestration.listener import Eta, Listener
from clock_train.orchestration.presets import for_fine_tuning, preset
from clock_train.orchestration.reading_log import record_recordings, record_voice
from clock_train.orchestration.run_lock import locked
from clock_train.orchestration.starting_model import StartingModel
from clock_train.orchestration.worker import WorkerJob
from clock_train.storage.opening import open_storage
from clock_train.storage.places import RunPlace
from clock_train.text.inventory import INVENTORY_ID
from clock_train.training.parallel import check_shareable
from clock_train.training.run import TrainingConfig
from clock_train.training.schedule import ScheduleConfig
from clock_train.training.trained_parts import TrainedParts

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
    trained: TrainedParts | None = None
    """What of the model changes."""
    device: str = "auto"
    initial_vectors: dict[str, list[float]] | None = None
    """Speaker vectors to start from, for a model that stores them."""
    workers: int = 0
    """Processes that share each batch, started by Ray; 0 trains in this one."""
    min_workers: int | None = None
    """Fewest workers to go on with when some are lost; None needs all of them."""
    max_failures: int = 3
    """Losses of workers after which a run gives up."""
    fork: bool = False
    """Begin another run beside those of the folder; without it a request that differs from them is refused."""
    store: str | None = None
    """Folder or ``s3://`` bucket of checkpoints; None keeps them below ``output``."""
    place: RunPlace | None = None
    """Where in the store; None: by what is trained, on this machine."""
    resume_from: str | None = None
    """A checkpoint of an earlier attempt to go on from; None: this attempt's own newest, or none."""
    consents: Sequence[ConsentRecord] | None = None
    """One a corpus, from the resources of a cluster; None: each corpus has its own beside it."""
    checks: Checks = Checks.ALL
    """What of the recordings is looked at beside their consents."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A training before its first step."""

    request: TrainRequest
    corpora: Sequence[Corpus]
    consents: Sequence[ConsentRecord]
    revision: str
    """Of the corpora, sha256."""
    packed: PackedCorpus
    left_out: list[tuple[str, str]]
    """Clips that cannot be trained on, and why."""
    job: WorkerJob
    started: StartingModel

    @property
    def name(self) -> str:
        """Of the voice."""
        return _voice_name(self.request, self.packed.speakers)


def prepare(request: TrainRequest, listener: Listener) -> Prepared:
    """Check who agreed and what the recordings hold, pack them, and build the model to begin with.

    The caller holds the lock of the output folder.

    Raises:
        ComplianceBlocked: the recordings have a finding that must be settled first.
        BaseRetired: the base contains a speaker who was erased.
        ClockTrainError: any leaf for what a corpus, a consent, a base or the disk can cause.
    """
    corpora = [read_corpus(path) for path in request.corpora]
    check_voice_name(_voice_name(request, sorted({each for one in corpora for each in one.speakers()})))
    consents = require_consents(corpora, given=request.consents)
    if request.base is not None:
        storage = open_storage(request.store) if request.store else None
        namespace = (request.place or RunPlace(uid="")).namespace
        check_not_retired(request.base, Installation(), storage=storage, namespace=namespace)
        record_voice(request.base, Access.TUNE)
    revision = corpus_revision(corpora)
    refuse_findings(corpora, request.output, listener, revision=revision, checks=request.checks)
    record_recordings(corpora, consents, revision)
    chosen = preset(request.preset)
    path, packed, left_out = _packed(request, corpora, revision, chosen.training, listener)
    training = _training_config(request, chosen.training, packed)
    check_shareable(min(training.batch_size, len(packed.of_split(0))), request.workers)
    job = _job(request, path, chosen.model(), training)
    started = job.starting_model(packed)
    if request.base is not None:
        training = for_fine_tuning(training, has_discriminators=started.discriminators is not None)
    uid = _run_uid(packed, started.voice.config, training, request)
    # after the name of the run: a longer run is the same run
    training = replace(training, schedule=fitted_schedule(training.schedule, training.max_steps))
    place = request.place or RunPlace(uid=uid)
    job = replace(job, training=training, uid=uid, place=place)
    if request.store is not None and request.workers:
        job = replace(job, shared=f"{place.prefix}/shared")
    return Prepared(
        request=request, corpora=corpora, consents=consents, revision=revision, packed=packed, left_out=left_out,
        job=job, started=started,
    )  # fmt: skip


def pack_corpora(request: TrainRequest, listener: Listener) -> Path:
    """Only the first part of a training: the recordings as it reads them."""
    with locked(request.output):
        corpora = [read_corpus(path) for path in request.corpora]
        consents = require_consents(corpora, given=request.consents)
        revision = corpus_revision(corpora)
        record_recordings(corpora, consents, revision)
        return _packed(request, corpora, revision, preset(request.preset).training, listener)[0]


def _job(request: TrainRequest, packed_path: Path, model: VoiceConfig, training: TrainingConfig) -> WorkerJob:
    return WorkerJob(
        packed_path=packed_path.absolute(),
        model=model,
        training=training,
        base=None if request.base is None else request.base.absolute(),
        initial_vectors=request.initial_vectors,
        store=request.store or str((request.output / "store").absolute()),
        uid="",
        place=request.place or RunPlace(uid=""),
        device=request.device,
    )


def _voice_name(request: TrainRequest, speakers: Sequence[str]) -> str:
    return request.name or "-".join(speakers[:3]) or "voice"


def _packed(
    request: TrainRequest, corpora: Sequence[Corpus], revision: str, training: TrainingConfig, listener: Listener
) -> tuple[Path, PackedCorpus, list[tuple[str, str]]]:
    facts = [revision, to_plain(training.augmentation), INVENTORY_ID, version("clock-train")]
    name = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]
    keep_accepted(corpora, request.output)
    path, notes = request.output / f"packed-{name}.npz", request.output / f"packed-{name}.json"
    if path.exists() and notes.exists():
        listener.note(f"reusing the packed corpus {path.name}")
        return path, load_packed(path), [(clip, why) for clip, why in json.loads(notes.read_text())]
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
    return path, packed, report.left_out


def _training_config(request: TrainRequest, training: TrainingConfig, packed: PackedCorpus) -> TrainingConfig:
    changes = {
        name: getattr(request, name)
        for name in ("max_steps", "max_cpu_seconds", "batch_size", "seed", "trained")
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


def fitted_schedule(schedule: ScheduleConfig, max_steps: int) -> ScheduleConfig:
    """A short run must not end before it has learnt to read: hearing takes at most its share of the steps."""
    hearing = min(schedule.hearing_steps, int(max_steps * MOST_HEARING))
    return replace(schedule, hearing_steps=hearing)


def corpus_revision(corpora: Sequence[Corpus]) -> str:
    """sha256 over manifests and sounds, in order: what was said, and what was heard."""
    digest = hashlib.sha256()
    for corpus in corpora:
        digest.update((corpus.path / MANIFEST_NAME).read_bytes())
        for clip in corpus.accepted():
            with (corpus.path / clip.path).open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _run_uid(packed: PackedCorpus, model: VoiceConfig, training: TrainingConfig, request: TrainRequest) -> str:
    """Same data, model, training, base and package: the same run. How long it may take does not count."""
    facts = to_plain(replace(training, max_steps=1, max_cpu_seconds=None, patience=None))
    base = None if request.base is None else hashlib.sha256((request.base / "voice.json").read_bytes()).hexdigest()
    parts = [facts, to_plain(model), base, version("clock-train")]
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode())
    digest.update(packed.samples.tobytes())
    digest.update(packed.tokens.tobytes())
    return digest.hexdigest()[:12]
