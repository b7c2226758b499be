"""A voice kept as its difference from a base: small, the same voice again, and of no other base."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from clock_train.bundle.card import CARD, card_digest
from clock_train.erasure.request import Request, erase
from clock_train.errors import BaseIncompatible, BundleDamaged, BundleFileMissing
from clock_train.issuing.installation import Installation
from clock_train.models.voice_delta import restore, slim
from clock_train.models.voice_files import VoiceCard, load_voice, save_voice
from clock_train.orchestration.shipped_base import shipped_base
from clock_train.training.trained_parts import TrainedParts, freeze


def voice_of(base: Path, folder: Path, *, digest: str | None = None) -> Path:
    """What a fine-tune of the conditions leaves: each of those weights a little elsewhere, and one speaker."""
    model = load_voice(base).model
    freeze(model, TrainedParts.CONDITIONS)
    drawn = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for each in model.parameters():
            if each.requires_grad:
                each.add_(0.02 * torch.randn(each.shape, generator=drawn))
    model.stored_speakers = torch.nn.Embedding.from_pretrained(model.stored_speakers.weight[:1].clone())
    card = VoiceCard(
        name="anna", speakers=["anna"], languages=["en"], consent_ids=["c1"],
        training={"baseDigest": digest or card_digest(base)},
    )  # fmt: skip
    save_voice(folder, card, model, model.stored_speakers.weight.detach().numpy())
    return folder


def test_a_voice_of_the_shipped_base_is_kept_in_a_tenth_and_comes_back(tmp_path: Path) -> None:
    voice = voice_of(shipped_base(), tmp_path / "voice")
    made = slim(voice, shipped_base(), tmp_path / "kept")
    assert made.share <= 0.10 and 0 < made.changed < 0.1 * made.of
    card = restore(tmp_path / "kept", shipped_base(), tmp_path / "again")
    before, again = load_voice(voice), load_voice(tmp_path / "again")
    assert card.name == "anna" and again.card.values() == before.card.values()
    np.testing.assert_array_equal(again.vectors_SE, before.vectors_SE)
    for name, value in before.model.state_dict().items():
        # half precision of a difference of a few hundredths
        torch.testing.assert_close(again.model.state_dict()[name], value, atol=1e-4, rtol=0)


def test_what_differs_from_nothing_is_not_kept(tmp_path: Path) -> None:
    slim(voice_of(shipped_base(), tmp_path / "voice"), shipped_base(), tmp_path / "kept")
    values = json.loads((tmp_path / "kept" / CARD).read_text())
    assert sorted(values["files"]) == ["delta.safetensors", "speakers.npy"]
    assert values["delta"]["baseName"] == "base" and values["speakers"] == ["anna"]


def test_it_cannot_be_opened_as_a_voice_and_says_how_it_becomes_one(tmp_path: Path) -> None:
    slim(voice_of(shipped_base(), tmp_path / "voice"), shipped_base(), tmp_path / "kept")
    words = r'keeps only what differs from the base "base"; make it whole first: clocktrain voices restore .*kept'
    with pytest.raises(BundleFileMissing, match=words):
        load_voice(tmp_path / "kept")


def test_another_base_is_refused_on_both_ways(tmp_path: Path) -> None:
    voice = voice_of(shipped_base(), tmp_path / "voice")
    other = load_voice(shipped_base())
    save_voice(tmp_path / "other", other.card, other.model, other.vectors_SE)
    with pytest.raises(BaseIncompatible, match=r"was made from \w{12}, and .*other.* is \w{12}; name its own base"):
        slim(voice, tmp_path / "other", tmp_path / "kept")
    slim(voice, shipped_base(), tmp_path / "kept")
    with pytest.raises(BaseIncompatible, match=r'is the difference from the base "base" .*name that base with --base'):
        restore(tmp_path / "kept", tmp_path / "other", tmp_path / "again")
    nobodys = load_voice(voice)
    save_voice(tmp_path / "nobodys", VoiceCard(name="x", speakers=["x"]), nobodys.model, nobodys.vectors_SE)
    with pytest.raises(BaseIncompatible, match=r"was made from no base"):
        slim(tmp_path / "nobodys", shipped_base(), tmp_path / "kept")


def test_a_damaged_difference_or_a_whole_voice_is_refused(tmp_path: Path) -> None:
    voice = voice_of(shipped_base(), tmp_path / "voice")
    with pytest.raises(BundleDamaged, match=r"is no difference from a base; make one: clocktrain voices slim"):
        restore(voice, shipped_base(), tmp_path / "again")
    slim(voice, shipped_base(), tmp_path / "kept")
    content = (tmp_path / "kept" / "delta.safetensors").read_bytes()
    (tmp_path / "kept" / "delta.safetensors").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(BundleDamaged, match=r"its sha256 differs"):
        restore(tmp_path / "kept", shipped_base(), tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_it_is_erased_with_its_speaker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOCKTRAIN_ISSUING", str(tmp_path / "issuing"))
    slim(voice_of(shipped_base(), tmp_path / "voice"), shipped_base(), tmp_path / "kept" / "anna")
    receipt, _ = erase(Request(scope="speaker", name="anna", folders=[tmp_path / "kept"]), Installation())
    assert receipt.is_complete and not [path for path in (tmp_path / "kept").rglob("*") if path.is_file()]
    assert {item.key for item in receipt.items.values()} >= {"anna/voice.json", "anna/delta.safetensors"}
