"""A trained voice as a folder: ``voice.json``, ``speakers.npy``, ``weights.safetensors``, ``model.yaml``.

What training leaves, and what a fine-tune starts from. ``voice.json`` holds the sha256 of every other file. Nothing is
unpickled. What leaves the machine is a bundle: see ``export``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from clock_train.bundle.card import SPEAKERS, VoiceCard, parse_card, read_card_bytes, verify_files, write_card
from clock_train.bundle.opening import is_bundle
from clock_train.bundle.staging import staged
from clock_train.errors import BundleDamaged, BundleFileMissing
from clock_train.models.config_text import from_plain, to_plain
from clock_train.models.counting import count_parameters
from clock_train.models.text_encoder import Vocabulary
from clock_train.models.voice import VoiceConfig, VoiceModel

WEIGHTS = "weights.safetensors"
FILES = (SPEAKERS, WEIGHTS, "model.yaml")
DELTA, DELTA_FACTS = "delta.safetensors", "delta"
"""Of a folder that keeps a voice as its difference from a base: see ``voice_delta``."""
JUDGES = "discriminators.safetensors"
"""Only where a contest was trained: a fine-tune goes on with judges that know speech already."""


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
    path: Path,
    card: VoiceCard,
    model: VoiceModel,
    vectors_SE: np.ndarray,
    *,
    discriminators: nn.Module | None = None,
    is_half: bool = False,
    texts: Mapping[str, str] | None = None,
) -> None:
    """Write the folder; an older voice there is replaced only once the new one is whole.

    Args:
        path: of the folder.
        card: what ``voice.json`` says besides the files.
        model: whose weights are kept.
        vectors_SE: (speakers, embedding channels).
        discriminators: kept where a contest was trained.
        is_half: keep weights in float16, half the size; they are read back as float32.
        texts: further files by name, such as a model card.
    """
    with staged(path) as staging:
        np.save(staging / SPEAKERS, vectors_SE.astype(np.float32), allow_pickle=False)
        _save_weights(model, staging / WEIGHTS, is_half=is_half)
        if discriminators is not None:
            _save_weights(discriminators, staging / JUDGES)
        sizes = {"config": to_plain(model.config), "vocabulary": to_plain(model.vocabulary)}
        (staging / "model.yaml").write_text(json.dumps(sizes, indent=1) + "\n", encoding="utf-8")
        for name, text in (texts or {}).items():
            (staging / name).write_text(text, encoding="utf-8")
        written = [name for name in (*FILES, JUDGES, *(texts or ())) if (staging / name).exists()]
        write_card(staging, model_facts(card, model), written)


def load_voice(path: Path) -> LoadedVoice:
    """Read and verify a voice folder.

    Raises:
        VoiceNotFound: no voice there.
        BundleFileMissing, BundleDamaged, BundleSchemaUnsupported: a file is gone, changed or of another version.
    """
    values = parse_card(path, read_card_bytes(path))
    if DELTA_FACTS in values:
        raise BundleFileMissing(
            f'"{path}" keeps only what differs from the base "{values[DELTA_FACTS].get("baseName")}"; make it whole '
            f"first: clocktrain voices restore {path} --out VOICE"
        )
    if is_bundle(path) and WEIGHTS not in values["files"]:
        raise BundleFileMissing(
            f'"{path}" is a bundle to speak with and has no weights to train from; name the voice folder of its '
            'training, or a bundle of kind "base"'
        )
    verify_files(path, values, required=FILES)
    try:
        sizes = json.loads((path / "model.yaml").read_text(encoding="utf-8"))
        vocabulary = from_plain(Vocabulary, sizes["vocabulary"])
        vectors = np.load(path / SPEAKERS, allow_pickle=False)
        model = VoiceModel(from_plain(VoiceConfig, sizes["config"]), vocabulary, num_speakers=len(vectors))
        model.load_state_dict(safetensors.torch.load_file(path / WEIGHTS))
        judges = safetensors.torch.load_file(path / JUDGES) if JUDGES in values["files"] else None
        card = VoiceCard.read(values)
    except (ValueError, KeyError, TypeError, RuntimeError, OSError, safetensors.SafetensorError) as error:
        raise BundleDamaged(
            f'the voice in "{path}" cannot be read ({error}); copy it again, or train it again'
        ) from error
    return LoadedVoice(card, model.eval().requires_grad_(False), vectors, judges)


def model_facts(card: VoiceCard, model: VoiceModel) -> dict[str, Any]:
    """What a ``voice.json`` says of card and model, but for its files."""
    counts = count_parameters(model)
    return {
        **card.values(),
        "sampleRate": model.config.mel.sample_rate_hz,
        "phoneInventoryId": model.vocabulary.inventory_id,
        "parameterCounts": {"synthesis": counts.synthesis, "training": counts.training},
    }


def _save_weights(module: nn.Module, path: Path, *, is_half: bool = False) -> None:
    weights = {name: tensor.detach().contiguous().cpu() for name, tensor in module.state_dict().items()}
    if is_half:
        weights = {name: each.half() if each.is_floating_point() else each for name, each in weights.items()}
    safetensors.torch.save_file(weights, path)


def stored_vectors(model: VoiceModel) -> np.ndarray:
    """The speaker vectors of a model that stores them, (S, E) float32."""
    with torch.no_grad():
        return model.stored_speakers.weight.detach().cpu().numpy().astype(np.float32)
