"""``pipelines/ship_base.py``: what it keeps of a base, and what it says of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import torch

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "orchestration"))

from small_voice import Notes, with_tiny_preset, write_corpus  # noqa: E402  # pyright: ignore[reportMissingImports]

from clock_train.evaluation.figures import EvaluationReport, Row, Subject  # noqa: E402
from clock_train.models.voice_files import load_voice  # noqa: E402
from clock_train.orchestration.training_preparation import TrainRequest  # noqa: E402
from clock_train.orchestration.training_session import train  # noqa: E402


def test_a_base_is_shipped_with_card_credits_and_figures_and_without_places(tmp_path: Path) -> None:
    with_tiny_preset()
    corpora = [write_corpus(tmp_path / "one"), write_corpus(tmp_path / "two", speaker="ben", pitch_hz=100.0)]
    first = TrainRequest(corpora=corpora, output=tmp_path / "first", preset="Tiny", kind="base", device="cpu")
    again = TrainRequest(
        corpora=corpora, output=tmp_path / "again", preset="Tiny", kind="base", device="cpu",
        base=train(first, Notes()).voice_path,
    )  # fmt: skip
    voice = train(again, Notes()).voice_path
    row = Row(metric="speaker_similarity", subject=Subject.SPEECH, value=0.5, num_items=3)
    EvaluationReport(rows=(row,), items=(), failures=(), seed=1).write(tmp_path / "ben.json")

    out = tmp_path / "shipped"
    words = [sys.executable, ROOT / "pipelines/ship_base.py", voice, "--reports", tmp_path / "ben.json", "--out", out]
    said = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True).stdout

    assert "MiB" in said
    shipped, trained = load_voice(out), load_voice(voice)
    assert shipped.card.metrics == {"ben/speaker_similarity/speech": 0.5}
    assert shipped.card.training["stepsInBase"] == 12 and shipped.card.training["steps"] == 12
    for ours, theirs in zip(shipped.model.parameters(), trained.model.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-6)
    assert "a buzz: none" in (out / "ATTRIBUTION").read_text(encoding="utf-8")
    card = (out / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "A base to fine-tune other voices from" in card
    assert "| Speaker similarity | speech of ben | 0.500 | cosine | higher |" in card
    assert str(tmp_path) not in (out / "voice.json").read_text(encoding="utf-8")
