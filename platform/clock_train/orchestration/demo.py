"""The demo: recordings to a voice that speaks, on the code that a cluster runs, with the figures as they are.

Each stage leaves its result in the output folder and is skipped when that result already belongs to its inputs, so that
a second run says what it reuses and an interrupted one goes on.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from clock_train.config.experiment import load_config
from clock_train.data.build import build_corpus
from clock_train.data.manifest import read_corpus
from clock_train.data.sample import SAMPLES, copy_sample
from clock_train.errors import CorpusNotFound, ServingError
from clock_train.evaluation.figures import EvaluationReport
from clock_train.evaluation.report import evaluate
from clock_train.evaluation.targets import Figure, figures
from clock_train.export.model_card import MODEL_CARD
from clock_train.issuing.issuer import Issue
from clock_train.issuing.sound_files import write_issued
from clock_train.models.speech import Voice
from clock_train.orchestration.bundle_export import ExportedBundle, export_bundle, packed_beside
from clock_train.orchestration.compliance_stage import Checks
from clock_train.orchestration.consents import carry_consent, require_consents
from clock_train.orchestration.corpus_versions import push_corpus
from clock_train.orchestration.demo_report import DEMO_TARGETS, one_frame_figure, statement, write_report
from clock_train.orchestration.held_out import HeldOut, hold_out, impostors, marked_items, write_sounds
from clock_train.orchestration.history_file import read_history
from clock_train.orchestration.listener import Eta, Listener
from clock_train.orchestration.run_tracking import RunTracking
from clock_train.orchestration.served_speech import ServedSound, speak_through_triton
from clock_train.orchestration.student_stage import StudentCurves, distill_stage
from clock_train.orchestration.training_preparation import TrainRequest
from clock_train.orchestration.training_session import TrainOutcome, train
from clock_train.serving.bundle_voice import BundleVoice
from clock_train.tracking.target import local_target
from clock_train.watermark.detect import NARROW_SEARCH
from clock_train.watermark.files import detect_file

MANDARIN = "欢迎使用钟训练语音复刻系统"
"""The article's sentence."""
SENTENCES = {"zh": MANDARIN, "en": "Welcome to ClockTrain. Your voice has been trained on this machine."}
OWN_SPEAKER = "me"
STUDENT_SHARE = 0.075
"""Of the budget of training, for the student; the preset's own has this share too."""


@dataclass
class DemoOutcome:
    """What a demo leaves, for the terminal's last lines and for scripts."""

    speech: dict[str, Path] = field(default_factory=dict)
    """By language of the sentence."""
    spoken_by: str = ""
    """``triton``, or ``onnxruntime`` where no Triton runs."""
    bundle: Path = Path()
    """Signed, of the voice: what was served."""
    card: Path = Path()
    """The bundle's model card."""
    student: Path = Path()
    """Folder of the student that the voice taught."""
    report: Path = Path()
    figures: list[Figure] = field(default_factory=list)
    statement: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    """Wall time of each stage of this run."""
    reused: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        """Plain values."""
        return {
            "speech": {name: str(path) for name, path in self.speech.items()},
            "spokenBy": self.spoken_by,
            "bundle": str(self.bundle),
            "card": str(self.card),
            "student": str(self.student),
            "report": str(self.report),
            "figures": [{**asdict(figure), "met": figure.is_met} for figure in self.figures],
            "statement": self.statement,
            "seconds": {name: round(value, 1) for name, value in self.seconds.items()},
            "reused": self.reused,
            "warnings": self.warnings,
        }


