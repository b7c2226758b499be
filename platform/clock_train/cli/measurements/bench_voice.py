"""Voices of random weights as signed bundles: what the benches of serving speak with.

Weights do not change what an operator costs. Durations are held at a usual pace: random weights know none.
"""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import numpy as np
import torch

from clock_train.audit.signing import Signer
from clock_train.bundle.card import CARD
from clock_train.bundle.opening import sign_bundle
from clock_train.cli.measurements.isolation import answer
from clock_train.cli.measurements.speaking import FRAMES_A_PHONE
from clock_train.export.bundle_writing import write_bundle
from clock_train.issuing.installation import Installation
from clock_train.models.student import student_config
from clock_train.models.voice import VoiceConfig, VoiceModel
from clock_train.models.voice_files import VoiceCard, save_voice
from clock_train.orchestration.starting_model import vocabulary


def write_voices(*, folder: str, num_voices: int) -> dict[str, float]:
    """Bundles ``voice-0`` and on of one student in a folder, and the installation that signed them.

    Args:
        folder: to write in; other measurements read it, and need no torch.
        num_voices: of the same weights, each under a name of its own.
    """
    root = Path(folder)
    signer = Installation(root / "issuing").signer()
    bundle = bench_bundle(root / "export", student_config(), signer=signer)
    for number in range(num_voices):
        renamed_bundle(bundle, root / f"voice-{number}", name=f"voice-{number}", signer=signer)
    return {"size_mb": sum(path.stat().st_size for path in bundle.iterdir()) / 1e6}


def bench_bundle(folder: Path, config: VoiceConfig, *, signer: Signer, name: str = "bench") -> Path:
    """The bundle of a voice of random weights at a usual pace.

    Args:
        folder: to write in.
        config: of the model.
        signer: of the bundle.
        name: of the voice.
    """
    torch.manual_seed(1)
    model = VoiceModel(config, vocabulary(), num_speakers=1).eval()
    with torch.no_grad():
        model.duration.exit.weight.zero_()
        assert model.duration.exit.bias is not None
        model.duration.exit.bias.fill_(math.log(FRAMES_A_PHONE - 0.5))  # durations are rounded up
    card = VoiceCard(name=name, speakers=["one"])
    save_voice(folder / "voice", card, model, np.ones((1, config.embedding_channels)) / 16)
    write_bundle(folder / "voice", folder / "bundle", signer=signer)
    return folder / "bundle"


def renamed_bundle(bundle: Path, target: Path, *, name: str, signer: Signer) -> Path:
    """The same voice under another name, signed anew: no second export."""
    shutil.copytree(bundle, target)
    card = json.loads((bundle / CARD).read_text(encoding="utf-8"))
    content = json.dumps({**card, "name": name}, indent=1, ensure_ascii=False).encode()
    (target / CARD).write_bytes(content)
    sign_bundle(target, content, signer)
    return target


if __name__ == "__main__":
    answer(write_voices)
