"""The report for people: one HTML file with players, spectrograms, curves and the table of figures.

It opens from ``file://`` without a network. Up to twenty sounds lie inside the file; more lie in a folder beside it.
What the voice cannot do yet is said first, in plain words, by whoever calls this.
"""

from __future__ import annotations

import base64
import io
import wave
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

import numpy as np

from clock_train.audio.mel import MelConfig, log_mel
from clock_train.evaluation.curves_svg import Chart, chart_svg
from clock_train.evaluation.figures import ALL_STYLES, METRICS, EvaluationReport, ItemScores, Row, Subject
from clock_train.evaluation.judged_waveform import JUDGE_RATE_HZ, pcm_bytes
from clock_train.evaluation.report_style import STYLE
from clock_train.evaluation.scores import EvaluationItem
from clock_train.evaluation.spectrogram_png import spectrogram_png
from clock_train.evaluation.targets import Figure

MAX_EMBEDDED_SOUNDS = 20
"""3 s each make a file of 2.6 MB; hundreds would make one that no browser likes."""
SHOWN_SCORES = (
    "speaker_similarity",
    "word_error_rate",
    "phone_error_rate",
    "mel_distance",
    "mcd_warped",
    "log_f0_rmse",
)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A sentence that was only generated: there is no recording of it."""

    title: str
    text: str
    waveform: np.ndarray
    """(T,) float32 at 16 kHz."""


@dataclass(frozen=True, kw_only=True)
class ReportPage:
    """All that the page shows; empty parts are left out."""

    title: str
    statement: Sequence[str]
    """What the figures mean, in plain words, a paragraph each; such as "not intelligible yet"."""
    figures: Sequence[Figure]
    facts: Mapping[str, str] = field(default_factory=dict)
    """Of the training: steps, seconds, parameters, machine."""
    samples: Sequence[Sample] = ()
    items: Sequence[EvaluationItem] = ()
    """To listen to; their scores come from the report."""
    charts: Sequence[Chart] = ()


def write_report_html(path: Path, page: ReportPage, report: EvaluationReport | None = None) -> list[Path]:
    """Write the page, and the sounds beside it where there are many.

    Returns:
        Every file written, the page first.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    num_sounds = len(page.samples) + sum(1 + len(item.sounds) for item in page.items)
    sounds = _Sounds(path, is_embedded=num_sounds <= MAX_EMBEDDED_SOUNDS)
    path.write_text(_page(page, report, sounds), encoding="utf-8")
    return [path, *sounds.written]


class _Sounds:
    """Where a player finds its sound."""

    def __init__(self, page_path: Path, *, is_embedded: bool) -> None:
        self.folder = page_path.with_name(f"{page_path.stem}-sounds")
        self.is_embedded = is_embedded
        self.written: list[Path] = []

    def source(self, waveform: np.ndarray) -> str:
        content = wav_bytes(waveform)
        if self.is_embedded:
            return "data:audio/wav;base64," + base64.b64encode(content).decode()
        self.folder.mkdir(exist_ok=True)
        target = self.folder / f"{len(self.written):04d}.wav"
        target.write_bytes(content)
        self.written.append(target)
        return f"{self.folder.name}/{target.name}"


def _page(page: ReportPage, report: EvaluationReport | None, sounds: _Sounds) -> str:
    parts = [f"<h1>{escape(page.title)}</h1>"]
    if page.statement:
        paragraphs = "".join(f"<p>{escape(text)}</p>" for text in page.statement)
        parts.append(f'<div class="statement">{paragraphs}</div>')
    parts.append(section("Figures", figure_table(page.figures)))
    parts.append(section("Samples", "".join(_sample(sample, sounds) for sample in page.samples)))
    scores = {item.id: item for item in report.items} if report else {}
    cards = "".join(_item(item, scores.get(item.id), sounds) for item in page.items)
    parts.append(section("Test sentences, beside the recordings", cards))
    parts.append(section("By style", _style_table(report) if report else ""))
    charts = "".join(chart_svg(chart) for chart in page.charts)
    parts.append(section("Training", f'<div class="charts">{charts}</div>' if charts else ""))
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in page.facts.items())
    parts.append(section("Facts", f"<dl>{facts}</dl>" if facts else ""))
    parts.append(section("Without a score", _failure_table(report) if report else ""))
    return html_page(page.title, parts)


