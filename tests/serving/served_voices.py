"""A real tritonserver over small random voices, and what its tests need to know of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import numpy as np
from exported_voice import exported, signer_of  # pyright: ignore[reportMissingImports]
from tiny_voice import tiny_config  # pyright: ignore[reportMissingImports]

from clock_train.consent.rules import Grant
from clock_train.export.bundle_writing import write_bundle
from clock_train.issuing.installation import Installation
from clock_train.models.voice_files import VoiceCard, load_voice, save_voice
from clock_train.serving.model_repository import write_model
from clock_train.serving.triton_server import TritonServer
from clock_train.watermark.detect import NARROW_SEARCH, Detection, detect


@dataclass
class Served:
    """A server, and what its tests need to know of it."""

    server: TritonServer
    repository: Path
    bundles: dict[str, Path]
    """By model."""
    key: str
    installation: Installation


def bundles_of(
    folder: Path, *names: str, consents: Mapping[str, Grant] = MappingProxyType({})
) -> tuple[dict[str, Path], str]:
    """Bundles of tiny random voices, and the key that signed them; "anna@2" is another version of "anna".

    Args:
        folder: of everything.
        names: of voices beside ``duo``.
        consents: by name of those that somebody agreed to.
    """
    first, key = exported(folder, tiny_config())
    loaded = load_voice(folder / "voice")
    found = {"duo-v1": first}
    for label in names:
        name, _, version = label.partition("@")
        agreed = {"consents": [consents[name].wire()], "consent_ids": [consents[name].id]} if name in consents else {}
        card = VoiceCard(**{**vars(loaded.card), "name": name, "version": int(version or 1), **agreed})
        save_voice(folder / f"voice-{label}", card, loaded.model, loaded.vectors_SE)
        write_bundle(folder / f"voice-{label}", folder / f"bundle-{label}", signer=signer_of(folder))
        found[f"{name}-v{card.version}"] = folder / f"bundle-{label}"
    return found, key


def installation_trusting(folder: Path, key: str) -> Installation:
    """A fresh installation that opens bundles of this key."""
    installation = Installation(folder)
    installation.signer()
    installation.trusted_path.write_text(f"{key}\n", encoding="utf-8")
    return installation


def voices_in(folder: Path, *names: str, consents: Mapping[str, Grant] = MappingProxyType({})) -> None:
    """A folder ``voices`` with ``duo-v1`` and voices of more names, and ``issuing``, which opens them."""
    bundles, key = bundles_of(folder, *names, consents=consents)
    installation_trusting(folder / "issuing", key)
    gather(folder / "voices", bundles)


def gather(voices: Path, bundles: Mapping[str, Path]) -> None:
    """Bundles side by side, each under the name of its model."""
    voices.mkdir(exist_ok=True)
    for model, bundle in bundles.items():
        bundle.rename(voices / model)


def found_in(installation: Installation, waveform: np.ndarray) -> Detection:
    """What the keys of an installation find."""
    today = datetime.now(UTC).date()
    return detect(waveform, installation.keys(today).detection_keys(today), speeds=NARROW_SEARCH)


@contextmanager
def serving(folder: Path, *names: str) -> Iterator[Served]:
    """A running server with ``duo-v1`` loaded, and voices of more names beside it."""
    bundles, key = bundles_of(folder, *names)
    installation = installation_trusting(folder / "issuing", key)
    for bundle in bundles.values():
        write_model(folder / "repository", bundle, trusted_keys=[key])
    with TritonServer(folder / "repository", installation=installation, log_path=folder / "triton.log") as server:
        server.load("duo-v1")
        yield Served(server, folder / "repository", bundles, key, installation)
