"""``clocktrain evaluate``: a voice, or a folder of wavs, before the judges."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clock_train.cli.figure_table import three_digits
from clock_train.orchestration.progress import ProgressStyle, listening

if TYPE_CHECKING:
    from clock_train.evaluation.figures import EvaluationReport, Row
    from clock_train.orchestration.leaderboard import LeaderboardOutcome
    from clock_train.orchestration.voice_evaluation import EvaluationOutcome

SENTENCES_LOST = 2
"""Exit code where sounds are missing, broken or silent: figures were written, without these."""
WIDEST = 140
_SIGNS = {"": "", "better": " +", "worse": " -"}

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def evaluate(
    voice: Annotated[
        Path | None, typer.Argument(metavar="[VOICE]", help="Folder of a trained voice, such as demo/voice.")
    ] = None,
    *,
    corpus: Annotated[
        list[Path] | None, typer.Option(help="Corpus it was trained from; by default the folder corpus beside it.")
    ] = None,
    wavs: Annotated[
        Path | None, typer.Option(help="Judge these sounds, named by clip id, instead of speaking.")
    ] = None,
    against: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of another system's sounds of the same sentences, named by clip id; may repeat."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the result; by default the folder evaluation beside the voice.")
    ] = None,
    speaker: Annotated[str | None, typer.Option(help="Whose sentences; by default the voice's first speaker.")] = None,
    impostors: Annotated[
        list[Path] | None, typer.Option(help="Other speakers, for the floor: corpora or folders of wavs.")
    ] = None,
    phone_seconds: Annotated[
        float, typer.Option(min=0, help="CPU time to train a phone recogniser where one is needed; 0: none.")
    ] = 150.0,
    mandarin: Annotated[
        bool, typer.Option("--mandarin", help="Also judge Mandarin, by a recogniser of synthetic speech.")
    ] = False,
    progress: Annotated[
        ProgressStyle, typer.Option(help="How progress is shown on standard error.")
    ] = ProgressStyle.AUTO,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Judge a voice on sentences that took no part in training.

    Figures with interval, floor and ceiling, a page to listen to, and metrics of the run in MLflow; with --against also
    a table of several systems on the same sentences.
    """
    if voice is None and wavs is None:
        raise typer.BadParameter("name a voice, or sounds with --wavs", param_hint="VOICE / --wavs")
    output = out or (voice.absolute().parent / "evaluation" if voice is not None else Path("evaluation"))
    from clock_train.orchestration.leaderboard import set_against
    from clock_train.orchestration.voice_evaluation import EvaluationRequest, evaluate_voice

    request = EvaluationRequest(
        output=output,
        voice=voice,
        corpora=corpus or (),
        wavs=wavs,
        speaker=speaker,
        impostors=impostors or (),
        phone_cpu_seconds=phone_seconds,
        is_mandarin_judged=mandarin,
    )
    with listening(progress) as listener:
        compared = set_against(request, against, listener) if against else None
        outcome = compared.first if compared is not None else evaluate_voice(request, listener)
    if as_json:
        board = {} if compared is None else {"leaderboard": compared.board.as_json()}
        print(json.dumps({**outcome.as_json(), **board}, indent=1, ensure_ascii=False))
    else:
        _print(outcome)
        if compared is not None:
            _print_board(compared)
    for failure in outcome.failures:
        print(f"{failure.item}: {failure.reason}", file=sys.stderr)
    if outcome.failures:
        raise typer.Exit(SENTENCES_LOST)


def _print(outcome: EvaluationOutcome) -> None:
    from rich.console import Console
    from rich.table import Table

    from clock_train.evaluation.figures import ALL_STYLES
    from clock_train.evaluation.judge_speed import together, without_recognisers

    report = outcome.report
    table = Table(box=None, pad_edge=False)
    for head in ("figure", "of", "value", "95 % interval", "floor", "ceiling", "sentences"):
        table.add_column(head, justify="left" if head in ("figure", "of") else "right")
    shown = [row for row in report.rows if row.style == ALL_STYLES and row.value is not None]
    for row in shown:
        table.add_row(*_cells(row))
    console = Console()
    # whole names: a narrow terminal wraps lines, and a script reads --json
    console.width = max(console.width, WIDEST)
    console.print(table)
    for reason, names in _missing(report).items():
        print(f"Missing: {', '.join(names)}: {reason}")
    speeds = ", ".join(f"{speed.judge} {speed.times_real_time:.0f}x" for speed in report.speeds)
    without = together(without_recognisers(report.speeds))
    all_of_them = together(report.speeds)
    print(f"Judges:  {speeds} real time on a core", end="")
    print(f"; all but the recognisers {without:.0f}x, with them {all_of_them:.1f}x" if without and all_of_them else "")
    print(f"Figures: {outcome.json_path}\nReport:  {outcome.page_path}")


def _print_board(compared: LeaderboardOutcome) -> None:
    from rich.console import Console
    from rich.table import Table

    board = compared.board
    table = Table(box=None, pad_edge=False)
    table.add_column("system")
    for metric in board.columns:
        table.add_column(metric.name.replace("_", " "), justify="right")
    for each in board.entrants:
        cells = []
        for metric in board.columns:
            row = board.row(each, metric)
            figure = "–" if row is None or row.value is None else three_digits(row.value)
            marks = ("*" if board.best(metric) is each else "") + _SIGNS[board.against_first(each, metric)]
            cells.append(figure + marks)
        table.add_row(each.name, *cells)
    bounds = [board.recordings(metric) for metric in board.columns]
    table.add_row("the recordings", *("–" if bound is None else three_digits(bound) for bound in bounds))
    console = Console()
    console.width = max(console.width, WIDEST)
    print()
    console.print(table, highlight=False)
    print("* best of its column; + and - better and worse than the first beyond the 95 % intervals")
    for each in board.entrants:
        if each.num_missing:
            print(f"Missing: {each.name} has no sound that can be judged for {each.num_missing} sentences")
    print(f"Board:   {compared.json_path}\nPage:    {compared.page_path}")


def _cells(row: Row) -> list[str]:
    from clock_train.evaluation.figures import METRICS

    interval = "" if row.low is None or row.high is None else f"{three_digits(row.low)} to {three_digits(row.high)}"
    bounds = ["" if bound is None else three_digits(bound) for bound in (row.floor, row.ceiling)]
    lost = f" of {row.num_items + row.num_failed}" if row.num_failed else ""
    return [
        METRICS[row.metric].title,
        row.subject.value,
        three_digits(row.value or 0.0),
        interval,
        *bounds,
        f"{row.num_items}{lost}" if row.num_items else "",
    ]


def _missing(report: EvaluationReport) -> dict[str, list[str]]:
    """Rows without a value by their reason; those that nothing was given for are no news."""
    from clock_train.evaluation.figures import ALL_STYLES, METRICS
    from clock_train.evaluation.report import NO_RESYNTHESIS, NO_WORD_TIMES, NOT_TIMED

    reasons: dict[str, list[str]] = {}
    for row in report.rows:
        if row.value is not None or row.style != ALL_STYLES or not row.unavailable:
            continue
        if row.unavailable not in (NO_RESYNTHESIS, NO_WORD_TIMES, NOT_TIMED):
            name = METRICS[row.metric].title
            names = reasons.setdefault(row.unavailable, [])
            if name not in names:
                names.append(name)
    return reasons
