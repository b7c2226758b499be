"""What a voice's card says of how it was made, and its model card shows; no name of a machine, no path."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from clock_train.bundle.card import parse_card, read_card_bytes
from clock_train.consent.record import ConsentRecord

OF_THE_TEACHER = ("preset", "dvcRevisions", "base", "baseDigest", "baseName", "licences")
"""Facts of a teacher's training that are true of its student too."""


def is_gpu(device: str) -> bool:
    """Whether ``auto``, ``cpu``, ``cuda`` or ``cuda:N`` means a GPU on this machine."""
    return device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())


def hardware_class(device: str, workers: int) -> str:
    """What a run trains on: ``CPU``, or ``CUDA GPU, 2 workers``."""
    return f"{'CUDA GPU' if is_gpu(device) else 'CPU'}{f', {workers} workers' if workers > 1 else ''}"


def base_name(base: Path | None) -> str | None:
    """What a base is called, rather than where it lies."""
    return None if base is None else str(parse_card(base, read_card_bytes(base)).get("name", ""))


def steps_in_base(base: Path | None) -> int:
    """Steps that a base was trained for, those of its own bases included; 0 without one."""
    if base is None:
        return 0
    training = parse_card(base, read_card_bytes(base)).get("training", {})
    return int(training.get("spokenStep") or training.get("steps") or 0) + int(training.get("stepsInBase") or 0)


def languages_of_base(base: Path | None) -> list[str]:
    """What a base heard, and its own bases before it."""
    if base is None:
        return []
    values = parse_card(base, read_card_bytes(base))
    return sorted({*values.get("languages", []), *values.get("training", {}).get("baseLanguages", [])})


def licences_of(consents: Sequence[ConsentRecord], base: Path | None = None) -> list[dict[str, str]]:
    """Whom published recordings ask to name: those of this training, then those that its base was trained on."""
    found = {record.id: record for record in consents if record.is_licence}
    own = [
        {"licence": each.licence or "", "uri": each.licence_uri or "", "attribution": each.attribution or ""}
        for each in found.values()
    ]
    inherited = [] if base is None else parse_card(base, read_card_bytes(base)).get("training", {}).get("licences", [])
    named: list[dict[str, str]] = []
    for each in own + inherited:  # one reader of two languages is named once
        if each not in named:
            named.append(each)
    return named
