"""A leaderboard as one HTML page: the table, and the same sentences by each system; no script, no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np

from clock_train.evaluation.comparison_html import player
from clock_train.evaluation.leaderboard import RECORDINGS, Entrant, Leaderboard
from clock_train.evaluation.report_html import html_page, html_table, section

TITLE = "Leaderboard"
_EXPLAINED = (
    "Same sentences, same judges. In bold the best figure of each column; better and worse say which systems differ "
    "from the first beyond the 95 % intervals, below each figure. No figure stands for listening: play them."
)


@dataclass(frozen=True, kw_only=True)
class SpokenSentence:
    """One held-out sentence by everybody; waveforms are (T,) float32 at 16 kHz, None where there is no sound."""

    text: str
    recording: np.ndarray
    spoken: Mapping[str, np.ndarray | None]


def write_leaderboard_html(path: Path, board: Leaderboard, sentences: Sequence[SpokenSentence]) -> None:
    """Write the page; sounds lie inside it."""
    heads = ("system", *(f"{metric.title} ({metric.unit}, {metric.better})" for metric in board.columns), "not spoken")
    rows = [_line(board, each) for each in board.entrants]
    bounds = "".join(f'<td class="number">{_figure(board.recordings(metric))}</td>' for metric in board.columns)
    rows.append(f"<tr><td>{RECORDINGS}</td>{bounds}<td></td></tr>")
    parts = [
        f"<h1>{TITLE}</h1>",
        section("Figures", f'<p class="faint">{_EXPLAINED}</p>{html_table(heads, rows)}'),
        section("The same sentences", "".join(map(_sentence, sentences))),
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(html_page(TITLE, parts), encoding="utf-8")


def _line(board: Leaderboard, entrant: Entrant) -> str:
    cells = [f"<td>{escape(entrant.name)}</td>"]
    for metric in board.columns:
        row = board.row(entrant, metric)
        if row is None or row.value is None:
            cells.append('<td class="number">–</td>')
            continue
        figure = f"<b>{row.value:.3f}</b>" if board.best(metric) is entrant else f"{row.value:.3f}"
        interval = "" if row.low is None or row.high is None else f"<br><small>{row.low:.3f} to {row.high:.3f}</small>"
        said = board.against_first(entrant, metric)
        cells.append(f'<td class="number">{figure}{interval}{f"<br><small>{said}</small>" if said else ""}</td>')
    return f'<tr>{"".join(cells)}<td class="number">{entrant.num_missing or ""}</td></tr>'


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _sentence(sentence: SpokenSentence) -> str:
    players = player("Recording", sentence.recording)
    players += "".join(player(escape(name), waveform) for name, waveform in sentence.spoken.items())
    return f'<div class="sentence"><p>{escape(sentence.text)}</p><div class="sounds">{players}</div></div>'
