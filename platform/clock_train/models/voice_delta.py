"""A voice as what differs from its base: the changed weights as differences in float16, and its speaker vectors.

A thousand voices of one base then take little more room than one. ``slim`` makes such a folder of a voice's,
``restore`` a voice's of it and the base; the base is known by the sha256 of its card, which names the hash of its
weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from clock_train.bundle.card import (
    SPEAKERS,
    VoiceCard,
    card_digest,
    parse_card,
    read_card_bytes,
    verify_files,
    write_card,
)  # fmt: skip
from clock_train.bundle.staging import staged
from clock_train.errors import BaseIncompatible, BundleDamaged
from clock_train.models.voice import VoiceModel, VoiceSource
from clock_train.models.voice_files import DELTA, DELTA_FACTS, LoadedVoice, load_voice, model_facts, save_voice

STORED = "stored_speakers.weight"
"""Kept in a file of its own: it has a row a speaker, and a voice has other speakers than its base."""


@dataclass(frozen=True)
class Slimmed:
    """What was kept."""

    path: Path
    size_bytes: int
    changed: int
    """Numbers that differ from the base."""
    of: int
    base_bytes: int
    """Of the base's weights as they lie there."""

    @property
    def share(self) -> float:
        """Of the base's size."""
        return self.size_bytes / self.base_bytes


def slim(voice: Path, base: Path, target: Path) -> Slimmed:
    """Keep a voice as its difference from its base.

    Args:
        voice: folder of a voice that was fine-tuned from ``base``.
        base: folder of the base.
        target: folder to write; an older one there is replaced once the new one is whole.

    Raises:
        BaseIncompatible: the voice was not made from this base.
        VoiceNotFound, BundleDamaged: one of them cannot be read.
    """
    own, root = load_voice(voice), load_voice(base)
    _check_is_base_of(own.card, base, str(voice))
    changed = _differences(own.model, root.model)
    with staged(target) as staging:
        safetensors.torch.save_file(changed, staging / DELTA)
        np.save(staging / SPEAKERS, own.vectors_SE.astype(np.float32), allow_pickle=False)
        facts = {"baseDigest": card_digest(base), "baseName": root.card.name, "precision": "float16"}
        write_card(staging, {**model_facts(own.card, own.model), DELTA_FACTS: facts}, [DELTA, SPEAKERS])
    return Slimmed(
        path=target,
        size_bytes=sum(path.stat().st_size for path in target.iterdir()),
        changed=sum(each.numel() for each in changed.values()),
        of=sum(each.numel() for each in own.model.parameters()),
        base_bytes=sum(path.stat().st_size for path in base.iterdir()),
    )


def restore(delta: Path, base: Path, target: Path) -> VoiceCard:
    """Make a voice folder of a difference and its base.

    Raises:
        BaseIncompatible: it is the difference from another base.
        VoiceNotFound, BundleDamaged, BundleFileMissing: one of them cannot be read, or ``delta`` is none.
    """
    values = parse_card(delta, read_card_bytes(delta))
    if DELTA_FACTS not in values:
        raise BundleDamaged(f'"{delta}" is no difference from a base; make one: clocktrain voices slim')
    verify_files(delta, values, required=(DELTA, SPEAKERS))
    wanted, given = values[DELTA_FACTS]["baseDigest"], card_digest(base)
    if wanted != given:
        raise BaseIncompatible(
            f'"{delta}" is the difference from the base "{values[DELTA_FACTS]["baseName"]}" ({wanted[:12]}), and '
            f'"{base}" is {given[:12]}; name that base with --base'
        )
    root = load_voice(base)
    try:
        card = VoiceCard.read(values)
        vectors = np.load(delta / SPEAKERS, allow_pickle=False)
        model = VoiceModel(root.model.config, root.model.vocabulary, num_speakers=len(vectors))
        model.load_state_dict(_added(root, safetensors.torch.load_file(delta / DELTA), vectors))
    except (ValueError, KeyError, TypeError, RuntimeError, OSError, safetensors.SafetensorError) as error:
        raise BundleDamaged(f'the voice in "{delta}" cannot be read ({error}); copy it again') from error
    save_voice(target, card, model, vectors)
    return card


def _check_is_base_of(card: VoiceCard, base: Path, voice: str) -> None:
    made_from, given = card.training.get("baseDigest"), card_digest(base)
    if made_from != given:
        raise BaseIncompatible(
            f'the voice "{voice}" was made from {str(made_from)[:12] if made_from else "no base"}, and "{base}" is '
            f"{given[:12]}; name its own base with --base"
        )


def _differences(own: VoiceModel, base: VoiceModel) -> dict[str, Tensor]:
    before, after = base.state_dict(), own.state_dict()
    if {name: each.shape for name, each in before.items() if name != STORED} != {
        name: each.shape for name, each in after.items() if name != STORED
    }:
        raise BaseIncompatible("the voice has other sizes than this base; name its own base with --base")
    return {
        name: (after[name] - before[name]).half().contiguous()
        for name in after
        if name != STORED and not torch.equal(after[name], before[name])
    }


def _added(root: LoadedVoice, changed: Mapping[str, Tensor], vectors_SE: np.ndarray) -> dict[str, Any]:
    weights = dict(root.model.state_dict())
    for name, difference in changed.items():
        weights[name] = weights[name] + difference.float()
    if root.model.config.voice_source is VoiceSource.STORED:
        weights[STORED] = torch.from_numpy(vectors_SE)
    return weights
