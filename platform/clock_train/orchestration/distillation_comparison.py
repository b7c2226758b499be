"""What distillation is worth: the same student with and without its teacher, for the same steps from the same seed.

All three voices are judged on the same held-out sentences and timed in turn. The output folder holds ``distilled/`` and
``plain/`` (two distillation folders, gone on with where they stopped), an evaluation of each voice, and the result as
``comparison.md``, ``comparison.json`` and ``comparison.html``.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from clock_train.bundle.opening import open_bundle
from clock_train.data.packing import PackedCorpus, load_packed
from clock_train.evaluation.compared_voices import (
    DISTILLED,
    PLAIN,
    TEACHER,
    TITLES,
    ComparedVoice,
    VoiceComparison,
    as_markdown,
    as_plain,
)
from clock_train.evaluation.compared_voices_html import SpokenByAll, write_compared_html
from clock_train.evaluation.curves_svg import Chart, Series
from clock_train.evaluation.figures import EvaluationReport
from clock_train.evaluation.phone_recogniser import PhoneRecogniser
from clock_train.evaluation.phone_recogniser_training import RecogniserTraining
from clock_train.evaluation.report import evaluate
from clock_train.issuing.installation import Installation
from clock_train.models.counting import count_parameters
from clock_train.models.speech import Voice
from clock_train.orchestration.bundle_export import export_bundle
from clock_train.orchestration.distillation import DistillOutcome, DistillRequest, distill
from clock_train.orchestration.held_out import HeldOut, held_out_clips, hold_out, impostors
from clock_train.orchestration.history_file import read_history
from clock_train.orchestration.listener import Eta, Listener, counted
from clock_train.orchestration.phone_judge import phone_judge
from clock_train.orchestration.speaking_speed import SpeakingSpeed, speaking_speeds
from clock_train.serving.onnx_voice import OnnxVoice

TIMED_SENTENCES, SHOWN_SENTENCES = 4, 4
SPEAKER_PARTS = ("speaker_encoder", "stored_speakers")
CURVES = (("mel", "heard and spoken again"), ("text_mel", "spoken from text"), ("duration", "durations"))


@dataclass(frozen=True)
class ComparisonOutcome:
    """Where the result lies."""

    comparison: VoiceComparison
    markdown: Path
    json: Path
    page: Path


def compare_distillation(
    request: DistillRequest, listener: Listener, *, rounds: int = 7, phone_cpu_seconds: float = 150.0
) -> ComparisonOutcome:
    """Distil, train without a teacher, judge and time all three.

    Args:
        request: of the distilled student; its output is the folder of the comparison.
        listener: hears stages and progress.
        rounds: of the timing.
        phone_cpu_seconds: for a phone recogniser, where the language has no word recogniser; 0 trains none.

    Raises:
        ClockTrainError: what distillation, export and judges raise.
    """
    out = request.output
    students = {
        name: distill(replace(request, output=out / name, is_taught=name == DISTILLED), listener)
        for name in (DISTILLED, PLAIN)
    }
    folders = {TEACHER: request.teacher, **{name: outcome.voice_path for name, outcome in students.items()}}
    voices = {name: Voice.load(folder) for name, folder in folders.items()}
    packed = load_packed(request.packed)
    speaker = packed.speakers[0]
    judges = _phone_judges(packed, speaker, phone_cpu_seconds, listener)
    held_out: dict[str, HeldOut] = {}
    reports: dict[str, EvaluationReport] = {}
    for name, voice in voices.items():
        listener.stage(f"judge {TITLES[name].lower()}")
        held_out[name] = hold_out(voice, packed, speaker=speaker)
        advance = counted(listener, "judges")
        floor = impostors(packed, speaker=speaker)
        reports[name] = evaluate(held_out[name].items, impostors=floor, phone_judges=judges, on_progress=advance)
        reports[name].write(out / f"{name}.json")
    listener.stage("speed")
    speeds, bundle_bytes = _speeds(voices, folders, packed, speaker, rounds)
    comparison = VoiceComparison(
        voices={
            name: _compared(voice, folders[name], bundle_bytes[name], speeds[name], reports[name])
            for name, voice in voices.items()
        },
        facts=_facts(request, voices, students[DISTILLED], packed),
    )
    return _written(out, comparison, held_out, students)


def _phone_judges(
    packed: PackedCorpus, speaker: str, cpu_seconds: float, listener: Listener
) -> dict[str, PhoneRecogniser | str]:
    if not cpu_seconds:
        return {}
    training, eta = RecogniserTraining(cpu_seconds=cpu_seconds), Eta()
    languages = sorted({packed.languages[i] for i in held_out_clips(packed, speaker=speaker)})
    return {
        language: phone_judge(
            packed,
            language,
            training=training,
            progress=lambda share: listener.advance(share, "phone recogniser", eta.left(share)),
        )
        for language in languages
    }


def _speeds(
    voices: dict[str, Voice], folders: dict[str, Path], packed: PackedCorpus, speaker: str, rounds: int
) -> tuple[dict[str, SpeakingSpeed], dict[str, int]]:
    with tempfile.TemporaryDirectory() as place:
        sizes, pairs = {}, {}
        trusted = Installation().trusted_keys()
        for name, voice in voices.items():
            bundle = Path(place) / name
            export_bundle(folders[name], bundle)
            sizes[name] = sum(path.stat().st_size for path in bundle.iterdir() if path.is_file())
            pairs[name] = voice, OnnxVoice(open_bundle(bundle, trusted_keys=trusted))
        timed = [packed.ids(i) for i in held_out_clips(packed, speaker=speaker)[:TIMED_SENTENCES]]
        return speaking_speeds(pairs, timed, rounds=rounds), sizes


def _compared(
    voice: Voice, folder: Path, bundle_bytes: int, speed: SpeakingSpeed, report: EvaluationReport
) -> ComparedVoice:
    count = count_parameters(voice.model)
    return ComparedVoice(
        parameters=count.synthesis,
        parameters_without_speaker=count.synthesis - sum(count.parts.get(part, 0) for part in SPEAKER_PARTS),
        weights_bytes=(folder / "weights.safetensors").stat().st_size,
        bundle_bytes=bundle_bytes,
        onnx_rtf=speed.onnx_rtf,
        torch_rtf=speed.torch_rtf,
        batched_audio_s_per_cpu_s=speed.batched_audio_s_per_cpu_s,
        steps=int(voice.card.training["steps"]),
        report=report,
    )


def _facts(
    request: DistillRequest, voices: dict[str, Voice], taught: DistillOutcome, packed: PackedCorpus
) -> dict[str, str]:
    teacher, training = voices[TEACHER].card.training, request.config.training
    seed = training.seed if request.seed is None else request.seed
    digest = hashlib.sha256((request.teacher / "voice.json").read_bytes()).hexdigest()[:12]
    return {
        "teacher": f"{voices[TEACHER].card.name} ({digest}), {teacher.get('steps')} steps, "
        f"{teacher.get('cpuSeconds')} CPU seconds, last phase {teacher.get('lastPhase')}, {teacher.get('ending')}",
        "students": f"seed {seed}, batches of {training.batch_size}, "
        f"{voices[DISTILLED].card.training['cpuSeconds']} CPU seconds with and "
        f"{voices[PLAIN].card.training['cpuSeconds']} without a teacher",
        "the teacher's sentences": f"{taught.spoken}; the student's latent keeps {taught.kept_variance:.1%} of the "
        "variance of the teacher's prior",
        "recordings": f"{float(packed.seconds()[packed.of_split(0)].sum()) / 60:.1f} minutes to train on, "
        f"{len(held_out_clips(packed, speaker=packed.speakers[0]))} held-out sentences judged",
        "machine": f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}",
    }


def _written(
    out: Path, comparison: VoiceComparison, held_out: dict[str, HeldOut], students: dict[str, DistillOutcome]
) -> ComparisonOutcome:
    paths = {kind: out / f"comparison.{kind}" for kind in ("md", "json", "html")}
    paths["md"].write_text(as_markdown(comparison), encoding="utf-8")
    content = json.dumps(as_plain(comparison), indent=1, ensure_ascii=False)
    paths["json"].write_text(content + "\n", encoding="utf-8")
    sentences = [
        SpokenByAll(
            text=items[0].text,
            recording=items[0].natural,
            spoken=dict(zip(held_out, (item.generated for item in items), strict=True)),
        )
        for items in zip(*(each.items[:SHOWN_SENTENCES] for each in held_out.values()), strict=True)
    ]
    histories = {name: read_history(outcome.fitted.history_path) for name, outcome in students.items()}
    charts = []
    for key, title in CURVES:
        lines = []
        for name, rows in histories.items():
            points = [(row["step"], float(row["validation"][key])) for row in rows if "validation" in row]
            lines.append(Series(name=TITLES[name], x=[step for step, _ in points], y=[value for _, value in points]))
        charts.append(Chart(title=f"On validation clips: {title}", series=lines))
    write_compared_html(paths["html"], comparison, sentences, charts)
    return ComparisonOutcome(comparison, paths["md"], paths["json"], paths["html"])
