"""A real tritonserver over small random voices, and what its tests need to know of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from exported_voice import exported, signer_of  # pyright: ignore[reportMissingImports]
from tiny_voice import tiny_config  # pyright: ignore[reportMissingImports]

from clock_train.export.bundle_writing import write_bundle
from clock_train.issuing.installation import Installation
from clock_train.models.voice_files import VoiceCard, load_voice, save_voice
from clock_train.serving.model_repository import write_model
from clock_train.serving.triton_server import TritonServer


@dataclass
class Served:
    """A server, and what its tests need to know of it."""

    server: TritonServer
    repository: Path
    bundles: dict[str, Path]
    """By model."""
    key: str
    installation: Installation


def bundles_of(folder: Path, *names: str) -> tuple[dict[str, Path], str]:
    """Bundles of tiny random voices, and the key that signed them."""
    first, key = exported(folder, tiny_config())
    loaded = load_voice(folder / "voice")
    found = {"duo-v1": first}
    for name in names:
        card = VoiceCard(**{**vars(loaded.card), "name": name})
        save_voice(folder / f"voice-{name}", card, loaded.model, loaded.vectors_SE)
        write_bundle(folder / f"voice-{name}", folder / f"bundle-{name}", signer=signer_of(folder))
        found[f"{name}-v1"] = folder / f"bundle-{name}"
    return found, key


def installation_trusting(folder: Path, key: str) -> Installation:
    """A fresh installation that opens bundles of this key."""
    installation = Installation(folder)
    installation.signer()
    installation.trusted_path.write_text(f"{key}\n", encoding="utf-8")
    return installation


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
