"""The page that sets two runs side by side: one HTML file, sounds inside, no script, no network."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

import numpy as np

from clock_train.audio.mel import MelConfig, log_mel
from clock_train.evaluation.better_row import better_row
from clock_train.evaluation.curves_svg import Chart, chart_svg
from clock_train.evaluation.figures import Metric, Row
from clock_train.evaluation.judged_waveform import JUDGE_RATE_HZ
from clock_train.evaluation.report_html import html_page, html_table, section, wav_bytes
from clock_train.evaluation.spectrogram_png import spectrogram_png

DIRECTIONS = {"higher": "higher is better", "lower": "lower is better", "near 1": "near 1 is better"}


@dataclass(frozen=True, kw_only=True)
class FigurePair:
    """One figure of both runs; none where a run was not judged."""

    metric: Metric
    subject: str
    first: Row | None
    second: Row | None

    @property
    def difference(self) -> float | None:
        """What B has more than A; none where one of them has no figure."""
        first, second = self.first, self.second
        if first is None or second is None or first.value is None or second.value is None:
            return None
        return second.value - first.value

    @property
    def better(self) -> str:
        """``A`` or ``B`` where their intervals do not overlap and the figure has a direction; else nothing."""
        found = better_row(self.metric, self.first, self.second)
        return "" if found is None else "AB"[found]


@dataclass(frozen=True, kw_only=True)
class SentencePair:
    """The same sentence, recorded and by both; none where a file is not there."""

    text: str
    recording: np.ndarray | None
    first: np.ndarray | None
    second: np.ndarray | None


@dataclass(frozen=True, kw_only=True)
class ComparisonPage:
    """All that the page shows; empty parts are left out."""

    labels: tuple[str, str]
    notes: Sequence[str] = ()
    figures: Sequence[FigurePair] = ()
    settings: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    charts: Sequence[Chart] = ()
    sentences: Sequence[SentencePair] = ()


def write_comparison_html(path: Path, page: ComparisonPage) -> None:
    """Write the page; sounds lie inside it."""
    names = [escape(label) for label in page.labels]
    parts = ["<h1>Two runs side by side</h1>", f"<p>{names[0]}<br>{names[1]}</p>"]
    if page.notes:
        paragraphs = "".join(f"<p>{escape(note)}</p>" for note in page.notes)
        parts.append(f'<div class="statement">{paragraphs}</div>')
    rows = [_figure_row(pair) for pair in page.figures]
    explained = (
        '<p class="faint">Better is said where the two 95 % intervals do not overlap; a smaller difference may be '
        "chance.</p>"
        if rows
        else ""
    )
    heads = ("Figure", "A", "B", "B − A", "Better", "Floor", "Ceiling")
    parts.append(section("Figures", explained + html_table(heads, rows) if rows else ""))
    parts.append(section("The same sentences", "".join(_sentence(pair) for pair in page.sentences)))
    settings = [
        f"<tr><td>{escape(name)}</td><td>{escape(first)}</td><td>{escape(second)}</td></tr>"
        for name, (first, second) in page.settings.items()
    ]
    parts.append(section("Settings that differ", html_table(("Setting", "A", "B"), settings)))
    charts = "".join(chart_svg(chart) for chart in page.charts)
    parts.append(section("Training", f'<div class="charts">{charts}</div>' if charts else ""))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(html_page("Two runs side by side", parts), encoding="utf-8")


def _figure_row(pair: FigurePair) -> str:
    row = next((row for row in (pair.first, pair.second) if row is not None and row.value is not None), None)
    bounds = [None, None] if row is None else [row.floor, row.ceiling]
    spans = "".join(
        f'<td class="number"><small>{"" if each is None else f"{each:.3f}"}</small></td>' for each in bounds
    )
    title = (
        f"{escape(pair.metric.title)}: {escape(pair.subject)}"
        f"<br><small>{escape(pair.metric.unit)}, {escape(DIRECTIONS[pair.metric.better])}</small>"
    )
    # adding zero makes of -0.0 what it is
    difference = "–" if pair.difference is None else f"{round(pair.difference, 3) + 0.0:+.3f}".replace("-", "−")
    verdict = f'<span class="met">{pair.better}</span>' if pair.better else ""
    return (
        f"<tr><td>{title}</td><td class='number'>{_cell(pair.first)}</td><td class='number'>{_cell(pair.second)}</td>"
        f"<td class='number'>{difference}</td><td>{verdict}</td>{spans}</tr>"
    )


def _cell(row: Row | None) -> str:
    if row is None or row.value is None:
        return "–"
    interval = "" if row.low is None or row.high is None else f"<br><small>{row.low:.3f} to {row.high:.3f}</small>"
    return f"{row.value:.3f}{interval}"


def _sentence(pair: SentencePair) -> str:
    sounds = (("Recording", pair.recording), ("A", pair.first), ("B", pair.second))
    players = "".join(player(title, waveform) for title, waveform in sounds)
    return f'<div class="sentence"><p>{escape(pair.text)}</p><div class="sounds">{players}</div></div>'


def player(title: str, waveform: np.ndarray | None) -> str:
    """A sound with its spectrogram; a line that says so where there is none."""
    if waveform is None:
        return f"<figure><figcaption>{title}: no sound</figcaption></figure>"
    picture = ""
    if len(waveform) >= MelConfig().n_fft:
        mel = base64.b64encode(spectrogram_png(log_mel(waveform))).decode()
        picture = f'<img src="data:image/png;base64,{mel}" alt="log-mel spectrogram of: {title}">'
    sound = base64.b64encode(wav_bytes(waveform)).decode()
    caption = f"{title}, {len(waveform) / JUDGE_RATE_HZ:.1f} s"
    return (
        f"<figure><figcaption>{caption}</figcaption>{picture}"
        f'<audio controls preload="metadata" src="data:audio/wav;base64,{sound}"></audio></figure>'
    )
