"""Two runs side by side: what the page holds, and folders that hold no run."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest

from clock_train.audio.writing import write_wav
from clock_train.cli.main import run
from clock_train.errors import ReportDamaged, RunNotFound
from clock_train.evaluation import figures
from clock_train.evaluation.comparison_html import FigurePair
from clock_train.evaluation.figures import EvaluationReport, ItemScores, Row, Subject
from clock_train.orchestration.comparison import compare, read_run


def write_run(
    folder: Path, *, uid: str = "abc", similarity: float = 0.6, rate: float = 0.001, loss: float = 2.0
) -> Path:
    folder.mkdir()
    rows = [
        {"step": step, "terms": {"mel": loss / step}, "validation": {"mel": loss, "text_mel": loss + 1}}
        for step in (10, 20, 30)
    ]
    (folder / f"history-{uid}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    facts = {"uid": uid, "name": folder.name, "training": {"learning_rate": rate, "batch_size": 16}, "model": {"a": 1}}
    (folder / f"run-{uid}.json").write_text(json.dumps(facts))
    row = Row(
        metric="speaker_similarity", subject=Subject.SPEECH, value=similarity, low=similarity - 0.05,
        high=similarity + 0.05, num_items=3, floor=0.5, ceiling=0.9,
    )  # fmt: skip
    item = ItemScores(id="set/one", text="Press one & wait.", style=None, language="en", scores={}, heard={})
    EvaluationReport(rows=(row,), items=(item,), failures=(), seed=0).write(folder / "evaluation.json")
    tone = (0.1 * np.sin(np.arange(8000) / 10)).astype(np.float32)
    (folder / "held-out" / "set_one").mkdir(parents=True)
    for name in ("natural", "generated"):
        write_wav(folder / "held-out" / "set_one" / f"{name}.wav", tone, 16_000)
    return folder


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    return write_run(tmp_path / "first"), write_run(tmp_path / "second", similarity=0.8, rate=0.002, loss=1.0)


def test_figures_settings_curves_and_players_are_side_by_side(pair: tuple[Path, Path], tmp_path: Path) -> None:
    found = compare(*pair, tmp_path / "page.html")
    assert [figure.better for figure in found.figures] == ["B"]
    assert found.settings == {"training.learning_rate": ("0.001", "0.002")}
    assert [chart.title.split(",")[0] for chart in found.charts] == [
        "Training loss: mel",
        "Mel distance on validation clips",
        "Mel distance on validation clips",
    ]
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count("<audio") == 3
    assert "Press one &amp; wait." in page
    assert "0.550 to 0.650" in page
    assert found.figures[0].difference == pytest.approx(0.2)
    assert "+0.200" in page
    assert "cosine, higher is better" in page
    # one file: nothing is fetched, not even from beside it
    assert not [source for source in re.findall(r'(?:src|href)="([^"]*)"', page) if not source.startswith("data:")]
    assert not found.notes


def test_a_run_that_was_not_judged_is_said_and_its_curves_are_shown(pair: tuple[Path, Path], tmp_path: Path) -> None:
    (pair[1] / "evaluation.json").unlink()
    (pair[1] / "run-abc.json").unlink()
    found = compare(*pair, tmp_path / "page.html")
    assert "B was not judged yet: clocktrain evaluate" in found.notes[0]
    assert "B was trained before settings were kept" in found.notes[1]
    assert found.figures[0].second is None
    assert found.figures[0].better == ""
    assert found.figures[0].difference is None
    assert len(found.charts) == 3


def test_an_evaluation_in_a_folder_of_its_own_is_found(pair: tuple[Path, Path]) -> None:
    (pair[0] / "evaluation").mkdir()
    (pair[0] / "evaluation.json").rename(pair[0] / "evaluation" / "evaluation.json")
    (pair[0] / "held-out").rename(pair[0] / "evaluation" / "held-out")
    found = read_run(pair[0])
    assert found.report is not None
    assert list(found.sounds) == ["set_one"]


def test_other_sentences_are_warned_of(pair: tuple[Path, Path], tmp_path: Path) -> None:
    path = pair[1] / "evaluation.json"
    path.write_text(path.read_text(encoding="utf-8").replace("set/one", "set/two"), encoding="utf-8")
    assert "judged on different sentences (0 of 2 are the same)" in compare(*pair, tmp_path / "page.html").notes[0]


def test_the_newest_run_of_a_folder_counts(pair: tuple[Path, Path]) -> None:
    old = pair[0] / "history-old.jsonl"
    old.write_text("{}\n")
    os.utime(old, (1, 1))
    assert read_run(pair[0]).uid == "abc"


def test_a_sound_that_is_gone_is_said_in_its_place(pair: tuple[Path, Path], tmp_path: Path) -> None:
    (pair[1] / "held-out" / "set_one" / "generated.wav").write_bytes(b"broken")
    compare(*pair, tmp_path / "page.html")
    assert "B: no sound" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_a_folder_without_a_run_and_damaged_files_are_refused(pair: tuple[Path, Path], tmp_path: Path) -> None:
    for nothing in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(RunNotFound, match=r"holds no run .*name the output folder of a training"):
            compare(pair[0], nothing, tmp_path / "page.html")
    (pair[1] / "run-abc.json").write_text("[1")
    with pytest.raises(ReportDamaged, match=r"run-abc\.json"):
        read_run(pair[1])
    (pair[1] / "evaluation.json").write_text("{}")
    (pair[1] / "run-abc.json").unlink()
    with pytest.raises(ReportDamaged, match=r'Run "clocktrain evaluate" again'):
        read_run(pair[1])
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize(
    ("metric", "first", "second", "better"),
    [
        (figures.SIMILARITY, 0.6, 0.9, "B"),
        (figures.WORD_ERRORS, 0.6, 0.9, "A"),
        (figures.DURATION, 0.9, 1.4, "A"),
        (figures.SIMILARITY, 0.6, 0.65, ""),
    ],
)
def test_better_is_said_only_beyond_the_intervals(
    metric: figures.Metric, first: float, second: float, better: str
) -> None:
    def row(value: float) -> Row:
        return Row(metric=metric.name, subject=Subject.SPEECH, value=value, low=value - 0.1, high=value + 0.1)

    assert FigurePair(metric=metric, subject="speech", first=row(first), second=row(second)).better == better


def test_the_command_prints_what_differs_and_json(
    pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["compare", *map(str, pair), "--out", str(tmp_path / "page.html")]
    assert run(words) == 0
    shown = capsys.readouterr().out
    assert "Speaker similarity (speech): B" in shown
    assert "Settings that differ: training.learning_rate" in shown
    assert run([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["figures"][0]["b"] == pytest.approx({"value": 0.8, "low": 0.75, "high": 0.85})
    assert found["settings"]["training.learning_rate"] == {"a": "0.001", "b": "0.002"}
    assert run(["compare", str(tmp_path), str(pair[0])]) == 2
    assert "RunNotFound" in capsys.readouterr().err
