"""The listing of ``docs/api.md``, run as it stands: a long take, a text beside it, 500 epochs, speech."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from long_take import write_take

from clock_train.models.speech import Voice

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
ARTICLE = (
    'text_corpus="training_texts.txt"', 'output_dir="./models"', "epochs=500", "batch_size=32", "learning_rate=1e-4",
    "checkpoint_freq=10", 'text="欢迎使用钟训练语音复刻系统"', 'output_path="output.wav"',
)  # fmt: skip


def listing() -> str:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    return code


def test_the_page_has_the_arguments_of_the_article() -> None:
    assert [argument for argument in ARTICLE if argument not in listing()] == []


@pytest.mark.ring2
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("epochs", [pytest.param(500, marks=pytest.mark.long), 20])
def test_the_listing_of_the_article_runs_as_printed(
    epochs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_take(tmp_path)
    monkeypatch.chdir(tmp_path)
    printed = listing()
    assert printed.count("epochs=500") == 1

    exec(compile(printed.replace("epochs=500", f"epochs={epochs}"), str(PAGE), "exec"), {})

    sound, rate_hz = soundfile.read("output.wav")
    voice = Voice.load(tmp_path / "models" / "voice")
    assert rate_hz == 16_000 and len(sound) > 8_000 and np.isfinite(sound).all()
    assert voice.card.training["steps"] == epochs
    assert sorted(voice.card.speakers) == ["speaker"]
