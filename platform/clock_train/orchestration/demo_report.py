"""What the demo says about itself: targets, the plain words, and the page."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from clock_train.audio.reading import read_waveform
from clock_train.evaluation.curves_svg import Chart, Series
from clock_train.evaluation.figures import EvaluationReport, Subject
from clock_train.evaluation.report_html import ReportPage, Sample, write_report_html
from clock_train.evaluation.scores import EvaluationItem
from clock_train.evaluation.targets import Figure, Target
from clock_train.models.counting import count_parameters
from clock_train.models.speech import Voice
from clock_train.models.voice_files import VoiceCard

DEMO_TARGETS = (
    Target(metric="speaker_similarity", subject=Subject.RESYNTHESIS, at_least=0.90),
    Target(metric="speaker_similarity", subject=Subject.SPEECH, at_least=0.64),
    Target(metric="mismatch_ratio", subject=Subject.SPEECH, at_most=0.75),
    Target(metric="word_starts_within_50_ms", subject=Subject.ALIGNMENT, at_least=0.60),
)
"""For 600 CPU-seconds on the English sample: what two cores can be asked for, from measured prototypes."""
MOST_ONE_FRAME = 0.35
INTELLIGIBLE_WORD_ERRORS = 0.30
"""Above the natural recordings' own errors by this much, a listener does not follow."""


def one_frame_figure(share: float) -> Figure:
    """Phones of the held-out sentences that own a single frame; a collapsed alignment has 0.9."""
    return Figure(
        title="Phones of one frame: alignment",
        measured=share,
        unit="share of phones",
        at_most=MOST_ONE_FRAME,
        note="held-out sentences; a collapsed alignment has 0.9",
    )


def statement(report: EvaluationReport, card: VoiceCard, *, one_frame_share: float, is_in_base: bool = False) -> str:
    """What the figures mean, in plain words; ``is_in_base``: the base heard the speaker's recordings already."""
    spoken = report.row("word_error_rate", Subject.SPEECH)
    natural = report.row("word_error_rate", Subject.NATURAL)
    said = [_origin(card, is_in_base)]
    if one_frame_share > MOST_ONE_FRAME:
        said.append("So short a training has not even aligned the text with the sound.")
    if spoken is None or spoken.value is None or natural is None or natural.value is None:
        said.append(
            "No recogniser here knows its language, so whether it can be understood was not measured; after so short a "
            "training expect that it cannot."
        )
    elif spoken.value > natural.value + INTELLIGIBLE_WORD_ERRORS:
        said.append(
            f"It is NOT intelligible yet: a recogniser gets {spoken.value:.0%} of the words wrong "
            f"({natural.value:.0%} in the recordings themselves). {_what_it_needs(card)}"
        )
    else:
        said.append(f"A recogniser gets {spoken.value:.0%} of its words wrong, {natural.value:.0%} in the recordings.")
    if "zh" not in card.languages and "zh" in card.training.get("baseLanguages", []):
        said.append(
            "The Mandarin sentence is spoken by a voice whose speaker never spoke it; the base heard Mandarin from a "
            "synthesiser alone. Whether it can be understood is not judged here."
        )
    elif "zh" not in card.languages:
        said.append(
            "The Mandarin sentence is spoken by a voice that never heard Mandarin: expect its sounds to be wrong."
        )
    return " ".join(said)


def _origin(card: VoiceCard, is_in_base: bool) -> str:
    spent = (
        f"{card.training['cpuSeconds']:.0f} seconds of CPU time, on {card.training['trainedSeconds'] / 60:.1f} minutes "
        "of recordings"
    )
    name, steps = card.training.get("baseName"), card.training.get("stepsInBase")
    if not name:
        return f"This voice was trained from nothing with {spent}, without a base model."
    known = (
        "The base heard this speaker too, though not the sentences that are judged."
        if is_in_base
        else "The base never heard this speaker."
    )
    return f'This voice was fine-tuned from the base "{name}" ({steps:,} steps) with {spent}. {known}'


def _what_it_needs(card: VoiceCard) -> str:
    if card.training.get("baseName"):
        return "The base needs a longer training, or more recordings of this language."
    return (
        "Ten minutes of CPU give a working alignment and the colour of the voice; intelligible speech needs a base "
        "model or hours on a GPU."
    )


def write_report(
    path: Path,
    figures: Sequence[Figure],
    words: str,
    voice: Voice,
    items: Sequence[EvaluationItem],
    report: EvaluationReport,
    history: Sequence[Mapping[str, Any]],
    speech: Mapping[str, tuple[str, Path]],
) -> Path:
    """Write the page; ``speech`` is text and wav file by language."""
    samples = [
        Sample(title=f"From text ({language})", text=text, waveform=read_waveform(wav))
        for language, (text, wav) in speech.items()
    ]
    page = ReportPage(
        title=f"ClockTrain demo: {voice.card.name}",
        statement=[words],
        figures=figures,
        facts=_facts(voice),
        samples=samples,
        items=items[:4],
        charts=_charts(history),
    )
    return write_report_html(path, page, report)[0]


def _facts(voice: Voice) -> dict[str, str]:
    counts, training = count_parameters(voice.model), voice.card.training
    return {
        "Parameters at synthesis": f"{counts.synthesis:,}",
        "Parameters in training": f"{counts.training:,}",
        "Steps": f"{training['steps']:,} (speaking: the averaged weights of step {training['spokenStep']:,})",
        "Base": training.get("baseName") or "none",
        "CPU time": f"{training['cpuSeconds']:.0f} s",
        "Recordings trained on": f"{training['trainedSeconds'] / 60:.1f} minutes",
        "Held-out sentences": str(len(training["testClips"])),
        "Consent record": ", ".join(voice.card.consent_ids) or "none",
        "Corpus revision": voice.card.corpus_revision[:12],
        "Phone inventory": voice.model.vocabulary.inventory_id,
        "Machine": f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, torch {torch.__version__}",
    }


def _charts(history: Sequence[Mapping[str, Any]]) -> list[Chart]:
    names = ("mel", "stft", "kl", "alignment", "duration")
    losses = [_series(history, name, lambda row, name=name: row["terms"].get(name)) for name in names]
    judged = [row for row in history if "validation" in row]
    scores = [
        _series(judged, title, lambda row, name=name: row["validation"][name])
        for name, title in (("mel", "heard and spoken again"), ("text_mel", "spoken from text"))
    ]
    return [
        Chart(title="Training losses, weighted", series=[line for line in losses if line.x], is_log=True),
        Chart(title="Mel distance on validation clips", series=scores),
    ]


def _series(rows: Sequence[Mapping[str, Any]], name: str, value: Any) -> Series:
    pairs = [(row["step"], value(row)) for row in rows if value(row) is not None]
    return Series(name=name, x=[step for step, _ in pairs], y=[figure for _, figure in pairs])
