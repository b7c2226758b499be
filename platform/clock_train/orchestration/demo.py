"""The demo: recordings to a voice that speaks, on the code that a cluster runs, with the figures as they are.

Each stage leaves its result in the output folder and is skipped when that result already belongs to its inputs, so that
a second run says what it reuses and an interrupted one goes on.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from clock_train.consent.record import CONSENT_NAME, licence_record, read_record, write_record
from clock_train.data.build import build_corpus
from clock_train.data.manifest import Corpus, read_corpus
from clock_train.data.sample import SAMPLES, Sample, copy_sample
from clock_train.errors import CorpusNotFound
from clock_train.evaluation.figures import EvaluationReport
from clock_train.evaluation.report import evaluate
from clock_train.evaluation.targets import Figure, figures
from clock_train.issuing.issuer import Issue
from clock_train.issuing.sound_files import write_issued
from clock_train.models.speech import Voice
from clock_train.orchestration.corpus_versions import push_corpus
from clock_train.orchestration.demo_report import DEMO_TARGETS, one_frame_figure, statement, write_report
from clock_train.orchestration.held_out import HeldOut, hold_out, impostors, marked_items, write_sounds
from clock_train.orchestration.history_file import read_history
from clock_train.orchestration.listener import Eta, Listener
from clock_train.orchestration.run_tracking import RunTracking
from clock_train.orchestration.training_session import TrainOutcome, TrainRequest, train
from clock_train.tracking.target import local_target
from clock_train.watermark.detect import NARROW_SEARCH
from clock_train.watermark.files import detect_file

MANDARIN = "欢迎使用钟训练语音复刻系统"
"""The article's sentence."""
SENTENCES = {"zh": MANDARIN, "en": "Welcome to ClockTrain. Your voice has been trained on this machine."}
OWN_SPEAKER = "me"


@dataclass
class DemoOutcome:
    """What a demo leaves, for the terminal's last lines and for scripts."""

    speech: dict[str, Path] = field(default_factory=dict)
    """By language of the sentence."""
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
    max_cpu_seconds: float | None = None,
    workers: int = 0,
) -> DemoOutcome:
    """Run, or go on with, the demo.

    Args:
        listener: hears stages and progress.
        output: where everything is kept.
        recordings: the person's own, in any layout of ``corpus build``; None takes the sample voice.
        language: of the sample, or of the recordings where it cannot be told.
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
        corpora=[corpus], output=output, preset="Demo", max_cpu_seconds=max_cpu_seconds, workers=workers, fork=True
    )
    trained = train(request, listener, tracking)
    if trained.resumed_from is not None:
        outcome.reused.append(f"training up to step {trained.resumed_from}")
    outcome.seconds["train"] = clock.lap()
    voice = Voice.load(trained.voice_path)
    _speak(voice, output / "speech", outcome, listener)
    outcome.seconds["speak"] = clock.lap()
    held_out, report = _judge(voice, trained, output, listener)
    outcome.seconds["evaluate"] = clock.lap()
    outcome.figures = [*figures(report, DEMO_TARGETS), one_frame_figure(held_out.one_frame_share)]
    outcome.statement = statement(report, voice.card, one_frame_share=held_out.one_frame_share)
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
    sample = SAMPLES[language or "en"] if recordings is None else None
    _consent(source, built, sample=sample, outcome=outcome, listener=listener)
    speaker = built.accepted()[0].speaker if built.accepted() else OWN_SPEAKER
    pushed = push_corpus(corpus, str(output / "store"), speaker, "demo", report=listener.note)
    listener.note(
        f"corpus revision {pushed.revision[:12]}: clocktrain corpus log --remote {output / 'store'} --name {speaker}"
    )
    return corpus


def _consent(source: Path, corpus: Corpus, *, sample: Sample | None, outcome: DemoOutcome, listener: Listener) -> None:
    """The sample's licence as a record, or the person's own record; a demo without one says so."""
    if sample is not None:
        record = licence_record(
            speaker_id=sample.speaker,
            licence=sample.licence,
            licence_uri=sample.licence_uri,
            attribution=sample.credit,
            recordings_sha256=corpus.quality["recordings_sha256"],
        )
        write_record(corpus.path, record)
        listener.note("consent record: the sample's licence, which is not the speaker's own consent")
    elif (source / CONSENT_NAME).exists():
        write_record(corpus.path, read_record(source, recordings_sha256=corpus.quality["recordings_sha256"]))
    else:
        outcome.warnings.append(
            f'no {CONSENT_NAME} beside the recordings in "{source}": clone only your own voice, or that of '
            "somebody who agreed"
        )
        listener.warn(outcome.warnings[-1])


def _inputs(folder: Path, language: str | None) -> str:
    """A digest of names, sizes and times of what the corpus is made from."""
    paths = [folder] if folder.is_file() else sorted(path for path in folder.rglob("*") if path.is_file())
    facts = [(str(path.relative_to(folder)), path.stat().st_size, path.stat().st_mtime_ns) for path in paths]
    return hashlib.sha256(json.dumps([facts, language]).encode()).hexdigest()


def _speak(voice: Voice, folder: Path, outcome: DemoOutcome, listener: Listener) -> None:
    listener.stage("speak")
    folder.mkdir(parents=True, exist_ok=True)
    for done, (language, text) in enumerate(SENTENCES.items()):
        listener.advance(done / len(SENTENCES), text)
        spoken = voice.say(text)
        assert voice.last_issue is not None
        write_issued(folder / f"{language}.wav", spoken, voice.sample_rate_hz, voice.last_issue)
        outcome.speech[language] = folder / f"{language}.wav"
        listener.note(_own_mark(outcome.speech[language], voice.last_issue))


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
