"""The graphs say what the model says, and a stream's chunks are the whole."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from exported_voice import exported, random_model, some_phones
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_voice import tiny_config  # pyright: ignore[reportMissingImports]

from clock_train.errors import BundleOperatorForeign, ConfigError, ExportError, SpeechInputInvalid
from clock_train.export import operators
from clock_train.export.graphs import TextGraph, WholeGraph, write_graphs
from clock_train.export.operators import PORTABLE, check_portable, operators_of
from clock_train.models.student import student_config
from clock_train.models.vocoder import VocoderRate
from clock_train.models.voice_files import LoadedVoice, load_voice
from clock_train.serving.onnx_voice import OnnxVoice

SPOKEN = 1e-5
"""Float32 sums in another order; waveforms are below 1."""


@pytest.fixture(scope="module", params=[VocoderRate.FRAME, VocoderRate.FOUR_TIMES], ids=lambda rate: rate.value)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[LoadedVoice, OnnxVoice]:
    folder = tmp_path_factory.mktemp("exported")
    bundle, key = exported(folder, tiny_config(rate=request.param))
    return load_voice(folder / "voice"), OnnxVoice.open(bundle, trusted_keys=[key])


@pytest.mark.parametrize("phones", [1, 2, 9, 60])
@pytest.mark.parametrize("speed", [0.5, 1.0, 1.7])
def test_onnx_speaks_what_torch_speaks(pair: tuple[LoadedVoice, OnnxVoice], phones: int, speed: float) -> None:
    loaded, voice = pair
    for speaker, labels in ((0, (0, 0)), (1, (2, 3))):
        ids, vector = some_phones(phones, seed=phones), loaded.vectors_SE[speaker]
        noise = 0.5 * torch.randn(1, 60 * phones, loaded.model.config.latent_channels)
        ours = voice.speak(ids, vector, labels=labels, speed=speed, noise_TC=noise[0].numpy())
        with torch.inference_mode():
            theirs, samples, _ = WholeGraph(loaded.model).eval()(
                torch.from_numpy(ids)[None], torch.from_numpy(vector)[None], torch.tensor([labels]),
                torch.tensor([speed]), noise,
            )  # fmt: skip
        assert len(ours) == int(samples) == theirs.shape[1]
        assert np.abs(ours - theirs[0].numpy()).max() < SPOKEN
        assert np.abs(ours).max() > 0.01


def test_the_graphs_module_is_the_models_own_synthesis(pair: tuple[LoadedVoice, OnnxVoice]) -> None:
    model = pair[0].model
    ids, vector = torch.from_numpy(some_phones(12))[None], torch.from_numpy(pair[0].vectors_SE[:1])
    labels = torch.zeros((1, 2), dtype=torch.int64)
    with torch.inference_mode():
        condition = model.condition(vector, labels, torch.zeros(1, 2))
        waveform, _, durations = model.synthesize(ids, torch.tensor([12]), condition, noise_scale=0.0, speed=1.2)
        channels = model.config.latent_channels
        graph = WholeGraph(model).eval()(ids, vector, labels, torch.tensor([1.2]), torch.zeros(1, 720, channels))
    assert torch.equal(graph[2], durations)
    assert (graph[0] - waveform).abs().max() < SPOKEN


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(phones=st.integers(1, 40), first=st.integers(1, 30), longest=st.integers(30, 90), seed=st.integers(0, 99))
def test_joined_chunks_are_the_whole(
    pair: tuple[LoadedVoice, OnnxVoice], phones: int, first: int, longest: int, seed: int
) -> None:
    voice = pair[1]
    ids, vector = some_phones(phones, seed), voice.vectors_SE[seed % 2]
    whole = voice.speak(ids, vector, seed=seed, speed=0.5)
    chunks = list(voice.stream(ids, vector, seed=seed, speed=0.5, first_frames=first, longest_frames=longest))
    assert np.abs(np.concatenate(chunks) - whole).max() < 1e-4
    assert len(chunks[0]) == min(first * voice.hop_samples, len(whole))


def test_half_of_the_context_is_heard(pair: tuple[LoadedVoice, OnnxVoice]) -> None:
    """The promised context is needed: the property above would not notice one that is far too long."""
    voice = pair[1]
    rng = np.random.default_rng(3)
    latent = rng.standard_normal((1, voice.noise_channels, 120)).astype(np.float32)
    condition = np.zeros((1, 12), dtype=np.float32)
    whole, hop, context = voice._decode(latent, condition), voice.hop_samples, voice.context_frames
    middle = whole[60 * hop : 61 * hop]
    exact = voice._decode(latent[:, :, 60 - context : 61 + context], condition)[context * hop : (context + 1) * hop]
    short = context // 2
    lacking = voice._decode(latent[:, :, 60 - short : 61 + short], condition)[short * hop : (short + 1) * hop]
    assert np.abs(exact - middle).max() < 1e-6
    assert np.abs(lacking - middle).max() > 1e-5


def test_more_noise_than_needed_changes_nothing_and_a_slow_sentence_is_drawn_again(
    pair: tuple[LoadedVoice, OnnxVoice],
) -> None:
    voice, ids = pair[1], some_phones(4)
    noise = np.random.default_rng(0).standard_normal((500, voice.noise_channels), dtype=np.float32) * np.float32(0.5)
    vector = voice.vectors_SE[0]
    assert np.array_equal(voice.speak(ids, vector, noise_TC=noise), voice.speak(ids, vector, seed=0))


def test_the_whole_graph_alone_speaks_the_same(pair: tuple[LoadedVoice, OnnxVoice]) -> None:
    voice = pair[1]
    session = onnxruntime.InferenceSession(voice.bundle.content("model.onnx"))
    ids, vector = some_phones(15), voice.vectors_SE[1]
    noise = np.random.default_rng(7).standard_normal((900, voice.noise_channels), dtype=np.float32)
    feeds = {
        "ids": ids[None], "speaker_embedding": vector[None], "labels": np.zeros((1, 2), dtype=np.int64),
        "speed": np.ones(1, dtype=np.float32), "noise": noise[None],
    }  # fmt: skip
    waveform, samples, durations = (np.asarray(value) for value in session.run(None, feeds))
    assert waveform.shape == (1, samples[0]) and samples[0] == durations.sum() * voice.hop_samples
    assert np.abs(waveform[0] - voice.speak(ids, vector, noise_TC=noise)).max() < SPOKEN
    feeds["noise"] = noise[None, :3]
    cut, wanted, _ = (np.asarray(value) for value in session.run(None, feeds))
    assert cut.shape == (1, 3 * voice.hop_samples) and wanted[0] == samples[0]


def test_the_pages_example_speaks(pair: tuple[LoadedVoice, OnnxVoice]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "voices.md").read_text(encoding="utf-8")
    (example,) = [
        code for code in re.findall(r"```python\n(.+?)```", page, flags=re.DOTALL) if "InferenceSession" in code
    ]
    assert 'Path("demo/bundle")' in example
    known: dict[str, Any] = {}
    exec(example.replace("demo/bundle", str(pair[1].bundle.folder)), known)
    assert known["waveform"].shape == (1, known["samples"][0]) and np.abs(known["waveform"]).max() > 0.01


@pytest.mark.parametrize(
    ("ids", "vector", "noise", "words"),
    [
        (np.zeros((3, 0), dtype=np.int64), 16, None, r"phones have shape \(3, 0\)"),
        (np.zeros((2, 5), dtype=np.int64), 16, None, r"phones have shape \(2, 5\)"),
        (np.zeros((3, 5)), 16, None, "of float64; give"),
        (np.full((3, 5), -1), 16, None, "phone -1 at position 0 is not in the inventory"),
        (np.array([[1], [0], [99]]), 16, None, "language 99 at position 0"),
        (some_phones(5), 17, None, r"the speaker vector has shape \(17,\); give \(16,\)"),
        (some_phones(5), 16, (2, 8), "noise of 2 frames was given for speech of"),
        (some_phones(5), 16, (400, 7), r"noise has shape \(400, 7\); give \(frames, 8\)"),
    ],
)
def test_what_the_graphs_cannot_take_is_refused_before_they_run(
    pair: tuple[LoadedVoice, OnnxVoice], ids: np.ndarray, vector: int, noise: tuple[int, int] | None, words: str
) -> None:
    given = None if noise is None else np.zeros(noise, dtype=np.float32)
    with pytest.raises(SpeechInputInvalid, match=words):
        pair[1].speak(ids, np.ones(vector, dtype=np.float32), noise_TC=given)


@pytest.mark.parametrize("speed", [0.0, 4.1, float("nan")])
def test_a_speed_out_of_range_is_refused(pair: tuple[LoadedVoice, OnnxVoice], speed: float) -> None:
    with pytest.raises(ConfigError, match=r"give a number from 0\.25 to 4"):
        pair[1].speak(some_phones(5), pair[1].vectors_SE[0], speed=speed)


def test_threads_share_a_voice(pair: tuple[LoadedVoice, OnnxVoice]) -> None:
    voice, vector = pair[1], pair[1].vectors_SE[0]

    def spoken(seed: int) -> np.ndarray:
        return np.concatenate(list(voice.stream(some_phones(20, seed), vector, seed=seed)))

    alone = [spoken(seed) for seed in range(8)]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(spoken, range(8)))
    assert all(np.array_equal(one, other) for one, other in zip(alone, together, strict=True))


def test_a_decoder_at_the_sample_rate_is_refused(tmp_path: Path) -> None:
    model = random_model(tiny_config(rate=VocoderRate.SAMPLE))
    with pytest.raises(ExportError, match="train with FRAME or FOUR_TIMES"):
        write_graphs(model, tmp_path)


def test_every_graph_is_of_operators_that_a_browser_has(tmp_path: Path) -> None:
    write_graphs(random_model(student_config()), tmp_path)
    for path in tmp_path.glob("*.onnx"):
        graph = onnx.load(path)
        assert operators_of(graph.graph) <= PORTABLE
        assert [(item.domain, item.version) for item in graph.opset_import] == [("", 17)]


def test_another_operator_is_refused_by_name(
    pair: tuple[LoadedVoice, OnnxVoice], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operators, "PORTABLE", PORTABLE - {"CumSum"})
    with pytest.raises(
        BundleOperatorForeign, match=r"text\.onnx uses CumSum, which ONNX Runtime in a browser may lack"
    ):
        check_portable(pair[1].bundle.folder / "text.onnx")


def test_an_exported_model_is_left_in_evaluation(tmp_path: Path) -> None:
    model = random_model(tiny_config())
    write_graphs(model, tmp_path)
    assert not any(module.training for module in model.modules())
    assert not TextGraph(model).eval().training