def run_demo(
    *,
    listener: Listener,
    output: Path,
    recordings: Path | None = None,
    language: str | None = None,
    base: Path | None = None,
    max_cpu_seconds: float | None = None,
    workers: int = 0,
) -> DemoOutcome:
    """Run, or go on with, the demo.

    Args:
        listener: hears stages and progress.
        output: where everything is kept.
        recordings: the person's own, in any layout of ``corpus build``; None takes the sample voice.
        language: of the sample, or of the recordings where it cannot be told.
        base: voice folder to fine-tune from; None starts from nothing.
        max_cpu_seconds: budget of training; None takes the preset's.
        workers: Ray workers that train; 0 trains in this process.

    Raises:
        ClockTrainError: what recordings, machine or disk can cause.
        KeyboardInterrupt: asked to stop; what was done is kept.
    """
    outcome, clock = DemoOutcome(), _Clock()
    corpus = _corpus(output, recordings, language, outcome, listener)
    outcome.seconds["corpus"] = clock.lap()
    tracking = RunTracking(output, local_target(output), warn=listener.warn)
    request = TrainRequest(
        corpora=[corpus], output=output, preset="Demo", base=base, max_cpu_seconds=max_cpu_seconds, workers=workers,
        fork=True,
        # a sample is published recordings of known readers
        checks=Checks.TEXTS if recordings is None else Checks.ALL,
    )  # fmt: skip
    trained = train(request, listener, tracking)
    if trained.resumed_from is not None:
        outcome.reused.append(f"training up to step {trained.resumed_from}")
    outcome.seconds["train"] = clock.lap()
    knows = sorted(set(trained.speakers_in_base) & set(trained.packed.speakers))
    outcome.student = _distil(trained, output, max_cpu_seconds, tracking, listener)
    outcome.seconds["distill"] = clock.lap()
    voice = Voice.load(trained.voice_path)
    held_out, report = _judge(voice, trained, output, listener)
    outcome.seconds["evaluate"] = clock.lap()
    # after the judges: the bundle's card has their figures
    bundle = export_bundle(trained.voice_path, output / "voices" / voice.card.name, metrics=report.values())
    tracking.exported(bundle.path, bundle.digest)
    outcome.card = bundle.path / MODEL_CARD
    speak(bundle, output / "speech", outcome, listener)
    outcome.seconds["speak"] = clock.lap()
    outcome.figures = [*figures(report, DEMO_TARGETS), one_frame_figure(held_out.one_frame_share)]
    outcome.statement = statement(report, voice.card, one_frame_share=held_out.one_frame_share, is_in_base=bool(knows))
    outcome.report = write_report(
        output / "report.html",
        outcome.figures,
        outcome.statement,
        voice,
        held_out.items,
        report,
        read_history(trained.history_path),
        {language: (SENTENCES[language], path) for language, path in outcome.speech.items()},
    )
    tracking.evaluated(report.values(), {"": outcome.report, "speech": output / "speech"})
    tracking.finish()
    return outcome


def _distil(
    trained: TrainOutcome, output: Path, max_cpu_seconds: float | None, tracking: RunTracking, listener: Listener
) -> Path:
    """A student half the voice's size: the stage of a clone, in about a minute."""
    config = load_config("demo")
    if max_cpu_seconds is not None:
        training = replace(config.distillation.training, max_cpu_seconds=STUDENT_SHARE * max_cpu_seconds)
        config = replace(config, distillation=replace(config.distillation, training=training))
    packed = packed_beside(output)
    assert packed is not None, "the training has just packed it"
    curves = StudentCurves(tracking.outbox)
    return distill_stage(trained.voice_path, packed, output / "distill", config, listener, curves).voice_path


class _Clock:
    def __init__(self) -> None:
        self._at = time.monotonic()

    def lap(self) -> float:
        before, self._at = self._at, time.monotonic()
        return self._at - before


def _corpus(
    output: Path, recordings: Path | None, language: str | None, outcome: DemoOutcome, listener: Listener
) -> Path:
    listener.stage("recordings")
    if recordings is None:
        source = copy_sample(language or "en", output / "recordings", report=listener.note)
    elif recordings.exists():
        source = recordings
    else:
        raise CorpusNotFound(f'there is no "{recordings}"; RECORDINGS names a folder of recordings and their texts')
    corpus, key_path, key = output / "corpus", output / "corpus.key", _inputs(source, language)
    if key_path.exists() and key_path.read_text() == key and (corpus / "manifest.jsonl").exists():
        outcome.reused.append("corpus")
        listener.note(f"reusing the corpus {corpus}")
    else:
        listener.stage("corpus")
        eta = Eta()
        build_corpus(
            source,
            corpus,
            speaker=OWN_SPEAKER if recordings is not None else SAMPLES[language or "en"].speaker,
            language=language,
            report=lambda done, total, what: listener.advance(
                done / max(1, total), what, eta.left(done / max(1, total))
            ),
        )
        key_path.write_text(key)
    built = read_corpus(corpus)
    listener.note(f"corpus: {len(built.accepted())} clips, {built.seconds() / 60:.1f} minutes of speech")
    record = carry_consent(source, corpus)
    if record is not None and record.is_licence:
        listener.note("consent record: the recordings' licence, which is not the speaker's own consent")
    require_consents([built])
    speaker = built.accepted()[0].speaker if built.accepted() else OWN_SPEAKER
    pushed = push_corpus(corpus, str(output / "store"), speaker, "demo", report=listener.note)
    listener.note(
        f"corpus revision {pushed.revision[:12]}: clocktrain corpus log --remote {output / 'store'} --name {speaker}"
    )
    return corpus


