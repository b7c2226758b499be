"""Weights that a borrowed machine brought out become the voice of the training that was carried there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from clock_train.errors import CheckpointMismatch, CheckpointNotFound
from clock_train.orchestration.borrowed_time import FACTS, HISTORY, part_name
from clock_train.orchestration.history_file import read_history
from clock_train.orchestration.listener import Listener
from clock_train.orchestration.observer import Observer
from clock_train.orchestration.run_lock import locked
from clock_train.orchestration.trained_voice import Trained, write_trained_voice
from clock_train.orchestration.training_preparation import TrainRequest, prepare
from clock_train.orchestration.training_session import TrainOutcome, facts_of
from clock_train.training.carried_weights import read_carried
from clock_train.training.loop import Ending, FitResult
from clock_train.training.run import Run


def adopt_carried(
    request: TrainRequest, carried: Path, listener: Listener, observer: Observer | None = None
) -> TrainOutcome:
    """Write ``voice/`` below the output folder from weights that were trained elsewhere.

    Who agreed and what the recordings hold is checked again: a consent may have been taken back meanwhile.

    Args:
        request: the one that the parcel was written from.
        carried: what a window brought out, with all parts of the weights.
        listener: shows stages.
        observer: a tracker; told of the curves as well.

    Raises:
        CheckpointNotFound: nothing was brought there.
        CheckpointDamaged: a part of the weights is missing or damaged.
        CheckpointMismatch: they are of another training.
        ClockTrainError: as of a training before its first step.
    """
    facts = read_facts(carried)
    with locked(request.output):
        prepared = prepare(request, listener)
        if facts["uid"] != prepared.job.uid:
            raise CheckpointMismatch(
                f'the weights in "{carried}" are of training {facts["uid"]}, these recordings and settings are '
                f"{prepared.job.uid}; give the same corpora and options as for the parcel"
            )
        listener.stage("weights")
        weights = read_carried(_parts(carried, facts), facts["weights"])
        run = Run(prepared.started.voice, prepared.packed, prepared.job.training, device=torch.device("cpu"))
        try:
            run.voice.load_state_dict(weights)
        except RuntimeError as error:
            raise CheckpointMismatch(
                f'the weights in "{carried}" do not fit their model ({error}); bring those of this parcel'
            ) from error
        ending = next((each for each in Ending if each.value == facts["ending"]), Ending.STOPPED)
        result = FitResult(ending, facts["step"], facts["spokenStep"], facts["cpuSeconds"], None)
        trained = Trained(
            steps=result.step,
            spoken_step=facts["spokenStep"],
            trained_on=facts["trainedOn"],
            cpu_seconds=result.cpu_seconds,
            ending=ending.value,
            hardware=facts["hardware"],
            carried={"precision": facts["weights"]["precision"]},
        )
        voice_path = write_trained_voice(prepared, run, trained)
        history = request.output / f"history-{prepared.job.uid}.jsonl"
        if (carried / HISTORY).is_file():
            shutil.copy(carried / HISTORY, history)
        if observer is not None:
            observer.begin(facts_of(prepared))
            for row in read_history(history):
                observer.progress(row)
            observer.end(result, voice_path)
    listener.note(
        f"the weights of step {facts['spokenStep']} of {result.step} were taken over; the voice is in {voice_path}"
    )
    return TrainOutcome(
        prepared.job.uid, voice_path, result, prepared.packed, prepared.left_out, None, history,
        prepared.started.base_speakers,
    )  # fmt: skip


def read_facts(carried: Path) -> dict[str, Any]:
    """What a window said of the weights that it brought out.

    Raises:
        CheckpointNotFound: nothing that can be read.
    """
    try:
        facts: dict[str, Any] = json.loads((carried / FACTS).read_text(encoding="utf-8"))
        missing = {"uid", "step", "spokenStep", "ending", "trainedOn", "cpuSeconds", "hardware", "weights"} - set(facts)
        if missing:
            raise ValueError(f"no {', '.join(sorted(missing))}")
    except (OSError, ValueError) as error:
        raise CheckpointNotFound(
            f'"{carried}" holds no readable {FACTS} ({error}); name the folder that train.py wrote with --out'
        ) from error
    return facts


def _parts(carried: Path, facts: Mapping[str, Any]) -> list[bytes]:
    """Those that are there, up to the first that is not."""
    found = []
    for number in range(1, len(facts["weights"]["parts"]) + 1):
        path = carried / part_name(number)
        if not path.is_file():
            break
        found.append(path.read_bytes())
    return found
