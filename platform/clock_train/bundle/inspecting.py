"""What a bundle says of itself, whoever signed it, for a person to read before trusting it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clock_train.bundle.card import parse_card, read_card_bytes
from clock_train.bundle.opening import verify_bundle
from clock_train.errors import ClockTrainError

SHOWN = (
    "name", "kind", "version", "languages", "speakers", "sampleRate", "parameterCounts", "phoneInventoryId",
    "consentIds", "consents", "corpusRevision", "watermarkKeyId", "trackingRun", "metrics", "graphs", "int8",
)  # fmt: skip


def inspect_bundle(folder: Path, *, trusted_keys: Sequence[str]) -> dict[str, Any]:
    """The card's lines, file sizes, digest, and what ``verify_bundle`` says.

    Raises:
        VoiceNotFound, BundleDamaged, BundleSchemaUnsupported: there is no card, or none that can be read.
    """
    content = read_card_bytes(folder)
    values = parse_card(folder, content)
    found: dict[str, Any] = {name: values[name] for name in SHOWN if name in values}
    found["digest"] = hashlib.sha256(content).hexdigest()
    found["bytes"] = {
        name: (folder / name).stat().st_size if (folder / name).is_file() else "missing" for name in values["files"]
    }
    try:
        found["verdict"] = f"whole, signed by {verify_bundle(folder, trusted_keys=trusted_keys).signer}"
    except ClockTrainError as error:
        found["verdict"] = str(error)
    return found
