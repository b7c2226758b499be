"""``clocktrain runs``: the trainings below a folder with their figures."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from clock_train.orchestration.run_listing import RunRow

WIDEST = 200

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def runs(
    folder: Annotated[Path, typer.Argument(metavar="[FOLDER]", help="Where to look.")] = Path("."),
    *,
    sync: Annotated[bool, typer.Option("--sync", help="First send what the tracker has not taken yet.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
) -> None:
    """List trainings with their figures.

    Entries that MLflow could not take are kept beside a run; --sync sends them.
    """
    from clock_train.orchestration.run_listing import list_runs, sync_runs

    if sync:
        total = sync_runs(folder, note=lambda text: print(text, file=sys.stderr))
        print(f"{total} entries sent", file=sys.stderr)
    rows = list_runs(folder)
    if as_json:
        print(json.dumps([row.as_json() for row in rows], indent=1, ensure_ascii=False))
    else:
        _print(rows)


def _print(rows: list[RunRow]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for head in ("run", "name", "preset", "corpus", "step", "score", "CPU s", "status", "unsent", "folder"):
        table.add_column(head, justify="right" if head in ("step", "score", "CPU s", "unsent") else "left")
    for row in rows:
        score = row.validation.get("score")
        table.add_row(
            row.uid,
            row.name,
            row.preset,
            row.corpus_revision[:8],
            str(row.step),
            "-" if score is None else f"{score:.3f}",
            f"{row.cpu_seconds:.0f}",
            row.status,
            str(row.waiting),
            row.output,
        )
    # whole names and paths: a narrow terminal wraps lines, and a script reads --json
    console = Console()
    console.width = max(console.width, WIDEST)
    console.print(table)
