from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_voice import shaken, tiny_config

from clock_train.errors import BundleDamaged, BundleFileMissing, ConfigError, TextEmpty, VoiceNotFound
from clock_train.models.config_text import from_plain, to_plain
from clock_train.models.sentences import style_of
from clock_train.models.speech import Voice
from clock_train.models.student import student_config
from clock_train.models.teacher import teacher_config
from clock_train.models.text_encoder import Vocabulary
from clock_train.models.voice import VoiceConfig, VoiceModel
from clock_train.models.voice_files import VoiceCard, load_voice, save_voice, stored_vectors
from clock_train.text.frontend import phonemize
from clock_train.text.inventory import INVENTORY_ID, LANGUAGES, NUM_TONES, PHONES

VOCABULARY = Vocabulary(
    phones=len(PHONES), tones=NUM_TONES, languages=len(LANGUAGES), inventory_id=INVENTORY_ID
)  # fmt: skip


def saved(folder: Path) -> Path:
    torch.manual_seed(0)
    model = shaken(VoiceModel(tiny_config(), VOCABULARY, num_speakers=2)).eval()
    save_voice(folder / "voice", VoiceCard(name="duo", speakers=["anna", "ben"]), model, stored_vectors(model))
    return folder / "voice"


@pytest.mark.parametrize("config", [teacher_config(), student_config(), tiny_config()])
def test_sizes_survive_as_plain_values(config: VoiceConfig) -> None:
    assert from_plain(VoiceConfig, json.loads(json.dumps(to_plain(config)))) == config


def test_an_unknown_size_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="VoiceConfig has no field wings; a later clock-train may have written it"):
        from_plain(VoiceConfig, {"wings": 2})


def test_an_unknown_choice_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="VocoderRate cannot be 'warp'; it is one of frame, 4x, sample"):
        from_plain(VoiceConfig, {"vocoder": {"rate": "warp"}})


def test_a_voice_comes_back_with_the_same_weights_vectors_and_card(tmp_path: Path) -> None:
    first, second = load_voice(saved(tmp_path)), load_voice(saved(tmp_path))
    assert first.card == second.card and first.card.speakers == ["anna", "ben"]
    assert np.array_equal(first.vectors_SE, second.vectors_SE)
    for ours, theirs in zip(first.model.parameters(), second.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_half_weights_take_half_the_place_and_are_read_as_float32(tmp_path: Path) -> None:
    whole = load_voice(saved(tmp_path))
    save_voice(
        tmp_path / "half", whole.card, whole.model, whole.vectors_SE, is_half=True, texts={"ATTRIBUTION": "anna\n"}
    )
    half = load_voice(tmp_path / "half")
    for ours, theirs in zip(half.model.parameters(), whole.model.parameters(), strict=True):
        assert ours.dtype == torch.float32
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-6)
    sizes = [(tmp_path / name / "weights.safetensors").stat().st_size for name in ("half", "voice")]
    assert sizes[0] < 0.7 * sizes[1]
    assert "ATTRIBUTION" in json.loads((tmp_path / "half" / "voice.json").read_text())["files"]
    (tmp_path / "half" / "ATTRIBUTION").write_text("somebody\n")
    with pytest.raises(BundleDamaged):
        load_voice(tmp_path / "half")


def test_the_card_names_sizes_and_digests(tmp_path: Path) -> None:
    values = json.loads((saved(tmp_path) / "voice.json").read_text())
    assert values["sampleRate"] == 16_000 and values["phoneInventoryId"] == INVENTORY_ID
    assert values["parameterCounts"]["synthesis"] < values["parameterCounts"]["training"]
    assert set(values["files"]) == {"speakers.npy", "weights.safetensors", "model.yaml"}


@pytest.mark.parametrize("name", ["weights.safetensors", "speakers.npy", "model.yaml"])
def test_a_changed_file_is_refused_by_name(name: str, tmp_path: Path) -> None:
    path = saved(tmp_path)
    content = bytearray((path / name).read_bytes())
    content[-2] ^= 1
    (path / name).write_bytes(content)
    with pytest.raises(BundleDamaged, match=rf"{name} of the voice in .* is not the file that was saved"):
        load_voice(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = saved(tmp_path)
    (path / "weights.safetensors").unlink()
    with pytest.raises(BundleFileMissing, match=r"lacks weights\.safetensors; copy the whole folder again"):
        load_voice(path)


def test_a_folder_without_a_voice_is_said_to_hold_none(tmp_path: Path) -> None:
    with pytest.raises(VoiceNotFound, match=r"holds no voice.json; name the folder of a trained voice"):
        Voice.load(tmp_path)


def test_a_card_that_is_no_card_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path)
    (path / "voice.json").write_text("[]")
    with pytest.raises(BundleDamaged, match="cannot be read"):
        load_voice(path)


def test_a_failed_save_leaves_the_older_voice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path)
    loaded = load_voice(path)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(OSError, match="No space"):
        save_voice(path, VoiceCard(name="other"), loaded.model, loaded.vectors_SE)
    assert load_voice(path).card.name == "duo"
    assert [item.name for item in tmp_path.iterdir()] == ["voice"]


def test_the_same_seed_says_the_same_and_another_does_not(tmp_path: Path) -> None:
    voice = Voice.load(saved(tmp_path))
    first, again, other = (voice.say("Good morning.", seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert first.shape != other.shape or not np.array_equal(first, other)


def test_sentences_are_spoken_one_by_one_and_together_are_the_whole_sound(tmp_path: Path) -> None:
    voice = Voice.load(saved(tmp_path))
    sentences = list(voice.say_sentences("Good morning. Come in!"))
    assert len(sentences) == 2
    assert np.array_equal(voice.say("Good morning. Come in!"), np.concatenate(sentences))


def test_a_text_far_over_the_limit_of_one_call_is_spoken_in_parts(tmp_path: Path) -> None:
    voice = Voice.load(saved(tmp_path))
    text = "Press one now, and then hold the line. " * 200
    assert len(text) > 5_000
    assert sum(1 for _ in voice.say_sentences(text)) >= 200


@pytest.mark.parametrize("speed", [0.0, 0.2, 5.0, float("nan")])
def test_a_speed_out_of_range_is_refused(speed: float, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"give a number from 0.25 to 4"):
        Voice.load(saved(tmp_path)).say("hello", speed=speed)


def test_an_unknown_speaker_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(VoiceNotFound, match='has no speaker "carl"; it has anna, ben'):
        Voice.load(saved(tmp_path)).say("hello", speaker="carl")


@pytest.mark.parametrize("text", ["", "   ", "😀😀"])
def test_a_text_without_sounds_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(TextEmpty):
        Voice.load(saved(tmp_path)).say(text)


@pytest.mark.parametrize(
    ("text", "style"), [("Come in.", "statement"), ("Is it late?", "question"), ("Stop!", "exclamation")]
)
def test_the_last_sign_decides_the_style(text: str, style: str) -> None:
    assert style_of(phonemize(text)) == style
