"""A bundle that speaks: text in, marked waveform out, with ONNX Runtime and without torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from clock_train.issuing.issuer import Issuer
from clock_train.models.saying import SayingVoice
from clock_train.serving.onnx_voice import OnnxVoice


class BundleVoice(SayingVoice):
    """The same text, seed and speaker sound as they do from the voice folder that was exported.

    Args:
        engine: the sessions of a bundle.
        issuer: who marks and logs; by default the user's own installation.
        numbered_as: see ``Issuer.begin``.
    """

    def __init__(self, engine: OnnxVoice, *, issuer: Issuer | None = None, numbered_as: str | None = None) -> None:
        super().__init__(engine.card, engine.vectors_SE, engine.sample_rate_hz, issuer=issuer, numbered_as=numbered_as)
        self.engine = engine

    @classmethod
    def open(
        cls, folder: str | Path, *, trusted_keys: Sequence[str] | None = None, issuer: Issuer | None = None
    ) -> BundleVoice:
        """Verify and open a bundle; see ``OnnxVoice.open``."""
        return cls(OnnxVoice.open(folder, trusted_keys=trusted_keys), issuer=issuer)

    def _speak(
        self,
        ids_3L: np.ndarray,
        vector_E: np.ndarray,
        labels: tuple[int, int],
        *,
        speed: float,
        noise_scale: float,
        seed: Sequence[int],
    ) -> np.ndarray:
        spoken = self.engine.speak(ids_3L, vector_E, labels=labels, speed=speed, noise_scale=noise_scale, seed=seed)
        return np.clip(spoken, -1.0, 1.0)
