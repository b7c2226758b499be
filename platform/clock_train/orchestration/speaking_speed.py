"""How fast several voices speak on one thread: process CPU time, the voices in turn, so that a busy machine spoils all.

Each voice speaks the same sentences with its own durations; a figure is CPU seconds for a second of its own speech.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from clock_train.evaluation.one_thread import one_thread
from clock_train.models.condition import clean_circumstances
from clock_train.models.speech import Voice
from clock_train.serving.onnx_voice import OnnxVoice

BATCH = 8


@dataclass(frozen=True, kw_only=True)
class SpeakingSpeed:
    """Of one voice."""

    onnx_rtf: float
    torch_rtf: float
    batched_audio_s_per_cpu_s: float


def speaking_speeds(
    voices: Mapping[str, tuple[Voice, OnnxVoice]], sentences: Sequence[np.ndarray], *, rounds: int
) -> dict[str, SpeakingSpeed]:
    """Measure every voice, round by round; the median round counts.

    Args:
        voices: by name, in PyTorch and as a bundle.
        sentences: (3, L) ids each, of the voices' first speaker.
        rounds: after one that warms up.
    """
    batch = [sentences[n % len(sentences)] for n in range(BATCH)]
    factors: dict[str, list[tuple[float, float, float]]] = {name: [] for name in voices}
    with one_thread():
        for number in range(rounds + 1):
            for name, (loaded, bundle) in voices.items():
                row = (
                    _timed(lambda b=bundle, n=number: _by_onnx(b, sentences, n)),
                    _timed(lambda v=loaded: sum(_by_torch(v, [ids]) for ids in sentences)),
                    1.0 / _timed(lambda v=loaded: _by_torch(v, batch)),
                )
                if number:
                    factors[name].append(row)
    return {
        name: SpeakingSpeed(
            onnx_rtf=statistics.median(row[0] for row in rows),
            torch_rtf=statistics.median(row[1] for row in rows),
            batched_audio_s_per_cpu_s=statistics.median(row[2] for row in rows),
        )
        for name, rows in factors.items()
    }


def _timed(speak: Callable[[], float]) -> float:
    began = time.process_time()
    audio_s = speak()
    return (time.process_time() - began) / audio_s


def _by_onnx(voice: OnnxVoice, sentences: Sequence[np.ndarray], seed: int) -> float:
    spoken = [voice.speak(ids, voice.vectors_SE[0], seed=seed) for ids in sentences]
    return sum(map(len, spoken)) / voice.sample_rate_hz


@torch.inference_mode()
def _by_torch(voice: Voice, sentences: Sequence[np.ndarray]) -> float:
    lengths = [ids.shape[1] for ids in sentences]
    ids = np.zeros((len(sentences), 3, max(lengths)), dtype=np.int64)
    for row, each in enumerate(sentences):
        ids[row, :, : lengths[row]] = each
    vectors = voice.vectors_SE[:1].expand(len(sentences), -1)
    labels = torch.zeros((len(sentences), 2), dtype=torch.int64)
    condition = voice.model.condition(vectors, labels, clean_circumstances(len(sentences)))
    _, samples, _ = voice.model.synthesize(
        torch.from_numpy(ids), torch.tensor(lengths), condition, generator=torch.Generator().manual_seed(0)
    )
    return int(samples.sum()) / voice.sample_rate_hz
