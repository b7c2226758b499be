"""The base that comes along: whole, small, of this version; and what starts from it."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_voice import Notes, write_corpus

from clock_train.errors import VoiceNotFound
from clock_train.models.voice_files import load_voice
from clock_train.orchestration import shipped_base as module
from clock_train.orchestration.shipped_base import shipped_base
from clock_train.orchestration.training_preparation import TrainRequest
from clock_train.orchestration.training_session import train
from clock_train.text.inventory import INVENTORY_ID

MOST_MIB = 25


def test_it_is_whole_small_and_of_this_version() -> None:
    base = load_voice(shipped_base())
    assert base.card.kind == "base" and base.model.vocabulary.inventory_id == INVENTORY_ID
    assert base.card.speakers == [
        "sample-en",
        "sample-es",
        "sample-it",
        "sample-ru",
        "synthetic-zh",
    ], "the French voice is unseen"
    assert sum(path.stat().st_size for path in shipped_base().iterdir()) < MOST_MIB * 2**20
    assert base.card.training["testClips"] and base.card.metrics
    credits = (shipped_base() / "ATTRIBUTION").read_text(encoding="utf-8")
    assert all(each["attribution"] in credits for each in base.card.training["licences"])
    assert "/" not in (base.card.training["base"] or "")


def test_an_installation_without_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FOLDER", "no_base")
    with pytest.raises(VoiceNotFound, match=r"name one with --base, train one with clocktrain pretrain"):
        shipped_base()


def test_a_voice_of_it_names_the_base_and_whom_its_recordings_credit(tmp_path: Path) -> None:
    request = TrainRequest(
        corpora=[write_corpus(tmp_path / "corpus")], output=tmp_path / "out", base=shipped_base(), max_steps=2,
        batch_size=2, device="cpu",
    )  # fmt: skip
    outcome = train(request, Notes())
    base, voice = load_voice(shipped_base()), load_voice(outcome.voice_path)
    assert voice.card.training["baseName"] == base.card.name
    assert voice.card.training["stepsInBase"] >= base.card.training["spokenStep"]
    credited = [each["attribution"] for each in voice.card.training["licences"]]
    assert credited == ["a buzz", *(each["attribution"] for each in base.card.training["licences"])]
    assert outcome.speakers_in_base == base.card.speakers


def test_a_base_goes_on_from_a_base_with_a_new_speaker(tmp_path: Path) -> None:
    request = TrainRequest(
        corpora=[write_corpus(tmp_path / "corpus")], output=tmp_path / "out", base=shipped_base(), kind="base",
        max_steps=2, batch_size=2, device="cpu",
    )  # fmt: skip
    first = load_voice(train(request, Notes()).voice_path)
    assert first.card.kind == "base"
    assert first.card.training["stepsInBase"] >= load_voice(shipped_base()).card.training["spokenStep"]
