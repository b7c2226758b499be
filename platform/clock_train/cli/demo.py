"""``clocktrain demo``: every stage on this machine, and the figures as they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clock_train.cli.figure_table import print_figures
from clock_train.orchestration.progress import ProgressStyle, listening, spoken_duration

if TYPE_CHECKING:
    from clock_train.orchestration.demo import DemoOutcome

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def demo(
    *,
    recordings: Annotated[
        Path | None, typer.Option(help="Your own recordings with their texts; by default a sample voice is fetched.")
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="Of the sample: en, es, fr, it or ru; of your recordings: such as zh or en.")
    ] = None,
    output: Annotated[Path, typer.Option("--out", help="Folder for everything; the same folder goes on.")] = Path(
        "demo"
    ),
    max_cpu_seconds: Annotated[float | None, typer.Option(min=1, help="CPU time of the training, in seconds.")] = None,
    base: Annotated[
        Path | None, typer.Option(help="Voice folder to fine-tune from; by default the base that comes along.")
    ] = None,
    from_scratch: Annotated[bool, typer.Option("--from-scratch", help="Start from no base.")] = False,
    workers: Annotated[int, typer.Option(min=0, help="Processes that share each batch, by Ray; 0: this one.")] = 1,
    progress: Annotated[
        ProgressStyle, typer.Option(help="How progress is shown on standard error.")
    ] = ProgressStyle.AUTO,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Turn recordings into a voice that speaks, on this machine.

    Recordings, corpus, consent record, training, a student, a signed bundle that speaks in Triton, and evaluation, in
    about a quarter of an hour on two cores. Interrupting it loses nothing: the same command goes on.
    """
    if base is not None and from_scratch:
        raise typer.BadParameter("name a base, or start from none", param_hint="--base / --from-scratch")
    from clock_train.orchestration.demo import run_demo
    from clock_train.orchestration.shipped_base import shipped_base

    with listening(progress) as listener:
        outcome = run_demo(
            listener=listener,
            output=output,
            recordings=recordings,
            language=language,
            base=None if from_scratch else base or shipped_base(),
            max_cpu_seconds=max_cpu_seconds,
            workers=workers,
        )
    if as_json:
        print(json.dumps(outcome.as_json(), indent=1, ensure_ascii=False))
    else:
        _print(outcome)


def _print(outcome: DemoOutcome) -> None:
    print_figures([figure for figure in outcome.figures if figure.is_met is not None])
    print("All figures are in the report and in --json.\n")
    for warning in outcome.warnings:
        print(f"Warning: {warning}")
    if outcome.statement:
        print(f"{outcome.statement}\n")
    for reused in outcome.reused:
        print(f"Reused:  {reused}")
    stages = ", ".join(f"{name} {spoken_duration(seconds)}" for name, seconds in outcome.seconds.items())
    print(f"Time:    {spoken_duration(sum(outcome.seconds.values()))} ({stages})")
    speaker = "Triton" if outcome.spoken_by == "triton" else "ONNX Runtime, without Triton"
    for language, path in outcome.speech.items():
        print(f"Listen:  {path} ({language}, spoken by {speaker})")
    print(f"Serve:   clocktrain serve --voices {outcome.bundle.parent}")
    print(f"Card:    {outcome.card}")
    print(f"Student: {outcome.student} (half the parameters, taught by the voice in a minute: it shows the stage)")
    print(f"Report:  {outcome.report}")
    print(f"MLflow:  clocktrain ui {outcome.report.parent}")