def html_page(title: str, parts: Sequence[str]) -> str:
    """A whole page in the report's style."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def section(title: str, content: str) -> str:
    """Content below its heading; nothing where there is none."""
    return f"<h2>{escape(title)}</h2>\n{content}" if content else ""


def figure_table(figures: Sequence[Figure]) -> str:
    """Measured figures beside their targets."""
    rows = []
    for figure in figures:
        measured = "–" if figure.measured is None else f"{figure.measured:.3f} <small>{escape(figure.unit)}</small>"
        verdict = {None: "", True: '<span class="met">met</span>', False: '<span class="missed">missed</span>'}
        rows.append(
            f'<tr><td>{escape(figure.title)}</td><td class="number">{measured}</td>'
            f'<td class="number">{_target(figure)}</td><td>{verdict[figure.is_met]}</td>'
            f"<td><small>{escape(figure.note)}</small></td></tr>"
        )
    return html_table(("Figure", "Measured", "Target", "", "Range"), rows)


def _target(figure: Figure) -> str:
    bounds = []
    if figure.at_least is not None:
        bounds.append(f"≥ {figure.at_least:g}")
    if figure.at_most is not None:
        bounds.append(f"≤ {figure.at_most:g}")
    return ", ".join(bounds)


def _style_table(report: EvaluationReport) -> str:
    styles = sorted({row.style for row in report.rows} - {ALL_STYLES})
    if not styles:
        return ""
    names = list(dict.fromkeys(row.metric for row in report.rows if row.style != ALL_STYLES))
    rows = []
    for name in names:
        cells = "".join(f"<td>{_style_cell(report.row(name, Subject.SPEECH, style))}</td>" for style in styles)
        rows.append(f"<tr><td>{escape(METRICS[name].title)}</td>{cells}</tr>")
    counts = {style: sum(item.style == style for item in report.items) for style in styles}
    return html_table(("From text", *(f"{style} ({counts[style]} sentences)" for style in styles)), rows)


def _style_cell(row: Row | None) -> str:
    if row is None or row.value is None:
        return f"– <small>{escape((row and row.unavailable) or '')}</small>"
    interval = "" if row.low is None or row.high is None else f" <small>{row.low:.3f} to {row.high:.3f}</small>"
    return f"{row.value:.3f}{interval}"


def _failure_table(report: EvaluationReport) -> str:
    """One line for each sentence and reason, with all the figures that it has no score for."""
    titles: dict[tuple[str, str, str], list[str]] = {}
    for failure in report.failures:
        key = (failure.item, failure.subject.value, failure.reason)
        titles.setdefault(key, []).append(METRICS[failure.metric].title)
    rows = [
        f"<tr><td>{escape(item)}</td><td>{escape(subject)}</td><td>{escape(reason)}</td>"
        f"<td><small>{escape('; '.join(dict.fromkeys(names)))}</small></td></tr>"
        for (item, subject, reason), names in titles.items()
    ]
    return html_table(("Sentence", "Sound", "Why", "Figures without it"), rows)


def html_table(heads: Sequence[str], rows: Sequence[str]) -> str:
    """Rows that are HTML already below their heads; nothing without rows."""
    if not rows:
        return ""
    cells = "".join(f"<th>{escape(head)}</th>" for head in heads)
    return f'<div class="scroll"><table><thead><tr>{cells}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _sample(sample: Sample, sounds: _Sounds) -> str:
    return (
        f'<div class="sentence"><p>{escape(sample.text)}</p>'
        f'<div class="sounds">{_sound(sample.title, sample.waveform, sounds)}</div></div>'
    )


def _item(item: EvaluationItem, scores: ItemScores | None, sounds: _Sounds) -> str:
    titles = {"speech": "From text", "resynthesis": "Resynthesis of the recording"}
    players = [_sound("Recording", item.natural, sounds)]
    players += [_sound(titles[subject.value], waveform, sounds) for subject, waveform in item.sounds.items()]
    style = f' <small class="faint">{escape(item.style)}</small>' if item.style else ""
    return (
        f'<div class="sentence"><p>{escape(item.text)}{style}</p>'
        f'<div class="sounds">{"".join(players)}</div>{_score_line(scores)}</div>'
    )


def _score_line(scores: ItemScores | None) -> str:
    if scores is None:
        return ""
    parts = [
        f"{METRICS[name].title.lower()} {scores.scores[f'{name}/speech']:.3f}"
        for name in SHOWN_SCORES
        if f"{name}/speech" in scores.scores
    ]
    heard = scores.heard.get("speech")
    if heard is not None:
        parts.append(f"the recogniser heard “{heard or '(nothing)'}”")
    return f'<p style="margin:.6rem 0 0"><small>{escape(" · ".join(parts))}</small></p>' if parts else ""


def _sound(title: str, waveform: np.ndarray, sounds: _Sounds) -> str:
    waveform = np.nan_to_num(np.asarray(waveform, dtype=np.float32)).clip(-1.0, 1.0)
    caption = f"{escape(title)}, {len(waveform) / JUDGE_RATE_HZ:.1f} s"
    picture = ""
    if len(waveform) >= MelConfig().n_fft:
        mel = base64.b64encode(spectrogram_png(log_mel(waveform))).decode()
        picture = f'<img src="data:image/png;base64,{mel}" alt="log-mel spectrogram of: {escape(title, quote=True)}">'
    player = f'<audio controls preload="metadata" src="{sounds.source(waveform)}"></audio>'
    return f"<figure><figcaption>{caption}</figcaption>{picture}{player}</figure>"


def wav_bytes(waveform: np.ndarray) -> bytes:
    """(T,) float32 at 16 kHz as a wav file of 16 bits."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(JUDGE_RATE_HZ)
        file.writeframes(pcm_bytes(waveform))
    return buffer.getvalue()
