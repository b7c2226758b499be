"""The int8 decoder: which layers it holds, how near it stays, and when the judges let it be kept."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from exported_voice import exported, random_model, random_vectors, signer_of, some_phones
from tiny_voice import tiny_config  # pyright: ignore[reportMissingImports]

sys.path.insert(0, str(Path(__file__).parents[1] / "orchestration"))

from small_voice import write_corpus  # pyright: ignore[reportMissingImports]

from clock_train.bundle.card import file_digest
from clock_train.bundle.opening import open_bundle, verify_bundle
from clock_train.data.manifest import read_corpus
from clock_train.data.packed_file import save_packed
from clock_train.data.packing import pack
from clock_train.export.bundle_writing import write_bundle
from clock_train.export.int8 import INT8_DECODER, write_int8_decoder
from clock_train.models.student import student_config
from clock_train.models.voice_files import VoiceCard, save_voice
from clock_train.orchestration import int8_choice as choosing
from clock_train.orchestration.int8_choice import MAY_WORSEN, int8_choice, verdict
from clock_train.serving.onnx_voice import OnnxVoice


def test_only_inner_convolutions_are_int8_and_the_sound_stays_near(tmp_path: Path) -> None:
    path, key = exported(tmp_path, student_config())
    bundle = open_bundle(path, trusted_keys=[key])
    voice = OnnxVoice(bundle)
    windows = [voice.read(some_phones(40, seed), voice.vectors_SE[0], seed=seed) for seed in range(3)]
    count = write_int8_decoder(path / "decoder.onnx", path / INT8_DECODER, windows)

    before, after = (onnx.load(path / name).graph for name in ("decoder.onnx", INT8_DECODER))
    convolutions = [node for node in after.node if node.op_type == "Conv"]
    is_int8 = [all(name.endswith("DequantizeLinear_Output") for name in node.input[:2]) for node in convolutions]
    assert count == len(convolutions) - 2 and is_int8 == [False, *[True] * count, False]
    assert Counter(n.op_type for n in before.node)["MatMul"] == Counter(n.op_type for n in after.node)["MatMul"]
    assert (path / INT8_DECODER).stat().st_size < 0.7 * (path / "decoder.onnx").stat().st_size

    files = {**bundle.values["files"], INT8_DECODER: file_digest(path / INT8_DECODER)}
    graphs = {**bundle.values["graphs"], "decoder": INT8_DECODER}
    twin = OnnxVoice(replace(bundle, values={**bundle.values, "files": files, "graphs": graphs}))
    ids, vector = some_phones(30, seed=9), voice.vectors_SE[0]
    ours, theirs = voice.speak(ids, vector, seed=1), twin.speak(ids, vector, seed=1)
    error = np.sqrt(np.mean((ours - theirs) ** 2) / np.mean(ours**2))
    assert 0 < error < 0.2, "it is another decoder, and 14 dB or more below the sound"
    chunks = np.concatenate(list(twin.stream(ids, vector, seed=1)))
    assert np.abs(chunks - theirs).max() < 1e-4, "ranges are fixed, so that a window is coded as the whole"


GOOD = {"speakerSimilarity": 0.8, "dnsmosOverall": 3.0, "melDistance": 0.5, "wordErrorRate": 0.2}


@pytest.mark.parametrize("name", GOOD)
def test_one_figure_beyond_its_limit_is_enough_to_refuse(name: str) -> None:
    within = {**GOOD, name: GOOD[name] + 0.9 * MAY_WORSEN[name]}
    beyond = {**GOOD, name: GOOD[name] + 1.1 * MAY_WORSEN[name]}
    better = {**GOOD, name: GOOD[name] - 5 * MAY_WORSEN[name]}
    assert verdict(GOOD, within)[0] and verdict(GOOD, better)[0]
    kept, why = verdict(GOOD, beyond)
    assert not kept and why.startswith(f"{name} went from {GOOD[name]:.4f} to ")
    assert not verdict(GOOD, {**GOOD, name: float("nan")})[0]


@pytest.mark.parametrize("answered", [[], ["melDistance", "wordErrorRate"], ["speakerSimilarity"]])
def test_too_few_judges_keep_nothing(answered: list[str]) -> None:
    scores = {name: GOOD[name] for name in answered}
    kept, why = verdict(scores, scores)
    assert not kept and "install the part judge" in why


@pytest.mark.parametrize("outcome", [True, False])
def test_the_decision_stands_in_the_card_with_both_scores(
    outcome: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed, _ = pack([read_corpus(write_corpus(tmp_path / "corpus"))])
    save_packed(packed, tmp_path / "packed.npz")
    card = VoiceCard(name="anna", languages=["en"], speakers=["anna"])
    config = tiny_config()
    save_voice(tmp_path / "voice", card, random_model(config, num_speakers=1), random_vectors(config, 1))
    monkeypatch.setattr(choosing, "verdict", lambda float32, int8: (outcome, "as the test says"))
    signer = signer_of(tmp_path)
    choose = int8_choice(tmp_path / "packed.npz")
    write_bundle(tmp_path / "voice", tmp_path / "bundle", signer=signer, choose_int8=choose)
    values = verify_bundle(tmp_path / "bundle", trusted_keys=[signer.public_key]).values
    record = values["int8"]
    assert record["kept"] is outcome and record["convolutions"] > 0 and record["sentences"] > 0
    assert set(record["scores"]) == {"float32", "int8"}
    assert "melDistance" in record["scores"]["float32"] and record["scores"]["float32"] != record["scores"]["int8"]
    assert values["graphs"]["decoder"] == (INT8_DECODER if outcome else "decoder.onnx")
    assert (tmp_path / "bundle" / INT8_DECODER).exists() is outcome
    assert json.loads((tmp_path / "bundle" / "voice.json").read_text())["int8"] == record
    OnnxVoice.open(tmp_path / "bundle", trusted_keys=[signer.public_key])


def test_a_corpus_of_other_speakers_decides_nothing(tmp_path: Path) -> None:
    packed, _ = pack([read_corpus(write_corpus(tmp_path / "corpus", speaker="zoe"))])
    save_packed(packed, tmp_path / "packed.npz")
    path, key = exported(tmp_path, tiny_config())
    record = int8_choice(tmp_path / "packed.npz")(open_bundle(path, trusted_keys=[key]))
    assert record["kept"] is False and "holds none of its speakers" in record["why"]
    assert not (path / INT8_DECODER).exists()
