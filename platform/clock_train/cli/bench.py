"""``clocktrain bench``: speed and memory on this machine, each row with its target."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clock_train.cli.figure_table import print_figures
from clock_train.errors import ConfigValueInvalid
from clock_train.orchestration.progress import ProgressStyle, listening

if TYPE_CHECKING:
    from clock_train.cli.measurements.rows import BenchRow
    from clock_train.orchestration.listener import Listener

SERVING, TRITON = "speaking in ONNX Runtime", "speaking through Triton"

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def bench(
    *,
    quick: Annotated[
        bool, typer.Option("--quick", help="Seconds instead of minutes, on tiny inputs: shows that it runs.")
    ] = False,
    serving: Annotated[
        bool, typer.Option("--serving", help="Only the rows of bundles in ONNX Runtime and Triton.")
    ] = False,
    recordings: Annotated[
        Path | None, typer.Option(help="Recordings for corpus and demo; by default the English sample where cached.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for raw CSV and picture of the clients at once on Triton.")
    ] = None,
    progress: Annotated[
        ProgressStyle, typer.Option(help="How progress is shown on standard error.")
    ] = ProgressStyle.AUTO,
    as_json: Annotated[bool, typer.Option("--json", help="Print machine and rows as JSON.")] = False,
) -> None:
    """Measure speed and memory on this machine, as a table.

    Figures are CPU time where that is what counts, so that a busy machine spoils them less; each measurement runs in a
    process of its own. A missed target is shown as missed and is no failure of the command.

    Raises:
        ConfigValueInvalid: the folder of --out cannot be made.
    """
    from clock_train.cli.measurements.machine import machine_facts

    if out is not None:
        _make_folder(out)
    facts = machine_facts()
    with listening(progress) as listener:
        rows = measure_all(quick, recordings, listener, out=out, only={SERVING, TRITON} if serving else None)
    if as_json:
        print(json.dumps({"machine": facts, "rows": [as_plain(row) for row in rows]}, indent=1, ensure_ascii=False))
        return
    for name, value in facts.items():
        print(f"{name + ':':<12}{value}")
    print()
    print_figures([row.figure for row in rows])


def measure_all(
    quick: bool, recordings: Path | None, listener: Listener, *, out: Path | None = None, only: set[str] | None = None
) -> list[BenchRow]:
    """Every row in the order of the table, or those of some of its blocks."""
    from clock_train.cli.measurements import rows as table
    from clock_train.cli.measurements.machine import gpu_name
    from clock_train.cli.measurements.triton_rows import triton_rows

    effort = table.QUICK if quick else table.FULL
    source = str(recordings) if recordings else (None if quick else cached_sample())
    has_gpu = bool(gpu_name())
    blocks: list[tuple[str, Callable[[], Iterator[BenchRow]]]] = [
        ("start-up", lambda: table.start_up_rows(effort)),
        ("text front-end", lambda: table.front_end_rows(effort)),
        ("corpus and features", lambda: table.preparation_rows(effort, source)),
        ("plan and repro", lambda: table.waiting_rows(effort)),
        ("judges", lambda: table.judge_rows(effort, source)),
        ("speaking", lambda: table.speaking_rows(effort)),
        (SERVING, lambda: table.serving_rows(effort)),
        (TRITON, lambda: triton_rows(effort, out)),
    ]
    for device in table.DEVICES:
        for model in table.MODELS:
            name = f"training the {model} on {device}"
            blocks.append((name, lambda m=model, d=device: table.training_rows(effort, m, d, has_gpu)))
    blocks.append(("tracking and workers", lambda: table.run_rows(effort)))
    blocks.append(("demo", lambda: table.demo_rows(effort, source)))
    if only is not None:
        blocks = [block for block in blocks if block[0] in only]
    found: list[BenchRow] = []
    listener.stage("bench")
    for done, (name, block) in enumerate(blocks):
        listener.advance(done / len(blocks), name)
        found.extend(block())
    listener.advance(1.0)
    return found


def cached_sample() -> str | None:
    """The English sample's folder if an earlier demo fetched it; nothing is fetched for a bench."""
    from clock_train.data.sample import cache_folder, is_intact

    folder = cache_folder() / "en"
    return str(folder) if is_intact(folder) else None


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigValueInvalid(f'--out "{out}" cannot be made ({error.strerror}); name another folder') from error


def as_plain(row: BenchRow) -> dict[str, object]:
    """A row for scripts."""
    return {**asdict(row.figure), "met": row.figure.is_met, "details": dict(row.details)}
