"""A trained voice teaches a small one: checks, the teacher's sentences and lessons, the run, and the student's folder.

The output folder holds ``teaching/`` (what the teacher spoke), ``lessons-*`` (what the student is trained from),
``store/`` (checkpoints), ``history-*.jsonl`` and ``voice/``. The same request goes on where it stopped. With
``is_taught`` off the same student is trained from the recordings alone: what distillation is compared with.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from clock_train.bundle.card import check_voice_name, file_digest
from clock_train.data.packing import PackedCorpus, load_packed, save_packed
from clock_train.errors import ConsentMissing
from clock_train.issuing.access import Access
from clock_train.models.config_text import to_plain
from clock_train.models.style_labels import label_ids
from clock_train.models.voice import VoiceConfig
from clock_train.models.voice_files import LoadedVoice, VoiceCard, load_voice, save_voice
from clock_train.orchestration.card_facts import OF_THE_TEACHER, hardware_class
from clock_train.orchestration.compliance_stage import refuse_taught_texts
from clock_train.orchestration.consents import stopping_with_consents
from clock_train.orchestration.lesson_packing import ask, with_spoken
from clock_train.orchestration.listener import Eta, Listener
from clock_train.orchestration.observer import Observer, RunFacts
from clock_train.orchestration.reading_log import record_voice
from clock_train.orchestration.run_fitting import Effort, Fitted, fit_run
from clock_train.orchestration.run_lock import locked
from clock_train.orchestration.starting_model import vectors_after_training
from clock_train.orchestration.teacher_check import TEACHER_KEY, check_teacher, student_of
from clock_train.orchestration.teaching_cache import TeachingCache
from clock_train.orchestration.teaching_text import TeachingText, teaching_texts
from clock_train.orchestration.training_preparation import fitted_schedule
from clock_train.orchestration.worker import WorkerJob, device_of
from clock_train.storage.places import RunPlace
from clock_train.training import checkpoint
from clock_train.training.distill import DistillConfig
from clock_train.training.lessons import Lessons
from clock_train.training.run import TrainingConfig
from clock_train.training.teacher_speech import Spoken, speak


@dataclass(frozen=True, kw_only=True)
class DistillRequest:
    """Whom to teach what, and where to."""

    teacher: Path
    """A voice folder."""
    packed: Path
    """The corpus that the teacher was trained from, packed."""
    output: Path
    config: DistillConfig
    seed: int | None = None
    """None takes the configuration's."""
    texts: Path | None = None
    """Text for the teacher to speak after the corpus' own sentences; None puts those together anew."""
    is_taught: bool = True
    name: str | None = None
    device: str = "auto"
    effort: Effort = field(default_factory=lambda: Effort(fork=True))
    store: str | None = None
    """Folder or bucket of checkpoints; None keeps them below ``output``."""
    place: RunPlace | None = None


@dataclass(frozen=True)
class DistillOutcome:
    """The student, and how it came about."""

    uid: str
    voice_path: Path
    fitted: Fitted
    parameters: int
    teacher_parameters: int
    spoken: int
    """Sentences that the teacher spoke."""
    kept_variance: float
    """Share of the variance of the teacher's prior means that the student's latent has room for."""


