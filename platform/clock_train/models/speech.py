"""A voice folder that speaks with PyTorch: text in, marked waveform out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from clock_train.issuing.issuer import Issue, Issuer
from clock_train.models.condition import clean_circumstances
from clock_train.models.conversion import Conversion
from clock_train.models.saying import SayingVoice, normal_noise
from clock_train.models.voice_files import LoadedVoice, load_voice


class Voice(SayingVoice):
    """One or more speakers sharing a model.

    Args:
        loaded: what ``load_voice`` read.
        issuer: who marks and logs; by default the user's own installation.
        numbered_as: see ``Issuer.begin``.
    """

    def __init__(self, loaded: LoadedVoice, *, issuer: Issuer | None = None, numbered_as: str | None = None) -> None:
        rate = loaded.model.config.mel.sample_rate_hz
        super().__init__(loaded.card, loaded.vectors_SE, rate, issuer=issuer, numbered_as=numbered_as)
        self.model = loaded.model
        self.vectors_SE = torch.from_numpy(loaded.vectors_SE)

    @classmethod
    def load(cls, path: str | Path, *, issuer: Issuer | None = None) -> Voice:
        """Read a voice folder.

        Raises:
            VoiceNotFound: no voice there.
            BundleFileMissing, BundleDamaged: its files are not those that were saved.
        """
        return cls(load_voice(Path(path)), issuer=issuer)

    def conversion(self, *, speaker: str | None = None, source: str | None = None) -> Conversion:
        """Recordings into a speaker's voice; unmarked, see ``convert`` and ``begin_conversion``.

        Args:
            speaker: whose voice is to be heard; None is the first.
            source: who is heard in the recordings, where this model knows that speaker; None: anybody, for whom the
                mean of its speakers stands.

        Raises:
            VoiceNotFound: no such speaker.
            ConfigError: a model that cannot.
        """
        heard = self.vectors_SE.mean(0) if source is None else self.vectors_SE[self.card.speaker_index(source)]
        return Conversion(self.model, heard, self.vectors_SE[self.card.speaker_index(speaker)])

    def convert(self, waveform: np.ndarray, *, speaker: str | None = None, source: str | None = None) -> np.ndarray:
        """A recording in a speaker's voice, marked and logged; (N,) float32 at ``sample_rate_hz`` to as many samples.

        Raises:
            VoiceNotFound, ConfigError: see ``conversion`` and ``Conversion.convert``.
            AuditError, WatermarkError: the sound cannot be logged or marked.
        """
        converted = self.conversion(speaker=speaker, source=source).convert(waveform)
        digest = hashlib.sha256(waveform.astype("<f4").tobytes()).hexdigest()
        return self.begin_conversion(speaker=speaker, source=source, recording=digest).mark(converted)

    def begin_conversion(self, *, speaker: str | None, source: str | None, recording: str) -> Issue:
        """The line in the log of a conversion, and what marks it.

        Args:
            speaker: whose voice will be heard.
            source: who is converted, where known.
            recording: digest of what is converted, or what is known of a stream.
        """
        return self._begin("", speaker, {"what": "conversion", "source": source, "recording": recording})

    @torch.inference_mode()
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
        def draw(shape: tuple[int, int, int]) -> torch.Tensor:
            return torch.from_numpy(normal_noise(seed, shape[2], shape[1])).T[None]

        ids = torch.from_numpy(ids_3L)[None]
        vector = torch.from_numpy(vector_E)[None]
        condition = self.model.condition(vector, torch.tensor([labels]), clean_circumstances(1))
        waveform, samples, _ = self.model.synthesize(
            ids, torch.tensor([ids.shape[2]]), condition, speed=speed, noise_scale=noise_scale, draw=draw
        )
        return np.clip(waveform[0, : int(samples[0])].numpy(), -1.0, 1.0)
