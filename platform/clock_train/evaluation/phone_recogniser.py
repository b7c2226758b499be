"""Which phones are heard: a small recogniser for languages that no packaged recogniser knows.

It is trained here, on the training split of the recordings (``phone_recogniser_training``), so it knows one speaker and
little else: its error says something only beside its error on the same speaker's held-out recordings. Phones are
numbers of the shared inventory, without tones, stress, pauses and silence.
Source: Graves et al., Connectionist Temporal Classification (2006).
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from clock_train.audio.mel import MelConfig, log_mel
from clock_train.errors import ReportDamaged
from clock_train.evaluation.judged_waveform import judged_waveform
from clock_train.evaluation.one_thread import one_thread
from clock_train.evaluation.recogniser import edit_distance

BLANK = 0
"""CTC's own symbol; phone ``n`` of ``RecogniserFacts.phones`` is output ``n + 1``."""
SCHEMA_VERSION = 2


@dataclass(frozen=True, kw_only=True)
class RecogniserConfig:
    """Sizes: 0.6 M parameters, so that two minutes of one core are enough for them."""

    stride: int = 2
    """Frames of the log-mel to one of the network: at 31 a second the same budget buys twice the steps, and CTC, which
    begins by learning to say nothing, leaves that sooner."""
    channels: int = 128
    dilations: tuple[int, ...] = (1, 2, 4, 1, 2, 4)
    kernel: int = 5
    recurrent: int = 96
    dropout: float = 0.1


@dataclass(frozen=True, kw_only=True)
class RecogniserFacts:
    """What a trained recogniser is, and how good."""

    language: str
    phones: tuple[int, ...]
    """Numbers of the shared inventory that the training data has, rising."""
    data_digest: str
    """sha256 over training data and settings."""
    is_synthetic: bool = False
    """Trained on another synthesiser's speech instead of recordings."""
    seconds: float = 0.0
    """Of sound that it was trained on."""
    cpu_seconds: float = 0.0
    epochs: float = 0.0


@dataclass(frozen=True, kw_only=True)
class PhoneErrors:
    """Errors of one utterance; rates of many are pooled, errors over phones."""

    num_errors: int
    num_phones: int

    @property
    def rate(self) -> float:
        """Above 1 where more phones were heard than spoken."""
        return self.num_errors / self.num_phones


class PhoneNetwork(nn.Module):
    """Log-mel to log-probabilities: dilated convolutions, then one recurrent layer in both directions."""

    def __init__(self, num_phones: int, config: RecogniserConfig, *, n_mels: int = MelConfig().n_mels) -> None:
        super().__init__()
        self.first = nn.Conv1d(n_mels, config.channels, config.kernel, stride=config.stride, padding=config.kernel // 2)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.ReLU(),
                nn.Dropout(config.dropout),
                nn.Conv1d(
                    config.channels,
                    config.channels,
                    config.kernel,
                    dilation=dilation,
                    padding=dilation * (config.kernel // 2),
                ),
                nn.GroupNorm(1, config.channels),
            )
            for dilation in config.dilations
        )
        self.recurrent = nn.GRU(config.channels, config.recurrent, batch_first=True, bidirectional=True)
        self.last = nn.Linear(2 * config.recurrent, num_phones + 1)

    def forward(self, mel_BMT: Tensor) -> Tensor:
        """(B, M, T) to (B, ceil(T / stride), phones + 1), natural log."""
        hidden = self.first(mel_BMT)
        for block in self.blocks:
            hidden = hidden + block(hidden)
        hidden, _ = self.recurrent(torch.relu(hidden).transpose(1, 2))
        return torch.log_softmax(self.last(hidden), dim=-1)


class PhoneRecogniser:
    """A trained network and what it knows."""

    def __init__(self, network: PhoneNetwork, facts: RecogniserFacts, config: RecogniserConfig) -> None:
        self.network = network.eval()
        self.facts = facts
        self.config = config

    def hear(self, waveform: np.ndarray) -> list[int]:
        """The inventory's numbers of the phones that are heard: the likeliest output of each frame, repeats merged.

        Args:
            waveform: (T,) float32 at 16 kHz.
        Raises:
            WaveformUnjudgeable: nothing in the waveform can be judged.
        """
        mel = recogniser_mel(judged_waveform(waveform))
        with one_thread(), torch.inference_mode():
            outputs = self.network(torch.from_numpy(mel)[None])[0].argmax(-1).tolist()
        merged = [output for output, before in zip(outputs, [BLANK, *outputs[:-1]], strict=True) if output != before]
        return [self.facts.phones[output - 1] for output in merged if output != BLANK]

    def phone_errors(self, phones: Sequence[int], waveform: np.ndarray) -> PhoneErrors:
        """Substituted, missing and added phones of one utterance.

        Args:
            phones: what should be heard, numbers of the inventory, at least one.
            waveform: (T,) float32 at 16 kHz.
        """
        return PhoneErrors(num_errors=edit_distance(phones, self.hear(waveform)), num_phones=len(phones))

    def save(self, path: Path) -> None:
        """Write as one ``.safetensors`` file."""
        known = {"schema_version": SCHEMA_VERSION, "facts": asdict(self.facts), "config": asdict(self.config)}
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        weights = {name: tensor.contiguous() for name, tensor in self.network.state_dict().items()}
        safetensors.torch.save_file(weights, partial, metadata={"recogniser": json.dumps(known)})
        partial.replace(path)

    @classmethod
    def load(cls, path: Path) -> PhoneRecogniser:
        """Read what ``save`` wrote.

        Raises:
            ReportDamaged: the file was cut off, or is no recogniser of this version.
        """
        try:
            with safetensors.safe_open(path, framework="pt") as file:
                known = json.loads((file.metadata() or {})["recogniser"])
                weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
            if known["schema_version"] != SCHEMA_VERSION:
                raise ValueError(f"schema version {known['schema_version']!r} is not {SCHEMA_VERSION}")
            facts = RecogniserFacts(**{**known["facts"], "phones": tuple(known["facts"]["phones"])})
            config = RecogniserConfig(**{**known["config"], "dilations": tuple(known["config"]["dilations"])})
            network = PhoneNetwork(len(facts.phones), config)
            network.load_state_dict(weights)
        except (safetensors.SafetensorError, OSError, ValueError, KeyError, TypeError, RuntimeError) as cause:
            raise ReportDamaged(
                f'"{path}" is no phone recogniser ({cause}). Delete it: it is trained again from the recordings'
            ) from cause
        return cls(network, facts, config)


def recogniser_mel(waveform: np.ndarray) -> np.ndarray:
    """Log-mel, each band less its mean over the utterance, so that neither level nor microphone shows.

    Args:
        waveform: (T,) float32 at 16 kHz.
    Returns:
        (n_mels, frames) float32.
    """
    mel = log_mel(waveform)
    return ((mel - mel.mean(axis=1, keepdims=True)) / max(float(mel.std()), 1e-3)).astype(np.float32)
