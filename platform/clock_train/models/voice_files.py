"""A trained voice as a folder: ``voice.json``, ``speakers.npy``, ``weights.safetensors``, ``model.yaml``.

``voice.json`` holds the sha256 of every other file. Nothing is unpickled. (The ONNX graph and the signature of a bundle
come with the serving work; a base for fine-tuning needs what is here.)
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from clock_train.errors import BundleDamaged, VoiceNotFound
from clock_train.models.config_text import from_plain, to_plain
from clock_train.models.counting import count_parameters
from clock_train.models.text_encoder import Vocabulary
from clock_train.models.voice import VoiceConfig, VoiceModel

SCHEMA_VERSION = 1
CARD = "voice.json"
FILES = ("speakers.npy", "weights.safetensors", "model.yaml")
JUDGES = "discriminators.safetensors"
"""Only where a contest was trained: a fine-tune goes on with judges that know speech already."""


@dataclass(frozen=True, kw_only=True)
class VoiceCard:
    """What ``voice.json`` says of a voice besides its files."""

    name: str
    kind: str = "voice"
    """``voice``, or ``base`` for one that others are fine-tuned from."""
    version: int = 1
    languages: list[str] = field(default_factory=list)
    speakers: list[str] = field(default_factory=list)
    consent_ids: list[str] = field(default_factory=list)
    corpus_revision: str = ""
    """sha256 over the manifests of its corpora."""
    training: dict[str, Any] = field(default_factory=dict)
    """How it was trained: steps, phases reached, preset, base."""
    metrics: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class LoadedVoice:
    """A voice read from disk; the model is in evaluation mode on the CPU."""

    card: VoiceCard
    model: VoiceModel
    vectors_SE: np.ndarray
    """(speakers, embedding channels) float32."""
    discriminators: dict[str, Tensor] | None = None
    """Their weights, where the voice was saved with them."""


def save_voice(
    path: Path, card: VoiceCard, model: VoiceModel, vectors_SE: np.ndarray, *, discriminators: nn.Module | None = None
) -> None:
    """Write the folder; an older voice there is replaced only once the new one is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        np.save(staging / "speakers.npy", vectors_SE.astype(np.float32), allow_pickle=False)
        _save_weights(model, staging / "weights.safetensors")
        if discriminators is not None:
            _save_weights(discriminators, staging / JUDGES)
        sizes = {"config": to_plain(model.config), "vocabulary": to_plain(model.vocabulary)}
        (staging / "model.yaml").write_text(json.dumps(sizes, indent=1) + "\n", encoding="utf-8")
        (staging / CARD).write_text(json.dumps(_card_values(staging, card, model), indent=1, ensure_ascii=False) + "\n")
        staging.chmod(0o755)
        if path.exists():
            shutil.rmtree(path)
        staging.rename(path)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def load_voice(path: Path) -> LoadedVoice:
    """Read and verify a voice folder.

    Raises:
        VoiceNotFound: no voice there.
        BundleDamaged: a file is missing, changed or of a later version.
    """
    card_path = path / CARD
    if not card_path.is_file():
        raise VoiceNotFound(f'"{path}" holds no {CARD}; name the folder of a trained voice, such as demo/voice')
    try:
        values = json.loads(card_path.read_text(encoding="utf-8"))
        _verify(path, values["files"])
        sizes = json.loads((path / "model.yaml").read_text(encoding="utf-8"))
        vocabulary = from_plain(Vocabulary, sizes["vocabulary"])
        vectors = np.load(path / "speakers.npy", allow_pickle=False)
        model = VoiceModel(from_plain(VoiceConfig, sizes["config"]), vocabulary, num_speakers=len(vectors))
        model.load_state_dict(safetensors.torch.load_file(path / "weights.safetensors"))
        judges = safetensors.torch.load_file(path / JUDGES) if JUDGES in values["files"] else None
        card = VoiceCard(**{name: values[_camel(name)] for name in VoiceCard.__dataclass_fields__})
    except (ValueError, KeyError, TypeError, RuntimeError, OSError, safetensors.SafetensorError) as error:
        raise BundleDamaged(
            f'the voice in "{path}" cannot be read ({error}); copy it again, or train it again'
        ) from error
    return LoadedVoice(card, model.eval().requires_grad_(False), vectors, judges)


def _card_values(folder: Path, card: VoiceCard, model: VoiceModel) -> dict[str, Any]:
    counts = count_parameters(model)
    return {
        "schemaVersion": SCHEMA_VERSION,
        **{_camel(name): value for name, value in vars(card).items()},
        "sampleRate": model.config.mel.sample_rate_hz,
        "phoneInventoryId": model.vocabulary.inventory_id,
        "parameterCounts": {"synthesis": counts.synthesis, "training": counts.training},
        "files": {name: _digest(folder / name) for name in (*FILES, JUDGES) if (folder / name).exists()},
    }


def _verify(path: Path, files: dict[str, str]) -> None:
    for name in {*FILES, *(name for name in files if name == JUDGES)}:
        if not (path / name).is_file():
            raise BundleDamaged(f'the voice in "{path}" lacks {name}; copy the whole folder again')
        if _digest(path / name) != files.get(name):
            raise BundleDamaged(
                f'{name} of the voice in "{path}" is not the file that was saved (its sha256 differs); copy it again'
            )


def _save_weights(module: nn.Module, path: Path) -> None:
    weights = {name: tensor.detach().contiguous().cpu() for name, tensor in module.state_dict().items()}
    safetensors.torch.save_file(weights, path)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def stored_vectors(model: VoiceModel) -> np.ndarray:
    """The speaker vectors of a model that stores them, (S, E) float32."""
    with torch.no_grad():
        return model.stored_speakers.weight.detach().cpu().numpy().astype(np.float32)
