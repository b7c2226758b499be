"""Two runs side by side in one page: figures with intervals, settings that differ, curves over each other, and players.

From what each run left in its output folder; no tracker is asked and nothing is judged again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from clock_train.audio.reading import read_waveform
from clock_train.errors import AudioError, ReportDamaged, RunNotFound
from clock_train.evaluation.comparison_html import ComparisonPage, FigurePair, SentencePair, write_comparison_html
from clock_train.evaluation.curves_svg import Chart, Series
from clock_train.evaluation.figures import ALL_STYLES, METRICS, EvaluationReport, Row
from clock_train.evaluation.judged_waveform import JUDGE_RATE_HZ
from clock_train.orchestration.history_file import read_history
from clock_train.orchestration.run_identity import NAME, flat

EVALUATIONS = ("evaluation.json", "evaluation/evaluation.json")
SOUNDS = ("held-out", "evaluation/held-out")
"""Where a demo, or ``clocktrain evaluate``, leaves them in a run's folder."""
MOST_SENTENCES = 6
SETTINGS = ("model", "training", "base", "preset", "corpus_revision", "workers", "speakers")
LOSSES = ("mel", "kl", "duration", "alignment")
SCORES = (("mel", "heard and spoken again"), ("text_mel", "spoken from text"))


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run as its folder tells it."""

    folder: Path
    uid: str
    history: list[dict[str, Any]]
    settings: dict[str, Any]
    """By dotted name; empty for a run of an older version."""
    report: EvaluationReport | None
    sounds: dict[str, Path] = field(default_factory=dict)
    """The folder of each held-out sentence, by its name."""

    @property
    def label(self) -> str:
        """Folder and run, as the page calls it."""
        return f"{self.folder.resolve().name} ({self.uid})"


def read_run(folder: Path) -> Run:
    """The newest run of an output folder.

    Raises:
        RunNotFound: the folder holds no run.
        ReportDamaged: its evaluation or its settings cannot be read.
    """
    histories = sorted(folder.glob("history-*.jsonl"), key=lambda path: path.stat().st_mtime)
    if not histories:
        raise RunNotFound(
            f'"{folder}" holds no run (no history-*.jsonl); name the output folder of a training, such as demo. '
            '"clocktrain runs FOLDER" lists those below a folder'
        )
    uid = histories[-1].stem.removeprefix("history-")
    evaluation = next((folder / name for name in EVALUATIONS if (folder / name).is_file()), None)
    sounds = next((folder / name for name in SOUNDS if (folder / name).is_dir()), None)
    return Run(
        folder=folder,
        uid=uid,
        history=read_history(histories[-1]),
        settings=_settings(folder / NAME.format(uid=uid)),
        report=None if evaluation is None else _report(evaluation),
        sounds={} if sounds is None else {path.name: path for path in sorted(sounds.iterdir()) if path.is_dir()},
    )


def compare(first: Path, second: Path, page: Path) -> ComparisonPage:
    """Write the page, and return what is in it.

    Raises:
        RunNotFound: a folder holds no run.
        ReportDamaged: an evaluation of one of them cannot be read.
    """
    runs = (read_run(first), read_run(second))
    found = ComparisonPage(
        labels=(f"A: {runs[0].label}", f"B: {runs[1].label}"),
        notes=_notes(runs),
        figures=_figures(runs[0].report, runs[1].report),
        settings=different_settings(runs[0].settings, runs[1].settings),
        charts=_charts(runs),
        sentences=_sentences(runs),
    )
    write_comparison_html(page, found)
    return found


def different_settings(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Settings of which the two have different values, by dotted name."""
    names = sorted(first.keys() | second.keys()) if first and second else []
    return {name: (_said(first, name), _said(second, name)) for name in names if first.get(name) != second.get(name)}


def _said(settings: Mapping[str, Any], name: str) -> str:
    return json.dumps(settings[name], ensure_ascii=False) if name in settings else "–"


