"""Windows that meet are decoded together and sound as they do alone; whoever comes alone waits for nobody."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
from exported_voice import exported, some_phones  # pyright: ignore[reportMissingImports]
from tiny_voice import tiny_config  # pyright: ignore[reportMissingImports]

from clock_train.models.vocoder import VocoderRate
from clock_train.serving.decode_batches import DecodeBatches
from clock_train.serving.onnx_voice import OnnxVoice

LIMIT_S = 20


class Decoder:
    """Says what it is given, doubled, once the gate is open."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.runs: list[tuple[int, ...]] = []
        self.is_busy = threading.Event()

    def __call__(self, latents: np.ndarray, conditions: np.ndarray) -> np.ndarray:
        self.is_busy.set()
        assert self.gate.wait(LIMIT_S)
        self.runs.append(latents.shape)
        if (latents < 0).any():
            raise ValueError("no such latent")
        return 2 * latents[:, 0] + conditions


def window(value: float, frames: int = 4) -> tuple[np.ndarray, np.ndarray]:
    return np.full((1, 1, frames), value, np.float32), np.full((1, 1), 0.5, np.float32)


def meet(batches: DecodeBatches, decoder: Decoder, windows: list[tuple[np.ndarray, np.ndarray]]) -> list[object]:
    """The first is being decoded when the others come; what each was answered."""
    with ThreadPoolExecutor(len(windows)) as pool:
        coming = [pool.submit(batches.decode, *windows[0])]
        assert decoder.is_busy.wait(LIMIT_S)
        coming += [pool.submit(batches.decode, *each) for each in windows[1:]]
        while sum(len(queue) for queue in batches._waiting.values()) < len(windows) - 1:
            assert not any(each.done() for each in coming)
        decoder.gate.set()
        return [each.exception(LIMIT_S) or each.result() for each in coming]


def test_what_comes_while_a_batch_runs_is_the_next_batch_and_lengths_never_mix() -> None:
    decoder = Decoder()
    batches = DecodeBatches(decoder, most=3)
    windows = [window(0), *(window(n) for n in range(1, 6)), window(9, frames=7)]
    answers = meet(batches, decoder, windows)
    for (latent, _), answer in zip(windows, answers, strict=True):
        assert np.array_equal(np.asarray(answer), 2 * latent[0, 0] + 0.5)
    assert sorted(decoder.runs) == [(1, 1, 4), (1, 1, 7), (2, 1, 4), (3, 1, 4)]
    assert (batches.num_runs, batches.num_windows) == (4, 7)


def test_a_batch_that_fails_fails_those_in_it_and_nobody_after() -> None:
    decoder = Decoder()
    batches = DecodeBatches(decoder)
    answers = meet(batches, decoder, [window(1), window(-1), window(2)])
    assert np.array_equal(np.asarray(answers[0]), np.full(4, 2.5))
    assert all(isinstance(answer, ValueError) for answer in answers[1:])
    assert np.array_equal(batches.decode(*window(3)), np.full(4, 6.5))


@pytest.mark.parametrize("rate", [VocoderRate.FRAME, VocoderRate.FOUR_TIMES], ids=lambda rate: rate.value)
def test_streams_that_are_spoken_at_once_are_what_each_is_alone(rate: VocoderRate, tmp_path: Path) -> None:
    bundle, key = exported(tmp_path, tiny_config(rate=rate))
    alone = OnnxVoice.open(bundle, trusted_keys=[key])
    together = OnnxVoice.open(bundle, trusted_keys=[key], is_batched=True)
    assert alone.batches is None and together.batches is not None

    def spoken(voice: OnnxVoice, seed: int) -> np.ndarray:
        phones = some_phones(30 + seed % 3, seed=seed)
        return np.concatenate(list(voice.stream(phones, voice.vectors_SE[seed % 2], seed=seed)))

    with ThreadPoolExecutor(8) as pool:
        heard = list(pool.map(lambda seed: spoken(together, seed), range(24)))
    for seed, sound in enumerate(heard):
        assert np.abs(sound - spoken(alone, seed)).max() < 1e-5
    assert together.batches.num_runs < together.batches.num_windows


def test_a_decoder_of_one_window_is_never_given_two(tmp_path: Path) -> None:
    bundle, key = exported(tmp_path, tiny_config())
    opened = OnnxVoice.open(bundle, trusted_keys=[key]).bundle
    graph = onnx.load_from_string(opened.content("decoder.onnx"))
    for value in (*graph.graph.input, *graph.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 1
    earlier = graph.SerializeToString()

    class Earlier(type(opened)):  # type: ignore[misc]
        def content(self, name: str) -> bytes:
            return earlier if name == "decoder.onnx" else super().content(name)

    voice = OnnxVoice(Earlier(**vars(opened)), is_batched=True)
    assert voice.batches is None
    assert len(voice.speak(some_phones(9), voice.vectors_SE[0])) > 0