def distill(
    request: DistillRequest,
    listener: Listener,
    observer: Observer | None = None,
    *,
    stop_requested: Callable[[], bool] = lambda: False,
) -> DistillOutcome:
    """Train, or go on with, one student.

    Raises:
        TeacherUnsuitable, TeacherIncompatible, TeacherSpeakerUnknown: the teacher does not fit.
        TextUnreadable, TeachingTextMissing: there is nothing for it to speak.
        TeachingCacheFull: no room for what it spoke.
        ConsentMissing: the teacher names none.
        ComplianceBlocked: a text has a finding that must be settled first.
        TrainingStopped: it saved and stopped, as was asked.
        ClockTrainError: what a corpus, a voice, a checkpoint, the disk, the device or a worker can cause.
    """
    with locked(request.output):
        record_voice(request.teacher, Access.TEACH)
        teacher, packed = load_voice(request.teacher), load_packed(request.packed)
        check_voice_name(request.name or teacher.card.name)
        _check_consent(teacher, request.teacher)
        texts = request.texts if request.is_taught else None
        refuse_taught_texts(packed, request.packed.parent, request.output, listener, text_file=texts)
        student = student_of(request.config.student, teacher.model.config)
        sizes = check_teacher(teacher, packed, student, where=request.teacher)
        training = _training(request)
        path, lessons_path, lessons = request.packed, None, None
        if request.is_taught:
            path, lessons_path, lessons = _taught(request, teacher, packed, student, training.seed, listener)
        job = WorkerJob(
            packed_path=path.absolute(),
            model=student,
            training=training,
            base=None,
            initial_vectors=_vectors(teacher, packed, student),
            store=request.store or str((request.output / "store").absolute()),
            uid="",
            place=request.place or RunPlace(uid=""),
            device=request.device,
            lessons_path=None if lessons_path is None else lessons_path.absolute(),
            lesson=request.config.lesson,
            teacher=request.teacher.absolute() if request.is_taught else None,
        )
        uid = _uid(request, job, lessons)
        place = request.place or RunPlace(uid=uid)
        job = replace(job, uid=uid, place=place)
        if request.store is not None and request.effort.workers:
            job = replace(job, shared=f"{place.prefix}/shared")
        started = job.starting_model(load_packed(path))
        facts = _facts(request, job, teacher)
        try:
            with stopping_with_consents(
                teacher.card.grants(), f'the voice "{teacher.card.name}"', stop_requested
            ) as is_stop_wanted:
                fitted = fit_run(
                    job, started, facts, request.output, request.effort, listener, observer, stage="distill",
                    stop_requested=is_stop_wanted,
                )  # fmt: skip
        except Exception as error:
            if observer is not None:
                observer.failed(error)
            raise
        spoken = 0 if lessons is None else int(lessons.is_spoken.sum())
        voice_path = _save(request, job, fitted, teacher, sizes, spoken)
        if observer is not None:
            observer.end(fitted.result, voice_path)
        listener.note(
            f"student of {sizes[0] / 1e6:.1f} M parameters, its teacher {sizes[1] / 1e6:.1f} M: "
            f"{fitted.result.ending.value} at step {fitted.result.step}; it is in {voice_path}"
        )
        kept = 1.0 if lessons is None else lessons.kept_variance
        return DistillOutcome(uid, voice_path, fitted, *sizes, spoken, kept)


def _check_consent(teacher: LoadedVoice, where: Path) -> None:
    """Pass where the teacher was made under consents; whether they count still is asked all along the run."""
    if not teacher.card.consents:
        raise ConsentMissing(
            f'the voice "{where}" names no consent, so nothing is made from it. Record one of its speaker, and train '
            "the voice again under it"
        )


def _training(request: DistillRequest) -> TrainingConfig:
    training = request.config.training
    if request.seed is not None:
        training = replace(training, seed=request.seed)
    return replace(training, schedule=fitted_schedule(training.schedule, training.max_steps))


def _taught(
    request: DistillRequest,
    teacher: LoadedVoice,
    packed: PackedCorpus,
    student: VoiceConfig,
    seed: int,
    listener: Listener,
) -> tuple[Path, Path, Lessons]:
    """Packed clips and lessons as files, made or reused."""
    texts = teaching_texts(packed, count=request.config.sentences, seed=seed, text_file=request.texts)
    config = request.config
    facts = {
        "teacher": file_digest(request.teacher / "voice.json"),
        "texts": [(text.text, text.language, text.speaker) for text in texts],
        "seed": seed,
        "noise": config.noise_scale,
        "code": version("clock-train"),
    }
    cache = TeachingCache.of(request.output / "teaching", facts, cache_mib=config.cache_mib)
    name = hashlib.sha256(
        json.dumps([cache.key, config.cache_mib, student.latent_channels, file_digest(request.packed)]).encode()
    ).hexdigest()[:12]
    path, lessons_path = (request.output / f"lessons-{name}.{kind}" for kind in ("npz", "safetensors"))
    if path.exists() and lessons_path.exists():
        listener.note(f"reusing what the teacher said ({lessons_path.name})")
        return path, lessons_path, Lessons.load(lessons_path)
    for old in request.output.glob("lessons-*"):
        old.unlink()  # of another teacher or other settings: as large as the corpus
    device = device_of(request.device)
    model = teacher.model.to(device)
    vectors = _rows(teacher, packed)
    listener.stage("teacher")
    eta = Eta()

    def advance(start: float, end: float, what: str) -> Callable[[int, int], None]:
        def report(done: int, total: int) -> None:
            fraction = start + (end - start) * done / max(1, total)
            listener.advance(fraction, f"{what} {done}/{total}", eta.left(fraction))

        return report

    def say(number: int, some: Sequence[TeachingText]) -> list[Spoken]:
        own = torch.from_numpy(vectors[[text.speaker for text in some]]).to(device)
        labels = [label_ids(text.style, None) for text in some]
        return speak(
            model, [text.ids_3L for text in some], own, labels,
            noise_scale=config.noise_scale, seed=seed * 1_000_003 + number,
        )  # fmt: skip

    spoken = cache.spoken(texts, say, progress=advance(0.0, 0.7, "sentences"))
    if len(spoken) < len(texts):
        listener.warn(
            f"distillation.cache_mib ({config.cache_mib}) has room for {len(spoken)} of {len(texts)} sentences"
        )
    extended, known = with_spoken(packed, texts, spoken)
    lessons = ask(
        model, extended, vectors, known, latent_channels=student.latent_channels, device=device,
        progress=advance(0.7, 1.0, "lessons"),
    )  # fmt: skip
    _write(extended, lessons, path, lessons_path)
    listener.note(
        f"the teacher spoke {len(known)} sentences; the student's latent keeps {lessons.kept_variance:.1%} of the "
        "variance of its prior"
    )
    return path, lessons_path, lessons