def _settings(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        return flat({name: facts[name] for name in SETTINGS if name in facts})
    except (ValueError, TypeError, AttributeError) as error:
        raise ReportDamaged(f'"{path}" has no settings of a run ({error}). Start the training again') from error


def _report(path: Path) -> EvaluationReport:
    try:
        return EvaluationReport.from_json(path.read_text(encoding="utf-8"))
    except ReportDamaged as error:
        raise ReportDamaged(f'"{path}" is no evaluation report. Run "clocktrain evaluate" again') from error


def _notes(runs: Sequence[Run]) -> list[str]:
    notes = []
    for letter, run in zip("AB", runs, strict=True):
        if run.report is None:
            notes.append(f"{letter} was not judged yet: clocktrain evaluate {run.folder / 'voice'}")
        if not run.settings:
            notes.append(f"{letter} was trained before settings were kept beside a run, so they cannot be compared.")
    if all(run.report is not None for run in runs):
        ids = [{item.id for item in run.report.items} for run in runs if run.report is not None]
        if ids[0] != ids[1]:
            notes.append(
                f"The two were judged on different sentences ({len(ids[0] & ids[1])} of {len(ids[0] | ids[1])} are "
                "the same), so a difference of figures may be one of sentences."
            )
    return notes


def _figures(first: EvaluationReport | None, second: EvaluationReport | None) -> list[FigurePair]:
    keys = dict.fromkeys(
        (row.metric, row.subject)
        for report in (first, second)
        if report is not None
        for row in report.rows
        if row.style == ALL_STYLES and row.metric in METRICS
    )
    pairs = [
        FigurePair(metric=METRICS[metric], subject=subject, first=_row(first, metric, subject),
                   second=_row(second, metric, subject))
        for metric, subject in keys
    ]  # fmt: skip
    return [
        pair for pair in pairs if any(row is not None and row.value is not None for row in (pair.first, pair.second))
    ]


def _row(report: EvaluationReport | None, metric: str, subject: str) -> Row | None:
    return None if report is None else report.row(metric, subject)


def _charts(runs: Sequence[Run]) -> list[Chart]:
    charts = []
    for name in LOSSES:
        lines = [_line(letter, run.history, "terms", name) for letter, run in zip("AB", runs, strict=True)]
        if any(line.x for line in lines):
            charts.append(Chart(title=f"Training loss: {name}", series=lines, is_log=True))
    for name, title in SCORES:
        lines = [_line(letter, run.history, "validation", name) for letter, run in zip("AB", runs, strict=True)]
        if any(line.x for line in lines):
            charts.append(Chart(title=f"Mel distance on validation clips, {title}", series=lines))
    return charts


def _line(letter: str, history: Sequence[Mapping[str, Any]], group: str, name: str) -> Series:
    points = [(row["step"], row[group][name]) for row in history if name in row.get(group, {})]
    return Series(name=letter, x=[step for step, _ in points], y=[float(value) for _, value in points])


def _sentences(runs: Sequence[Run]) -> list[SentencePair]:
    """Sentences that both have sounds of, else those of either."""
    shared = [name for name in runs[0].sounds if name in runs[1].sounds]
    texts = {
        item.id.replace("/", "_"): item.text for run in runs if run.report is not None for item in run.report.items
    }
    pairs = []
    for name in shared[:MOST_SENTENCES]:
        first, second = (run.sounds[name] for run in runs)
        pairs.append(
            SentencePair(
                text=texts.get(name, name),
                recording=_sound(first / "natural.wav"),
                first=_sound(first / "generated.wav"),
                second=_sound(second / "generated.wav"),
            )
        )
    return pairs


def _sound(path: Path) -> np.ndarray | None:
    try:
        return read_waveform(path, sample_rate_hz=JUDGE_RATE_HZ)
    except AudioError:
        return None  # the page says that there is none
