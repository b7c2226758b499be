"""A tiny voice of the real inventory, exported once for a whole module of tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from clock_train.audit.signing import Signer, open_signer
from clock_train.export.bundle_writing import write_bundle
from clock_train.models.text_encoder import Vocabulary
from clock_train.models.voice import VoiceConfig, VoiceModel
from clock_train.models.voice_files import VoiceCard, save_voice
from clock_train.text.inventory import INVENTORY_ID, LANGUAGES, NUM_TONES, PHONES

VOCABULARY = Vocabulary(phones=len(PHONES), tones=NUM_TONES, languages=len(LANGUAGES), inventory_id=INVENTORY_ID)


def random_model(config: VoiceConfig, *, num_speakers: int = 2) -> VoiceModel:
    """Its weights shaken: some begin at zero, and what is zero hides mistakes."""
    torch.manual_seed(0)
    model = VoiceModel(config, VOCABULARY, num_speakers=num_speakers)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return model.eval()


def random_vectors(config: VoiceConfig, speakers: int) -> np.ndarray:
    """(S, E) of unit length."""
    vectors = np.random.default_rng(1).standard_normal((speakers, config.embedding_channels)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def saved_voice(folder: Path, config: VoiceConfig, *, kind: str = "voice") -> Path:
    card = VoiceCard(name="duo", kind=kind, languages=["en"], speakers=["anna", "ben"], consent_ids=["c1"])
    save_voice(folder / "voice", card, random_model(config), random_vectors(config, 2))
    return folder / "voice"


def signer_of(folder: Path) -> Signer:
    return open_signer(folder / "signing.key")


def exported(folder: Path, config: VoiceConfig, *, kind: str = "voice") -> tuple[Path, str]:
    """The bundle's folder and the public key that signed it."""
    signer = signer_of(folder)
    voice = saved_voice(folder, config, kind=kind)
    write_bundle(voice, folder / "bundle", signer=signer, watermark_key_id="k1", metrics={"similarity": 0.8})
    return folder / "bundle", signer.public_key


def some_phones(count: int, seed: int = 0) -> np.ndarray:
    """(3, L) int64."""
    rng = np.random.default_rng(seed)
    return np.stack([rng.integers(0, size, count) for size in (len(PHONES), NUM_TONES, len(LANGUAGES))])
