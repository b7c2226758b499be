"""Judging a voice, or a folder of wavs, on the sentences that took no part in training: figures, page and sounds."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from clock_train.audio.reading import read_waveform
from clock_train.audio.resampling import resample
from clock_train.data.manifest import MANIFEST_NAME, read_corpus
from clock_train.data.packing import PackedCorpus, pack
from clock_train.errors import AudioError, AudioNotFound, CorpusNotFound, SentencesMissing, TrackingError
from clock_train.evaluation.figures import MEL, EvaluationReport, Failure, Row, Subject
from clock_train.evaluation.judged_waveform import JUDGE_RATE_HZ
from clock_train.evaluation.one_thread import one_thread
from clock_train.evaluation.phone_recogniser_training import RecogniserTraining
from clock_train.evaluation.real_time_factor import RealTimeFactor, real_time_factor
from clock_train.evaluation.report import evaluate
from clock_train.evaluation.report_html import ReportPage, write_report_html
from clock_train.evaluation.scores import EvaluationItem
from clock_train.evaluation.targets import figures
from clock_train.models.speech import Voice
from clock_train.orchestration.held_out import HeldOut, held_out_clips, hold_out, impostors, marked_items, write_sounds
from clock_train.orchestration.listener import Eta, Listener, counted
from clock_train.orchestration.phone_judge import heard_phones, phone_judge, synthetic_row
from clock_train.orchestration.run_tracking import judged_metrics
from clock_train.text.frontend import phonemize
from clock_train.tracking.outbox import ENTRIES, Outbox
from clock_train.tracking.target import TRACKING_FOLDER

EVALUATION_NAME, PAGE_NAME, SOUNDS_FOLDER = "evaluation.json", "report.html", "held-out"
SOUND_SUFFIXES = (".wav", ".flac")
TRACKED = {EVALUATION_NAME: "evaluation", PAGE_NAME: "evaluation", SOUNDS_FOLDER: "evaluation/held-out"}
"""What a run in MLflow gets, and where it lies there."""
SHOWN_ITEMS = 6
"""With players in the page; all are in ``held-out``."""
TIMED_SENTENCES = 4
IMPOSTORS = 8
"""Clips of each folder of other speakers."""


@dataclass(frozen=True, kw_only=True)
class EvaluationRequest:
    """What is judged, on what, and where the result goes."""

    output: Path
    voice: Path | None = None
    corpora: Sequence[Path] = ()
    """By default the folder ``corpus`` beside the voice, where a demo leaves it."""
    wavs: Path | None = None
    """Sounds named by clip id, judged instead of what the voice would say."""
    speaker: str | None = None
    impostors: Sequence[Path] = ()
    """Corpora or folders of sounds of other speakers; by default the corpus' own others."""
    phone_cpu_seconds: float = 150.0
    """For a phone recogniser, where the language has no word recogniser; 0 trains none."""
    is_mandarin_judged: bool = False
    """Also Mandarin sentences, by the synthetic judge."""


@dataclass(frozen=True, kw_only=True)
class EvaluationOutcome:
    """What an evaluation leaves."""

    report: EvaluationReport
    json_path: Path
    page_path: Path
    failures: list[Failure] = field(default_factory=list)
    """Sentences whose sound could not be judged at all."""

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            **json.loads(self.report.to_json()),
            "judgeSpeeds": {speed.judge: round(speed.times_real_time, 1) for speed in self.report.speeds},
            "evaluation": str(self.json_path),
            "report": str(self.page_path),
        }


def evaluate_voice(request: EvaluationRequest, listener: Listener) -> EvaluationOutcome:
    """Speak or read, judge, and write ``evaluation.json``, ``report.html`` and ``held-out/``.

    Raises:
        VoiceNotFound, BundleDamaged: no voice, or not the one that was saved.
        CorpusError: the corpus cannot be read.
        SentencesMissing: it has none of the voice's held-out sentences.
    """
    listener.stage("corpus")
    voice = Voice.load(request.voice) if request.voice is not None else None
    packed = _packed(request, voice)
    speaker = request.speaker or (voice.card.speakers[0] if voice is not None else packed.speakers[0])
    clips = _clips(packed, voice, speaker)
    listener.stage("speak")
    real_time: RealTimeFactor | None = None
    if request.wavs is not None or voice is None:
        folder = request.wavs or Path()
        if not folder.is_dir():
            raise AudioNotFound(f'there is no folder "{folder}"; name the one with a sound for each held-out sentence')
        brought = [_wav_item(packed, i, folder) for i in held_out_clips(packed, speaker=speaker, clips=clips)]
        held_out = HeldOut(brought, math.nan)
    else:
        real_time = _timed(voice, packed, speaker, clips)
        progress = counted(listener, "sentences")
        held_out = hold_out(voice, packed, speaker=speaker, clips=clips, progress=progress)
    listener.stage("judge")
    report = evaluate(
        held_out.items,
        impostors=_impostors(request, packed, speaker, listener),
        phone_judges=_phone_judges(request, packed, held_out.items, listener),
        real_time=real_time,
        more_rows=_mandarin(request, voice, speaker, listener),
        on_progress=counted(listener, "judges"),
    )
    if voice is not None and request.wavs is None:
        held_out = marked_items(held_out, voice, speaker)
    return _written(request, voice, held_out, report, packed.sample_rate_hz, listener)