def _inputs(folder: Path, language: str | None) -> str:
    """A digest of names, sizes and times of what the corpus is made from."""
    paths = [folder] if folder.is_file() else sorted(path for path in folder.rglob("*") if path.is_file())
    facts = [(str(path.relative_to(folder)), path.stat().st_size, path.stat().st_mtime_ns) for path in paths]
    return hashlib.sha256(json.dumps([facts, language]).encode()).hexdigest()


def speak(bundle: ExportedBundle, folder: Path, outcome: DemoOutcome, listener: Listener) -> None:
    """The sentences, by the bundle in Triton; where no Triton runs, by the bundle in this process, and that is said."""
    listener.stage("speak")
    folder.mkdir(parents=True, exist_ok=True)
    outcome.bundle, outcome.spoken_by = bundle.path, "triton"
    listener.advance(0.0, "starting Triton")
    try:
        sounds = list(speak_through_triton(bundle.path, list(SENTENCES.values())))
    except ServingError as error:
        outcome.warnings.append(f"Triton did not speak, ONNX Runtime in this process does: {error}")
        listener.warn(outcome.warnings[-1])
        sounds, outcome.spoken_by = list(_speak_here(bundle.path)), "onnxruntime"
    for language, sound in zip(SENTENCES, sounds, strict=True):
        path = outcome.speech[language] = folder / f"{language}.wav"
        write_issued(path, sound.waveform, sound.sample_rate_hz, sound.issue)
        listener.note(_own_mark(path, sound.issue))


def _speak_here(bundle: Path) -> Iterator[ServedSound]:
    voice = BundleVoice.open(bundle)
    for text in SENTENCES.values():
        spoken = voice.say(text)
        assert voice.last_issue is not None
        yield ServedSound(spoken, voice.sample_rate_hz, voice.last_issue)


def _own_mark(path: Path, issue: Issue) -> str:
    """Whether the mark is found in the file again, as anybody with the key would find it."""
    today = datetime.now(UTC).date()
    keys = issue.installation.keys(today).detection_keys(today)
    found = detect_file(path, keys, speeds=NARROW_SEARCH, with_windows=False)
    if found.payload is not None and found.payload.hex == issue.origin.payload:
        return f"{path.name} carries the mark {issue.origin.payload}: clocktrain watermark detect {path}"
    if not issue.is_marked:
        return f"{path.name} is not marked: marking is switched off"
    return f"{path.name} is marked, but too short for the mark to be {'read' if found.is_detected else 'found'}"


def _judge(voice: Voice, trained: TrainOutcome, output: Path, listener: Listener) -> tuple[HeldOut, EvaluationReport]:
    listener.stage("evaluate")
    speaker, eta = voice.card.speakers[0], Eta()

    def advance(fraction: float, what: str) -> None:
        listener.advance(fraction, what, eta.left(fraction))

    held_out = hold_out(
        voice, trained.packed, speaker=speaker, progress=_part(advance, 0.0, 0.2, "speaking held-out sentences")
    )
    heard = marked_items(held_out, voice, speaker)
    write_sounds(heard, output / "held-out", sample_rate_hz=voice.sample_rate_hz)
    report = evaluate(
        held_out.items,
        impostors=impostors(trained.packed, speaker=speaker),
        on_progress=_part(advance, 0.2, 1.0, "judges"),
    )
    report.write(output / "evaluation.json")  # what "clocktrain compare" reads
    return heard, report


def _part(advance: Callable[[float, str], None], start: float, end: float, what: str) -> Callable[[int, int], None]:
    return lambda done, total: advance(start + (end - start) * done / max(1, total), f"{what} {done}/{total}")
