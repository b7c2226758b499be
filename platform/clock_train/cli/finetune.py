"""``clocktrain finetune``: a base and one speaker's corpus to that speaker's voice."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clock_train.cli import training_run as run
from clock_train.orchestration.progress import ProgressStyle
from clock_train.training.trained_parts import TrainedParts

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def finetune(
    corpora: Annotated[
        list[Path], typer.Argument(metavar="CORPUS", help='Folder of "clocktrain corpus build"; each becomes a voice.')
    ],
    *,
    out: run.Out,
    base: Annotated[
        Path | None, typer.Option(help='Voice folder of "clocktrain pretrain"; by default the base that comes along.')
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="Demo, Basic or Professional; by default Basic on a GPU, else Demo.")
    ] = None,
    name: run.Name = None,
    max_steps: run.MaxSteps = None,
    epochs: run.Epochs = None,
    max_cpu_seconds: run.CpuSeconds = None,
    batch_size: run.BatchSize = None,
    learning_rate: run.LearningRate = None,
    seed: run.Seed = None,
    trained: Annotated[
        TrainedParts | None,
        typer.Option(help='What of the base changes; with conditions "voices slim" keeps the voice in a tenth.'),
    ] = None,
    device: run.Device = "auto",
    workers: run.NumWorkers = 0,
    fork: run.Fork = False,
    progress: run.Progress = ProgressStyle.AUTO,
    as_json: run.Json = False,
) -> None:
    """Teach a base one speaker's voice.

    Sizes come from the base, the rest from the preset. The same command with the same folder goes on where it stopped.
    Of several corpora each becomes a voice of its own in OUT/CORPUS, one after the other, and one that fails keeps none
    of the others.
    """
    from clock_train.orchestration.presets import usual_preset
    from clock_train.orchestration.shipped_base import shipped_base
    from clock_train.orchestration.training_preparation import TrainRequest

    request = TrainRequest(
        corpora=corpora, output=out, preset=preset or usual_preset(device), base=base or shipped_base(), name=name,
        max_steps=max_steps, epochs=epochs, max_cpu_seconds=max_cpu_seconds, batch_size=batch_size,
        learning_rate=learning_rate, seed=seed,
        trained=trained, device=device, workers=workers, fork=fork,
    )  # fmt: skip
    if len(corpora) == 1:
        run.train_and_print(request, progress, as_json)
    else:
        run.train_each_and_print(run.one_for_each(request), progress, as_json)
