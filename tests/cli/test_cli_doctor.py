"""What the doctor sees, and what it says where something is missing."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest

from clock_train.cli import doctor
from clock_train.cli.doctor import MISSING, OK, OPTIONAL, Row, convolution_gflops, examine
from clock_train.cli.machine import memory_gb
from clock_train.cli.main import run


@pytest.fixture(autouse=True)
def small_measurement(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor, "convolution_gflops", lambda: 20.0)
    monkeypatch.setenv("CLOCKTRAIN_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(doctor, "LEAST_FREE_GB", 0.0)


def row(rows: list[Row], name: str) -> Row:
    return next(each for each in rows if each.name.startswith(name))


def test_every_row_that_is_not_fine_says_how_to_mend_it() -> None:
    for each in examine():
        assert each.state in (OK, MISSING, OPTIONAL)
        assert each.found
        assert bool(each.fix) == (each.state != OK)


def test_json_holds_the_same_rows_and_the_exit_code_is_zero(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {"system", "Python", "memory", "cache folder", "this folder", "sound formats"} <= {r["name"] for r in rows}
    assert all(set(r) == {"name", "state", "found", "fix"} for r in rows)


def test_the_table_lists_the_fixes_below(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(shutil, "which", lambda tool: None)
    assert run(["doctor"]) == 0
    page = capsys.readouterr().out
    assert "espeak-ng: apt install espeak-ng" in page
    assert "clocktrain demo --recordings FOLDER" in page


def test_a_missing_required_part_ends_with_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(doctor.PARTS, "train", ("torch_that_nobody_has",))
    assert run(["doctor", "--json"]) == 2
    train = next(r for r in json.loads(capsys.readouterr().out) if r["name"].startswith("train"))
    assert train["state"] == MISSING
    assert "torch_that_nobody_has" in train["found"]
    assert "install" in train["fix"]


def test_a_missing_judge_is_only_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(doctor.PARTS, "judge", ("judge_that_nobody_has",))
    assert row(examine(), "judge").state == OPTIONAL


def test_too_little_disk_is_missing_and_names_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor, "LEAST_FREE_GB", 1e9)
    found = row(examine(), "this folder")
    assert found.state == MISSING
    assert str(tmp_path) in found.found


def test_a_cache_on_a_read_only_file_system_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    # /proc refuses new files whoever asks, root too
    monkeypatch.setenv("CLOCKTRAIN_CACHE", "/proc/clock-train")
    found = row(examine(), "cache folder")
    assert found.state == MISSING
    assert "not writable" in found.found
    assert "CLOCKTRAIN_CACHE" in found.fix


def test_memory_is_positive_and_free_is_not_more_than_all() -> None:
    total_gb, free_gb = memory_gb()
    assert 0 < free_gb <= total_gb


def test_the_demos_length_follows_from_its_cpu_budget() -> None:
    pytest.importorskip("torch")
    assert doctor.demo_minutes() == pytest.approx(10 + doctor.OTHER_STAGES_S / 60)  # the preset's ten minutes of CPU
    assert row(examine(), "demo").found.startswith("about ")


def test_the_measured_speed_is_a_number() -> None:
    pytest.importorskip("torch")
    assert math.isfinite(convolution_gflops(seconds=0.01))
    assert convolution_gflops(seconds=0.01) > 0
