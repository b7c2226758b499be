from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from long_take import write_take

from clock_train import ClockTrainer, extract_speaker_embedding
from clock_train.errors import AudioEmpty, AudioNotFound, ConfigError, CorpusNotFound, VoiceNotFound
from clock_train.orchestration.presets import PRESETS, Preset


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> str:
    """A preset of a second or two: the student's shape, four channels wide."""
    from clock_train.models.text_encoder import TextEncoderConfig
    from clock_train.models.vocoder import VocoderConfig
    from clock_train.models.voice import VoiceConfig
    from clock_train.training.run import TrainingConfig

    config = VoiceConfig(
        latent_channels=8,
        text_encoder=TextEncoderConfig(channels=16, layers=1, heads=1, feed_forward=16),
        vocoder=VocoderConfig(channels=16, layers=1),
    )
    preset = Preset(name="Tiny", purpose="tests", model=lambda: config, training=TrainingConfig())
    monkeypatch.setitem(PRESETS, "Tiny", preset)
    return "Tiny"


def vector() -> np.ndarray:
    values = np.random.default_rng(0).standard_normal(256).astype(np.float32)
    return values / np.linalg.norm(values)


def trained(folder: Path, embeddings: object, preset: str) -> ClockTrainer:
    write_take(folder)
    trainer = ClockTrainer(embeddings, folder / "training_texts.txt", folder / "models", preset=preset)  # type: ignore[arg-type]
    trainer.train(epochs=2, batch_size=8, learning_rate=1e-6, checkpoint_freq=1)
    return trainer


def stored(folder: Path) -> dict[str, np.ndarray]:
    card = json.loads((folder / "models/voice/voice.json").read_text())
    return dict(zip(card["speakers"], np.load(folder / "models/voice/speakers.npy"), strict=True))


@pytest.mark.parametrize("form", ["array", "dict", "npy", "npz", "json"])
def test_embeddings_of_every_form_are_where_the_voice_starts(form: str, tmp_path: Path, tiny: str) -> None:
    given = vector()
    forms = {
        "array": given,
        "dict": {"anna": given},
        **{kind: tmp_path / f"v.{kind}" for kind in ("npy", "npz", "json")},
    }
    np.save(tmp_path / "v.npy", given)
    np.savez(tmp_path / "v.npz", anna=given)
    (tmp_path / "v.json").write_text(json.dumps({"anna": given.tolist()}))

    trained(tmp_path, forms[form], tiny)

    (name,) = stored(tmp_path)
    assert name == ("speaker" if form in ("array", "npy") else "anna")
    assert np.allclose(stored(tmp_path)[name], given, atol=1e-3)  # two steps at 1e-6 leave it where it was


def test_synthesize_before_train_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(VoiceNotFound, match=r"call train\(\) first"):
        ClockTrainer(vector(), tmp_path / "t.txt", tmp_path / "models").synthesize("hello")


def test_a_trained_voice_speaks_into_a_wav_file(tmp_path: Path, tiny: str) -> None:
    path = trained(tmp_path, vector(), tiny).synthesize("Go home!", tmp_path / "said.wav", speed=2.0)
    assert path.read_bytes()[:4] == b"RIFF"


def test_train_again_goes_on(tmp_path: Path, tiny: str) -> None:
    trainer = trained(tmp_path, vector(), tiny)
    assert trainer.train(epochs=3, batch_size=8, learning_rate=1e-6, checkpoint_freq=1).resumed_from is not None


@pytest.mark.parametrize(
    ("embeddings", "message"),
    [
        (np.zeros((2, 256)), r"has shape \(2, 256\); give one vector, or a dict"),
        (np.full(256, np.nan), r'the embedding of "speaker" is empty or not finite'),
        ("missing.npy", r'speaker_embeddings "missing.npy" is not there'),
    ],
)
def test_embeddings_that_cannot_be_used_are_refused(embeddings: object, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        ClockTrainer(embeddings, tmp_path / "t.txt", tmp_path / "models")  # type: ignore[arg-type]


def test_a_file_that_holds_no_numbers_is_refused(tmp_path: Path) -> None:
    (tmp_path / "v.npy").write_bytes(b"not numpy")
    with pytest.raises(ConfigError, match=r"cannot be read .* save it with numpy.save"):
        ClockTrainer(tmp_path / "v.npy", tmp_path / "t.txt", tmp_path / "models")


def test_an_embedding_of_another_width_is_refused(tmp_path: Path, tiny: str) -> None:
    with pytest.raises(ConfigError, match=r"has 64 numbers, this model takes 256"):
        trained(tmp_path, np.ones(64, dtype=np.float32), tiny)


def test_a_text_corpus_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusNotFound, match=r't.txt" is not there; give a text file'):
        ClockTrainer(vector(), tmp_path / "t.txt", tmp_path / "models").train()


@pytest.mark.parametrize("name", ["epochs", "batch_size", "checkpoint_freq"])
def test_counts_below_one_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"{name} is 0; give 1 or more"):
        ClockTrainer(vector(), tmp_path / "t.txt", tmp_path / "models").train(**{name: 0})


def test_an_embedding_has_unit_length_and_depends_on_the_voice(tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3)):
        (tmp_path / name).mkdir()
        write_take(tmp_path / name, seed=seed)
    first, again = (extract_speaker_embedding(tmp_path / name / "voice_sample.wav") for name in "ab")
    assert first.shape == (256,) and abs(np.linalg.norm(first) - 1) < 1e-5
    assert np.array_equal(first, again)


def test_an_embedding_needs_a_second_of_speech(tmp_path: Path) -> None:
    from clock_train.audio.writing import write_wav

    write_wav(tmp_path / "short.wav", 0.001 * np.ones(4_000, dtype=np.float32), 16_000)
    with pytest.raises(AudioEmpty, match=r"a voiceprint needs at least 1 s"):
        extract_speaker_embedding(tmp_path / "short.wav")
    with pytest.raises(AudioNotFound):
        extract_speaker_embedding(tmp_path / "missing.wav")
