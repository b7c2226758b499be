"""What a training, a fine-tune and a distillation leave for the model card of their bundle."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from small_distillation import distill_request
from small_voice import Notes, tiny_teacher, with_tiny_preset, write_corpus

from clock_train.export.model_card import MODEL_CARD, UNKNOWN
from clock_train.orchestration.bundle_export import export_bundle
from clock_train.orchestration.card_facts import hardware_class
from clock_train.orchestration.distillation import distill
from clock_train.orchestration.presets import PRESETS
from clock_train.orchestration.training_preparation import TrainRequest
from clock_train.orchestration.training_session import train


@pytest.fixture(autouse=True)
def tiny_preset() -> Iterator[None]:
    with_tiny_preset(model=tiny_teacher())
    yield
    del PRESETS["Tiny"]


def card_of_voice(voice: Path, folder: Path, **options: object) -> str:
    return (export_bundle(voice, folder, **options).path / MODEL_CARD).read_text(encoding="utf-8")  # type: ignore[arg-type]


def test_the_card_of_each_kind_says_where_it_comes_from(tmp_path: Path) -> None:
    corpus, other = write_corpus(tmp_path / "corpus"), write_corpus(tmp_path / "other", speaker="ben", pitch_hz=100.0)
    both = TrainRequest(corpora=[corpus, other], output=tmp_path / "base", preset="Tiny", kind="base", device="cpu")
    base = train(both, Notes()).voice_path
    tuned = TrainRequest(
        corpora=[corpus], output=tmp_path / "out", preset="Tiny", base=base, name="anna's", device="cpu"
    )
    voice = train(tuned, Notes()).voice_path
    student = distill(distill_request(voice, tmp_path / "student"), Notes()).voice_path

    card = card_of_voice(voice, tmp_path / "b1", metrics={"speaker_similarity/speech": 0.5})
    for said in (
        "# Model card: anna's", "**Base:** anna-ben", "**Languages:** en", "**Speakers:** anna", "**Hardware:** CPU",
        "**Steps:** 12", f"**Trained on:** {datetime.now(UTC).date()}", "demonstration: a licence, and nobody asked",
        "**Licence:** none", "credit: a buzz", "| Speaker similarity | speech | 0.500 | cosine | higher |",
        "**Taught by:** no teacher",
    ):  # fmt: skip
        assert said in card, said
    assert str(tmp_path) not in card
    taught = card_of_voice(student, tmp_path / "b2")
    assert "**Taught by:** anna's" in taught
    assert "**Base:** anna-ben" in taught
    assert "credit: a buzz" in taught
    first = card_of_voice(base, tmp_path / "b3")
    assert "**Base:** none: trained from its own recordings" in first
    assert "A base to fine-tune other voices from" in first
    for text in (card, taught, first):
        details = text.partition("## Data")[0].replace(f"**MLflow run:** {UNKNOWN}", "")
        assert UNKNOWN not in details


def test_a_second_start_of_a_finished_training_leaves_the_same_card(tmp_path: Path) -> None:
    request = TrainRequest(
        corpora=[write_corpus(tmp_path / "corpus")], output=tmp_path / "out", preset="Tiny", device="cpu"
    )
    digests = {
        export_bundle(train(request, Notes()).voice_path, tmp_path / f"bundle-{number}").digest for number in range(2)
    }
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("device", "workers", "said"),
    [("cpu", 0, "CPU"), ("cpu", 1, "CPU"), ("cpu", 2, "CPU, 2 workers"), ("cuda:1", 4, "CUDA GPU, 4 workers")],
)
def test_hardware_is_a_class_and_no_machine(device: str, workers: int, said: str) -> None:
    assert hardware_class(device, workers) == said