def _packed(request: EvaluationRequest, voice: Voice | None) -> PackedCorpus:
    corpora = list(request.corpora)
    if not corpora and request.voice is not None and (request.voice.absolute().parent / "corpus").is_dir():
        corpora = [request.voice.absolute().parent / "corpus"]
    if not corpora:
        raise CorpusNotFound(
            f'there is no corpus beside "{request.voice or request.wavs}"; name the one with the held-out recordings: '
            "--corpus FOLDER"
        )
    rate_hz = JUDGE_RATE_HZ if voice is None else voice.sample_rate_hz
    return pack([read_corpus(path) for path in corpora], sample_rate_hz=rate_hz)[0]


def _clips(packed: PackedCorpus, voice: Voice | None, speaker: str) -> list[str] | None:
    if speaker not in packed.speakers:
        raise SentencesMissing(
            f'the corpus has no recordings of "{speaker}", only of {", ".join(packed.speakers)}; name the corpus that '
            "the voice was trained from, or one of these with --speaker"
        )
    if voice is None or not voice.card.training.get("testClips"):
        return None
    clips = list(voice.card.training["testClips"])
    if not held_out_clips(packed, speaker=speaker, clips=clips):
        raise SentencesMissing(
            f'the corpus has none of the {len(clips)} sentences that were held out of "{voice.card.name}" '
            f'(such as "{clips[0]}"); name the corpus that the voice was trained from'
        )
    return clips


def _wav_item(packed: PackedCorpus, i: int, folder: Path) -> EvaluationItem:
    """A sentence whose sound is a file; one that is missing or broken says so and is not left out."""
    generated, reason = np.zeros(0, dtype=np.float32), None
    try:
        path = _wav_path(folder, packed.clip_ids[i], packed.public_id(i))
        generated = read_waveform(path, sample_rate_hz=JUDGE_RATE_HZ)
    except AudioError as error:
        reason = str(error)
    return EvaluationItem(
        id=packed.clip_ids[i],  # as the person named the file
        text=phonemize(packed.texts[i], packed.languages[i]).normalized,
        language=packed.languages[i],
        style=packed.styles[i] or None,
        natural=packed.waveform(i),
        generated=generated,
        phones=heard_phones(packed.ids(i)),
        no_speech=reason,
    )


def _wav_path(folder: Path, *ids: str) -> Path:
    """``ID.wav`` or ``ID.flac``, or ``ID/generated.wav`` as ``held-out`` has them; a slash of an id is ``_`` there."""
    candidates = []
    for name in (each.replace("/", "_") for each in ids):
        candidates += [*(folder / f"{name}{suffix}" for suffix in SOUND_SUFFIXES), folder / name / "generated.wav"]
    found = next((path for path in candidates if path.exists()), None)
    if found is None:
        raise AudioNotFound(f'there is no "{candidates[0]}"; name each sound by the id of its sentence')
    return found


def _timed(voice: Voice, packed: PackedCorpus, speaker: str, clips: list[str] | None) -> RealTimeFactor:
    chosen = held_out_clips(packed, speaker=speaker, clips=clips)[:TIMED_SENTENCES]
    saying = [lambda i=i: voice.say(packed.texts[i], language=packed.languages[i], speaker=speaker) for i in chosen]
    with one_thread():
        return real_time_factor(saying, rounds=1, sample_rate_hz=voice.sample_rate_hz)


def _impostors(request: EvaluationRequest, packed: PackedCorpus, speaker: str, listener: Listener) -> list[np.ndarray]:
    if not request.impostors:
        return impostors(packed, speaker=speaker)
    heard = []
    for folder in request.impostors:
        for path in _sounds_of(folder):
            try:
                heard.append(read_waveform(path, sample_rate_hz=JUDGE_RATE_HZ))
            except AudioError as error:
                listener.warn(str(error))
    return heard


