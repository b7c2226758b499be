"""Does it sound like the speaker: cosine of Resemblyzer's d-vectors.

The judge is independent of the model's own speaker encoder: scoring with the encoder that was trained against would
flatter. The cosine alone says little (different speakers reach 0.5 to 0.75), so it comes with a floor and a ceiling.
Source: Wan et al., Generalized End-to-End Loss for Speaker Verification (2018); the weights are in the wheel.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from clock_train.audio.mel import MelConfig, hann_window, mel_filterbank
from clock_train.evaluation.judge_library import judge_library
from clock_train.evaluation.judged_waveform import JUDGE_RATE_HZ, judged_waveform
from clock_train.evaluation.one_thread import one_thread
from clock_train.evaluation.voice_activity import without_silences

JUDGE = "speaker similarity"
JUDGE_MEL = MelConfig(n_fft=400, win_samples=400, hop_samples=160, n_mels=40)
"""What the d-vector network was trained on: 25 ms windows every 10 ms."""
MIN_SPEECH_SAMPLES = JUDGE_RATE_HZ // 2
"""Where less than half a second is left after the judge's own voice activity detection, that is not applied: early in
training the generated sound is often no speech to it, and no speech at all has no d-vector."""

PARTS_AT_ONCE = 64
"""In one pass of the network, 60 MB of its activations."""


@dataclass(frozen=True, kw_only=True)
class FloorAndCeiling:
    """Between what the similarity can be expected to lie; none where nothing was given to measure it on."""

    floor: float | None
    """Mean similarity to other speakers."""
    ceiling: float | None
    """Mean similarity of the speaker's own natural clips to each other."""


def embedding(waveform: np.ndarray) -> np.ndarray:
    """The d-vector of one waveform.

    Args:
        waveform: (T,) float32 at 16 kHz.
    Returns:
        (256,) float32 of length 1, no entry below zero.
    Raises:
        JudgeMissing: Resemblyzer is not installed.
        WaveformUnjudgeable: nothing in the waveform can be judged.
    """
    return embeddings([heard_parts(waveform)])[0]


def heard_parts(waveform: np.ndarray) -> np.ndarray:
    """What the network hears of one waveform: parts of 1.6 s, 0.77 s apart, without long silences.

    Args:
        waveform: (T,) float32 at 16 kHz.
    Returns:
        (P, 160, 40) float32, mel power.
    Raises:
        JudgeMissing: Resemblyzer is not installed.
        WaveformUnjudgeable: nothing in the waveform can be judged.
    """
    waveform = judged_waveform(waveform)
    encoder = load()
    speech = without_silences(waveform, JUDGE)
    if len(speech) < MIN_SPEECH_SAMPLES:
        speech = waveform
    # what the library's embed_utterance does, without its import of librosa (4 s warm, 20 s on a first run)
    spans, mel_slices = encoder.compute_partial_slices(len(speech), rate=1.3, min_coverage=0.75)
    mel = _judge_mel(np.pad(speech, (0, max(0, spans[-1].stop - len(speech)))))
    return np.stack([mel[part] for part in mel_slices])


def embeddings(parts_of: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The d-vectors of several waveforms, from ``heard_parts`` of each.

    All parts go through the network together: a part alone costs four times as much, since every step of the recurrent
    layers reads all their weights.

    Args:
        parts_of: (P, 160, 40) float32 each.
    Returns:
        (256,) float32 each, of length 1.
    """
    import torch

    if not parts_of:
        return []
    encoder, parts = load(), np.concatenate(parts_of)
    with one_thread(), torch.inference_mode():
        heard = [
            encoder(torch.from_numpy(parts[start : start + PARTS_AT_ONCE])).numpy()
            for start in range(0, len(parts), PARTS_AT_ONCE)
        ]
    ends = np.cumsum([len(parts) for parts in parts_of])
    means = [each.mean(axis=0) for each in np.split(np.concatenate(heard), ends[:-1])]
    return [mean / np.linalg.norm(mean) for mean in means]


def similarity(generated: np.ndarray, references: Sequence[np.ndarray]) -> float:
    """Mean cosine of one generated waveform to the speaker's natural ones, 0 to 1."""
    first, *others = embeddings([heard_parts(waveform) for waveform in (generated, *references)])
    return embedding_similarity(first, others)


def embedding_similarity(generated: np.ndarray, references: Sequence[np.ndarray]) -> float:
    """Mean cosine of one d-vector to others, each (256,)."""
    return float(np.mean(np.stack(references) @ generated))


def floor_and_ceiling(natural: Sequence[np.ndarray], impostors: Sequence[np.ndarray] = ()) -> FloorAndCeiling:
    """The floor and ceiling of the similarity to these natural clips of one speaker.

    Args:
        natural: waveforms of the speaker, different sentences.
        impostors: waveforms of other speakers.
    """
    own, others = (embeddings([heard_parts(clip) for clip in clips]) for clips in (natural, impostors))
    return embedding_floor_and_ceiling(own, others)


def embedding_floor_and_ceiling(natural: Sequence[np.ndarray], impostors: Sequence[np.ndarray]) -> FloorAndCeiling:
    """The same from d-vectors that are already there."""
    pairs = [float(first @ second) for first, second in itertools.combinations(natural, 2)]
    others = [embedding_similarity(impostor, natural) for impostor in impostors] if natural else []
    return FloorAndCeiling(
        floor=float(np.mean(others)) if others else None, ceiling=float(np.mean(pairs)) if pairs else None
    )


def _judge_mel(waveform: np.ndarray) -> np.ndarray:
    """(frames, 40) float32: mel power, not logarithmic, centred frames with zeros beyond the ends."""
    half = JUDGE_MEL.n_fft // 2
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(waveform, half), JUDGE_MEL.n_fft)[:: JUDGE_MEL.hop_samples]
    power = np.abs(np.fft.rfft(frames * hann_window(JUDGE_MEL), axis=1)) ** 2
    return (power @ mel_filterbank(JUDGE_MEL).T).astype(np.float32)


@lru_cache(maxsize=1)
def load() -> Any:
    """The network.

    Raises:
        JudgeMissing: Resemblyzer is not installed.
    """
    # 3 s to import (torch): only when the judge is used
    return judge_library("resemblyzer", JUDGE).VoiceEncoder("cpu", verbose=False)
