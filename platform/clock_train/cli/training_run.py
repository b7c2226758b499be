"""What ``pretrain`` and ``finetune`` share: their options, and a run with its result printed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clock_train.data.sound_codec import Codec
from clock_train.errors import ClockTrainError, TrainingStopped
from clock_train.orchestration.progress import ProgressStyle, listening, spoken_duration

if TYPE_CHECKING:
    from clock_train.orchestration.parcels import Parcel
    from clock_train.orchestration.training_preparation import TrainRequest
    from clock_train.orchestration.training_session import TrainOutcome


Out = Annotated[Path, typer.Option("--out", help="Folder for checkpoints and the voice; the same folder goes on.")]
Name = Annotated[str | None, typer.Option(help="Name of the voice; by default its speakers'.")]
MaxSteps = Annotated[int | None, typer.Option(min=1, help="End after so many steps.")]
Epochs = Annotated[int | None, typer.Option(min=1, help="End after so many passes over the recordings.")]
CpuSeconds = Annotated[float | None, typer.Option(min=0, help="End when the steps have cost this much CPU time.")]
BatchSize = Annotated[int | None, typer.Option(min=1, help="Clips a step.")]
LearningRate = Annotated[float | None, typer.Option(help="Highest learning rate.")]
Seed = Annotated[int | None, typer.Option(help="Seed of everything random.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
NumWorkers = Annotated[
    int, typer.Option("--workers", min=0, help="Processes that share each batch, by Ray; 0: this one.")
]
Fork = Annotated[bool, typer.Option("--fork", help="Begin another run beside those that the folder holds.")]
AsParcel = Annotated[
    bool, typer.Option("--parcel", help="Train nothing: write OUT/parcel, a training to carry to another machine.")
]
Carried = Annotated[Path | None, typer.Option(help="Train nothing: take over what a window of the parcel brought out.")]
CarryMib = Annotated[float, typer.Option(min=0.1, help="Most that a parcel may weigh.")]
SoundCodec = Annotated[Codec, typer.Option(help="Of a parcel's sound; opus is an eighth, flac loses nothing.")]
OpusBits = Annotated[int, typer.Option(help="Bits a second of a parcel's opus.")]
Progress = Annotated[ProgressStyle, typer.Option(help="How progress is shown on standard error.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def train_and_print(
    request: TrainRequest, progress: ProgressStyle, as_json: bool, *, carried: Path | None = None
) -> None:
    """Train, or take over what was trained elsewhere; then say on stdout where the voice is and how good it got."""
    outcome = _trained(request, progress, carried=carried)
    if as_json:
        print(json.dumps(result_of(outcome), indent=1, ensure_ascii=False))
    else:
        for line in lines_of(outcome):
            print(line)


def one_for_each(request: TrainRequest) -> dict[str, TrainRequest]:
    """A training for each corpus of a request, by the name of its folder below the output."""
    if request.name is not None:
        raise typer.BadParameter("--name is one voice's; of several corpora each voice is named after its speaker")
    found: dict[str, TrainRequest] = {}
    for corpus in request.corpora:
        label = corpus.absolute().name
        if label in found:
            raise typer.BadParameter(f'two corpora are in folders called "{label}"; rename one, each needs its own')
        found[label] = replace(request, corpora=[corpus], output=request.output / label)
    return found


def train_each_and_print(requests: Mapping[str, TrainRequest], progress: ProgressStyle, as_json: bool) -> None:
    """Train one after the other in this process; a voice that fails is said and keeps none of the others.

    Raises:
        typer.Exit: some failed; with the exit code of the first of them.
        TrainingStopped: it saved and stopped, as was asked.
    """
    done: dict[str, dict[str, Any]] = {}
    errors: list[ClockTrainError] = []
    for label, request in requests.items():
        if not as_json:
            print(f"{label}:", flush=True)
        try:
            outcome = _trained(request, progress)
        except TrainingStopped:
            raise
        except ClockTrainError as error:
            errors.append(error)
            done[label] = {"error": str(error)}
            if not as_json:
                print(f"Failed:  {error}", flush=True)
            continue
        done[label] = result_of(outcome)
        if not as_json:
            for line in lines_of(outcome):
                print(line, flush=True)
    if as_json:
        print(json.dumps(done, indent=1, ensure_ascii=False))
    if errors:
        raise typer.Exit(errors[0].exit_code)


def _trained(request: TrainRequest, progress: ProgressStyle, *, carried: Path | None = None) -> TrainOutcome:
    from clock_train.orchestration.run_tracking import RunTracking
    from clock_train.tracking.target import local_target

    with listening(progress) as listener:
        tracking = RunTracking(request.output, local_target(request.output), warn=listener.warn)
        if carried is not None:
            from clock_train.orchestration.carried_voice import adopt_carried

            outcome = adopt_carried(request, carried, listener, tracking)
        else:
            from clock_train.orchestration.training_session import train

            outcome = train(request, listener, tracking)
        tracking.finish()
    return outcome


def result_of(outcome: TrainOutcome) -> dict[str, Any]:
    """The outcome for scripts."""
    result = outcome.result
    return {
        "voice": str(outcome.voice_path),
        "history": str(outcome.history_path),
        "ending": result.ending.name.lower(),
        "step": result.step,
        "bestStep": result.best_step,
        "cpuSeconds": round(result.cpu_seconds, 1),
        "resumedFrom": outcome.resumed_from,
        "validation": asdict(result.last_validation) if result.last_validation else None,
        "leftOut": [{"clip": clip, "reason": reason} for clip, reason in outcome.left_out],
    }


def lines_of(outcome: TrainOutcome) -> list[str]:
    """The outcome for people."""
    result, voice = outcome.result, outcome.voice_path
    lines = [
        f"Voice:   {voice} (step {result.best_step or result.step} of {result.step}, {result.ending.value})",
        f"Curves:  {outcome.history_path}",
        f"Runs:    clocktrain ui {voice.parent}",
        f"CPU:     {spoken_duration(result.cpu_seconds)}",
    ]
    if result.last_validation is not None:
        scores = ", ".join(f"{name} {value:.3f}" for name, value in asdict(result.last_validation).items())
        lines.append(f"Scores:  {scores} (validation clips, lower is better)")
    if outcome.left_out:
        lines.append(f"Left out: {len(outcome.left_out)} clips, such as {': '.join(outcome.left_out[0])}")
    return [*lines, f'Speak:   clocktrain synthesize --voice {voice} --text "..." --out speech.wav']


def pack_and_print(
    request: TrainRequest,
    progress: ProgressStyle,
    as_json: bool,
    *,
    codec: Codec,
    opus_bits: int,
    carry_mib: float,
) -> None:
    """Write a parcel, then say on stdout how it is used."""
    from clock_train.orchestration.parcels import write_parcel

    with listening(progress) as listener:
        parcel = write_parcel(request, listener, codec=codec, opus_bits=opus_bits, carry_mib=carry_mib)
    if as_json:
        print(json.dumps({"parcel": str(parcel.path), "uid": parcel.uid, "bytes": parcel.bytes_of}, indent=1))
        return
    for line in parcel_lines(parcel):
        print(line)


def parcel_lines(parcel: Parcel) -> list[str]:
    """A parcel for people: what weighs how much, and the next two commands."""
    heaviest = sorted(parcel.bytes_of.items(), key=lambda item: -item[1])[:3]
    return [
        f"Parcel:  {parcel.path} ({parcel.size_bytes / 2**20:.1f} MiB)",
        *(f"         {size / 2**20:5.1f} MiB {name}" for name, size in heaviest),
        "There:   python3 parcel/train.py --window-minutes 9 --out OUT (again and again; see --help)",
        "Back:    the same command as this one with --carried OUT instead of --parcel",
    ]