def _sounds_of(folder: Path) -> list[Path]:
    if (folder / MANIFEST_NAME).exists():
        corpus = read_corpus(folder)
        paths = [corpus.audio_path(clip) for clip in corpus.accepted() if clip.seconds >= 1.0]
    else:
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SOUND_SUFFIXES)
    if not paths:
        raise CorpusNotFound(f'"{folder}" has no recordings of other speakers; name a corpus, or a folder of wav files')
    return paths[:: max(1, len(paths) // IMPOSTORS)][:IMPOSTORS]


def _phone_judges(
    request: EvaluationRequest, packed: PackedCorpus, items: Sequence[EvaluationItem], listener: Listener
) -> dict[str, Any]:
    if not request.phone_cpu_seconds:
        return {}
    training, eta = RecogniserTraining(cpu_seconds=request.phone_cpu_seconds), Eta()
    return {
        language: phone_judge(
            packed,
            language,
            training=training,
            progress=lambda share: listener.advance(share, "phone recogniser", eta.left(share)),
        )
        for language in sorted({item.language for item in items})
    }


def _mandarin(request: EvaluationRequest, voice: Voice | None, speaker: str, listener: Listener) -> list[Row]:
    if not request.is_mandarin_judged or voice is None:
        return []

    def say(text: str) -> np.ndarray:
        return resample(voice.say(text, language="zh", speaker=speaker), voice.sample_rate_hz, JUDGE_RATE_HZ)

    training = RecogniserTraining(cpu_seconds=request.phone_cpu_seconds or RecogniserTraining().cpu_seconds)
    return [
        synthetic_row(
            say,
            training=training,
            progress=lambda share: listener.advance(share, "synthetic phone recogniser of Mandarin"),
        )
    ]


def _written(
    request: EvaluationRequest,
    voice: Voice | None,
    held_out: HeldOut,
    report: EvaluationReport,
    sample_rate_hz: int,
    listener: Listener,
) -> EvaluationOutcome:
    request.output.mkdir(parents=True, exist_ok=True)
    report.write(request.output / EVALUATION_NAME)
    items = held_out.items
    write_sounds(held_out, request.output / SOUNDS_FOLDER, sample_rate_hz=sample_rate_hz)
    name = voice.card.name if voice is not None else str(request.wavs)
    lost = [item.id for item in items if item.no_speech is not None]
    statement = [
        f"{len(items)} sentences that took no part in training, judged beside their recordings. A figure says "
        "something only between its floor and its ceiling."
    ]
    if lost:
        statement.append(f"{len(lost)} sounds are missing or broken and have no score: {', '.join(lost)}.")
    page = ReportPage(
        title=f"Evaluation of {name}",
        statement=statement,
        figures=figures(report),
        facts={
            f"{speed.judge}, times real time": f"{speed.times_real_time:.1f} (CPU, one thread)"
            for speed in report.speeds
        },
        items=items[:SHOWN_ITEMS],
    )
    page_path = write_report_html(request.output / PAGE_NAME, page, report)[0]
    if request.voice is not None and request.wavs is None:
        _track(request, request.voice, report, listener)
    # every judge that cannot hear a sound says so; the distances are asked of all of them
    first = {
        failure.item: failure
        for failure in reversed(report.failures)
        if failure.subject is Subject.SPEECH and failure.metric == MEL.name
    }
    return EvaluationOutcome(
        report=report,
        json_path=request.output / EVALUATION_NAME,
        page_path=page_path,
        failures=[first[item.id] for item in items if item.id in first],
    )


def _track(request: EvaluationRequest, voice: Path, report: EvaluationReport, listener: Listener) -> None:
    """Figures, page and sounds to the run that made the voice, where its folder is beside it."""
    run_folder = voice.absolute().parent
    digest = hashlib.sha256((voice / "voice.json").read_bytes()).hexdigest()
    for entries in sorted((run_folder / TRACKING_FOLDER).glob(f"*/{ENTRIES}")):
        if digest not in entries.read_text(encoding="utf-8"):
            continue
        outbox = Outbox(entries.parent)
        outbox.add("metrics", step=0, values=judged_metrics(report.values()))
        for name, to in TRACKED.items():
            outbox.add("artifact", path=str((request.output / name).absolute()), to=to)
        _send(run_folder, listener)


def _send(run_folder: Path, listener: Listener) -> None:
    from clock_train.orchestration.run_listing import sync_runs

    try:
        sync_runs(run_folder, note=listener.note)
    except (TrackingError, ImportError) as error:
        listener.warn(
            f"the figures wait to be sent to MLflow ({error}). Send them: clocktrain runs {run_folder} --sync"
        )
