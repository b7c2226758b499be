"""Teacher and students in one HTML page: figures, players with spectrograms, curves; no script, no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

import numpy as np

from clock_train.evaluation.compared_voices import TITLES, VoiceComparison
from clock_train.evaluation.comparison_html import player
from clock_train.evaluation.curves_svg import Chart, chart_svg
from clock_train.evaluation.figures import Row
from clock_train.evaluation.report_html import figure_table, html_page, html_table, section

TITLE = "Teacher and students"


@dataclass(frozen=True, kw_only=True)
class SpokenByAll:
    """One held-out sentence."""

    text: str
    recording: np.ndarray
    """(T,) float32 at 16 kHz, as the others."""
    spoken: Mapping[str, np.ndarray] = field(default_factory=dict)
    """By the name of the voice."""


def write_compared_html(
    path: Path, comparison: VoiceComparison, sentences: Sequence[SpokenByAll], charts: Sequence[Chart]
) -> None:
    """Write the page; sounds lie inside it."""
    statement = "".join(f"<p>{escape(text)}</p>" for text in comparison.statement())
    parts = [f"<h1>{TITLE}</h1>", f'<div class="statement">{statement}</div>']
    parts.append(section("Targets", figure_table(comparison.targets)))
    heads = ("", *(TITLES[name] for name in comparison.voices))
    sizes = [
        f"<tr><td>{escape(title)}</td>{''.join(f'<td class=number>{escape(text)}</td>' for text in texts)}</tr>"
        for title, texts in comparison.size_rows()
    ]
    parts.append(section("Size and speed", html_table(heads, sizes)))
    judged = [
        f"<tr><td>{escape(metric.title)}<br><small>{escape(metric.unit)}</small></td>{''.join(map(_cell, rows))}"
        f'<td><span class="met">{escape(TITLES.get(better, ""))}</span></td></tr>'
        for metric, rows, better in comparison.judged_rows()
    ]
    explained = '<p class="faint">Better student: where the 95 % intervals of the two do not overlap.</p>'
    parts.append(section("Before the judges", explained + html_table((*heads, "Better student"), judged)))
    parts.append(section("The same sentences", "".join(map(_sentence, sentences))))
    drawn = "".join(chart_svg(chart) for chart in charts)
    parts.append(section("Training", f'<div class="charts">{drawn}</div>' if drawn else ""))
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in comparison.facts.items())
    parts.append(section("Facts", f"<dl>{facts}</dl>"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(html_page(TITLE, parts), encoding="utf-8")


def _cell(row: Row | None) -> str:
    if row is None or row.value is None:
        return '<td class="number">–</td>'
    interval = "" if row.low is None or row.high is None else f"<br><small>{row.low:.3f} to {row.high:.3f}</small>"
    return f'<td class="number">{row.value:.3f}{interval}</td>'


def _sentence(sentence: SpokenByAll) -> str:
    players = player("Recording", sentence.recording)
    players += "".join(player(TITLES[name], waveform) for name, waveform in sentence.spoken.items())
    return f'<div class="sentence"><p>{escape(sentence.text)}</p><div class="sounds">{players}</div></div>'
