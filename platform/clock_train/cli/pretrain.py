"""``clocktrain pretrain``: the corpora of many speakers to a base."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clock_train.cli import training_run as run
from clock_train.data.sound_codec import Codec
from clock_train.orchestration.progress import ProgressStyle

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def pretrain(
    corpora: Annotated[list[Path], typer.Argument(metavar="CORPUS", help='Folders of "clocktrain corpus build".')],
    *,
    out: run.Out,
    preset: Annotated[str, typer.Option(help="Demo, Base, Basic, Professional or Pretrain.")] = "Pretrain",
    base: Annotated[
        Path | None, typer.Option(help="Go on from this base's weights; optimisers and discriminators begin anew.")
    ] = None,
    name: run.Name = None,
    max_steps: run.MaxSteps = None,
    epochs: run.Epochs = None,
    max_cpu_seconds: run.CpuSeconds = None,
    batch_size: run.BatchSize = None,
    learning_rate: run.LearningRate = None,
    seed: run.Seed = None,
    device: run.Device = "auto",
    workers: run.NumWorkers = 0,
    fork: run.Fork = False,
    parcel: run.AsParcel = False,
    carried: run.Carried = None,
    carry_mib: run.CarryMib = 60.0,
    codec: run.SoundCodec = Codec.OPUS,
    opus_bits: run.OpusBits = 32_000,
    progress: run.Progress = ProgressStyle.AUTO,
    as_json: run.Json = False,
) -> None:
    """Train a base model on the recordings of many speakers.

    The base is what "clocktrain finetune" starts from. The same command with the same folder goes on where it stopped.

    With --parcel it is trained elsewhere: OUT/parcel is carried to a machine that has PyTorch alone, its train.py
    trains there for minutes at a time, and --carried takes over what it brought out.
    """
    from clock_train.orchestration.training_preparation import TrainRequest

    request = TrainRequest(
        corpora=corpora, output=out, preset=preset, base=base, kind="base", name=name, max_steps=max_steps,
        epochs=epochs, max_cpu_seconds=max_cpu_seconds, batch_size=batch_size, learning_rate=learning_rate, seed=seed,
        device=device, workers=workers, fork=fork,
    )  # fmt: skip
    if parcel and carried is not None:
        raise typer.BadParameter("--parcel and --carried are two ends of one way; give one of them")
    if parcel:
        run.pack_and_print(request, progress, as_json, codec=codec, opus_bits=opus_bits, carry_mib=carry_mib)
    else:
        run.train_and_print(request, progress, as_json, carried=carried)
