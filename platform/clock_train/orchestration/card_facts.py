"""What a voice's card says of how it was made, and its model card shows; no name of a machine, no path."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from clock_train.bundle.card import parse_card, read_card_bytes
from clock_train.consent.record import ConsentRecord

OF_THE_TEACHER = ("preset", "dvcRevisions", "base", "baseDigest", "baseName", "licences")
"""Facts of a teacher's training that are true of its student too."""


def hardware_class(device: str, workers: int) -> str:
    """What a run trains on: ``CPU``, or ``CUDA GPU, 2 workers``."""
    is_gpu = device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())
    return f"{'CUDA GPU' if is_gpu else 'CPU'}{f', {workers} workers' if workers > 1 else ''}"


def base_name(base: Path | None) -> str | None:
    """What a base is called, rather than where it lies."""
    return None if base is None else str(parse_card(base, read_card_bytes(base)).get("name", ""))


def licences_of(consents: Sequence[ConsentRecord]) -> list[dict[str, str]]:
    """Whom published recordings ask to name."""
    found = {record.id: record for record in consents if record.is_licence}
    return [
        {"licence": each.licence or "", "uri": each.licence_uri or "", "attribution": each.attribution or ""}
        for each in found.values()
    ]
