"""Trains the phone recogniser within a budget of processor time: waveforms and phone numbers in, a recogniser out.

It knows no corpus: whoever calls it picks the training split. On one thread, so that the budget buys the same work
whatever the machine's cores.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
import torch
from torch import nn

from clock_train.errors import TrainingDataTooSmall
from clock_train.evaluation.one_thread import one_thread
from clock_train.evaluation.phone_recogniser import (
    BLANK,
    PhoneNetwork,
    PhoneRecogniser,
    RecogniserConfig,
    RecogniserFacts,
    recogniser_mel,
)

FEWEST_SECONDS = 10.0
"""Of sound; below it nothing is learnt that a figure could stand on."""
MASKED_FRAMES, MASKED_BANDS = 12, 12
"""At most this many are blanked in one mask of each kind (Park et al., SpecAugment, 2019)."""


@dataclass(frozen=True, kw_only=True)
class RecogniserTraining:
    """How it is trained."""

    cpu_seconds: float = 150.0
    batch_size: int = 8
    """Small: at first the number of steps counts. In 40 CPU seconds it leaves an error of 0.64 on Spanish recordings;
    16 leaves 0.81."""
    learning_rate: float = 2e-3
    max_epochs: int = 60
    """More only learns the recordings by heart."""
    seed: int = 1
    network: RecogniserConfig = field(default_factory=RecogniserConfig)


def data_digest(
    waveforms: Sequence[np.ndarray], phones: Sequence[Sequence[int]], training: RecogniserTraining | None = None
) -> str:
    """sha256 over what a recogniser is trained from: the name under which it may be kept."""
    digest = hashlib.sha256(json.dumps(asdict(training or RecogniserTraining()), sort_keys=True).encode())
    for waveform, ids in zip(waveforms, phones, strict=True):
        digest.update(np.round(np.asarray(waveform) * 32768).astype("<i4").tobytes())
        digest.update(np.asarray(ids, dtype="<i4").tobytes() + b";")
    return digest.hexdigest()


def train_phone_recogniser(
    waveforms: Sequence[np.ndarray],
    phones: Sequence[Sequence[int]],
    *,
    language: str,
    is_synthetic: bool = False,
    training: RecogniserTraining | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> PhoneRecogniser:
    """Train until the processor time is spent.

    Args:
        waveforms: (T,) float32 at 16 kHz each.
        phones: what each says, numbers of the inventory without pauses and silence.
        language: of all of them.
        is_synthetic: whether a synthesiser spoke them.
        training: budget, sizes and seed.
        progress: called with the share of the budget that is spent.
    Raises:
        TrainingDataTooSmall: less than ten seconds of sound.
    """
    training = training or RecogniserTraining()
    seconds = sum(map(len, waveforms)) / 16_000
    if seconds < FEWEST_SECONDS:
        raise TrainingDataTooSmall(
            f"a phone recogniser of {language} needs {FEWEST_SECONDS:.0f} s of training recordings, and there are "
            f"{seconds:.1f} s; bring more recordings"
        )
    known = tuple(sorted({phone for ids in phones for phone in ids}))
    outputs = {phone: number + 1 for number, phone in enumerate(known)}
    mels = [torch.from_numpy(recogniser_mel(waveform)) for waveform in waveforms]
    targets = [torch.tensor([outputs[phone] for phone in ids]) for ids in phones]
    # CTC needs a frame for each phone and one more between two that are the same
    usable = [
        n
        for n, (mel, ids) in enumerate(zip(mels, targets, strict=True))
        if 0 < _frames_needed(ids) <= _heard_frames(mel.shape[1], training.network.stride)
    ]
    generator = torch.Generator().manual_seed(training.seed)
    with one_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(training.seed)
        network = PhoneNetwork(len(known), training.network)
        epochs, spent = _fit(
            network, [mels[n] for n in usable], [targets[n] for n in usable], training, generator, progress
        )
    facts = RecogniserFacts(
        language=language,
        phones=known,
        data_digest=data_digest(waveforms, phones, training),
        is_synthetic=is_synthetic,
        seconds=round(seconds, 1),
        cpu_seconds=round(spent, 1),
        epochs=round(epochs, 1),
    )
    return PhoneRecogniser(network, facts, training.network)


def _fit(
    network: PhoneNetwork,
    mels: list[torch.Tensor],
    targets: list[torch.Tensor],
    training: RecogniserTraining,
    generator: torch.Generator,
    progress: Callable[[float], None],
) -> tuple[float, float]:
    """Epochs done and CPU seconds spent."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=training.learning_rate, weight_decay=1e-3)
    loss_of = nn.CTCLoss(blank=BLANK, zero_infinity=True)
    num_batches = math.ceil(len(mels) / training.batch_size)
    network.train()
    began, steps = time.process_time(), 0
    while steps < num_batches * training.max_epochs:
        for batch in _batches(mels, training.batch_size, generator):
            spent = (time.process_time() - began) / training.cpu_seconds
            share = max(spent, steps / (num_batches * training.max_epochs))
            if share >= 1:
                return steps / num_batches, time.process_time() - began
            progress(share)
            rate = min(1.0, (steps + 1) / 30) * 0.5 * (1 + math.cos(math.pi * share))
            for group in optimizer.param_groups:
                group["lr"] = training.learning_rate * max(rate, 0.02)
            lengths = torch.tensor([_heard_frames(mels[n].shape[1], training.network.stride) for n in batch])
            mel_BMT = torch.zeros(len(batch), mels[0].shape[0], max(mels[n].shape[1] for n in batch))
            for row, n in enumerate(batch):
                mel_BMT[row, :, : mels[n].shape[1]] = _masked(mels[n], generator)
            log_probabilities = network(mel_BMT).transpose(0, 1)
            wanted = [targets[n] for n in batch]
            loss = loss_of(log_probabilities, torch.cat(wanted), lengths, torch.tensor([len(ids) for ids in wanted]))
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimizer.step()
            steps += 1
    return steps / num_batches, time.process_time() - began


def _frames_needed(ids: torch.Tensor) -> int:
    return len(ids) + int((ids[1:] == ids[:-1]).sum())


def _heard_frames(mel_frames: int, stride: int) -> int:
    return -(-mel_frames // stride)


def _batches(mels: list[torch.Tensor], size: int, generator: torch.Generator) -> list[list[int]]:
    """Clips of like length together, which batches and their order in a new random arrangement each time."""
    noise = torch.rand(len(mels), generator=generator).tolist()
    by_length = sorted(range(len(mels)), key=lambda n: mels[n].shape[1] * (0.85 + 0.3 * noise[n]))
    batches = [by_length[start : start + size] for start in range(0, len(by_length), size)]
    return [batches[n] for n in torch.randperm(len(batches), generator=generator).tolist()]


def _masked(mel_MT: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Another level, and one band of frequencies and one stretch of time blanked."""
    draws = torch.rand(5, generator=generator).tolist()
    mel = mel_MT.clone()
    num_bands, num_frames = mel.shape
    band, frame = int(draws[0] * num_bands), int(draws[1] * num_frames)
    mel[band : band + int(draws[2] * MASKED_BANDS)] = 0.0
    mel[:, frame : frame + int(draws[3] * min(MASKED_FRAMES, num_frames // 10))] = 0.0
    return mel * (0.9 + 0.2 * draws[4])