def _write(extended: PackedCorpus, lessons: Lessons, path: Path, lessons_path: Path) -> None:
    partial = path.with_suffix(".partial")
    lessons.save(partial)
    partial.replace(lessons_path)
    save_packed(extended, partial)
    partial.replace(path)


def _rows(teacher: LoadedVoice, packed: PackedCorpus) -> np.ndarray:
    """The teacher's vector of each of the corpus' speakers, (S, E)."""
    return teacher.vectors_SE[[teacher.card.speakers.index(name) for name in packed.speakers]]


def _vectors(teacher: LoadedVoice, packed: PackedCorpus, student: VoiceConfig) -> dict[str, list[float]] | None:
    """The student starts from the teacher's idea of each voice, where both write it alike."""
    if teacher.model.config.embedding_channels != student.embedding_channels:
        return None
    return {name: row.tolist() for name, row in zip(packed.speakers, _rows(teacher, packed), strict=True)}


def _uid(request: DistillRequest, job: WorkerJob, lessons: Lessons | None) -> str:
    training = to_plain(replace(job.training, max_steps=1, max_cpu_seconds=None, patience=None))
    del training["schedule"]["hearing_steps"]
    facts = [
        to_plain(job.model),
        training,
        to_plain(job.lesson) if lessons is not None else None,
        lessons.digest if lessons is not None else None,
        file_digest(request.packed),
        file_digest(request.teacher / "voice.json"),
        version("clock-train"),
    ]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]


def _facts(request: DistillRequest, job: WorkerJob, teacher: LoadedVoice) -> RunFacts:
    card = teacher.card
    return RunFacts(
        uid=job.uid,
        name=f"{request.name or card.name}{'-student' if request.is_taught else '-plain'}",
        preset="distillation",
        model=to_plain(job.model),
        training=to_plain(job.training),
        corpus_revision=card.corpus_revision,
        dvc_revisions=list(card.training.get("dvcRevisions", [])),
        speakers=list(card.speakers),
        base=str(request.teacher) if request.is_taught else None,
        workers=request.effort.workers,
        store=job.store,
        packed_path=str(job.packed_path),
        prefix=job.place.prefix,
        code=version("clock-train"),
    )


def _save(
    request: DistillRequest,
    job: WorkerJob,
    fitted: Fitted,
    teacher: LoadedVoice,
    sizes: tuple[int, int],
    spoken: int,
) -> Path:
    """The averaged weights of the best checkpoint, with a card that says whose student it is."""
    run, result, store = fitted.run, fitted.result, job.checkpoints()
    best = store.spoken_step(result.best_step, result.step)
    checkpoint.load_average(run.voice, store.read(best))
    packed, card = run.corpus.packed, teacher.card
    facts = {
        **{name: card.training[name] for name in OF_THE_TEACHER if name in card.training},
        "code": version("clock-train"),
        "hardware": hardware_class(request.device, request.effort.workers),
        "steps": result.step,
        "spokenStep": best,
        "trainedOn": store.saved_on(best),
        "cpuSeconds": round(result.cpu_seconds, 1),
        "lastPhase": run.config.schedule.phase(max(0, result.step - 1)).value,
        "ending": result.ending.value,
        "trainedSeconds": card.training.get("trainedSeconds"),
        "trainedClips": card.training.get("trainedClips"),
        "testClips": [packed.public_id(i) for i in packed.of_split(2)],
    }
    if request.is_taught:
        facts |= {
            TEACHER_KEY: card.name,
            "teacherDigest": file_digest(request.teacher / "voice.json"),
            "teacherParameters": sizes[1],
            "teacherSentences": spoken,
        }
    student = VoiceCard(
        name=request.name or card.name,
        languages=card.languages,
        speakers=packed.speakers,
        consent_ids=card.consent_ids,
        consents=card.consents,
        corpus_revision=card.corpus_revision,
        training=facts,
    )
    path = request.output / "voice"
    save_voice(path, student, run.voice, vectors_after_training(run), discriminators=run.discriminators)
    return path
