from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "data"))

from corpus_making import SENTENCES, clips_with_texts

from clock_train.cli.main import run


@pytest.fixture
def recordings(tmp_path) -> Path:
    return clips_with_texts(tmp_path / "in")


def _build(recordings: Path, *options: str) -> int:
    return run(["corpus", "build", str(recordings), "--out", str(recordings.parent / "out"), *options])


def test_build_writes_a_corpus_and_ends_with_2_below_ten_minutes(recordings, capsys):
    assert _build(recordings, "--speaker", "anna") == 2
    shown = capsys.readouterr()
    assert "tier: below basic; 6 clips accepted" in shown.out
    assert "CorpusTooShort" in shown.err
    assert "--allow-short" in shown.err
    assert (recordings.parent / "out/report.html").is_file()


def test_build_ends_with_0_where_short_is_allowed(recordings, capsys):
    assert _build(recordings, "--speaker", "anna", "--allow-short", "--json") == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["tier"], figures["clips_accepted"], figures["language"]) == ("below basic", len(SENTENCES), "en")


def test_build_names_what_is_missing(recordings, capsys):
    assert _build(recordings) == 2
    assert "ConfigError" in (message := capsys.readouterr().err)
    assert "--speaker" in message
    assert run(["corpus", "build", str(recordings / "nowhere"), "--speaker", "a", "--out", str(recordings / "x")]) == 2
    assert "CorpusNotFound" in capsys.readouterr().err


def test_check_counts_again_and_tells_of_consent(recordings, capsys):
    _build(recordings, "--speaker", "anna", "--allow-short")
    capsys.readouterr()
    assert run(["corpus", "check", str(recordings.parent / "out"), "--allow-short", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["clips_accepted"], figures["consent"]) == (len(SENTENCES), "missing")
    (recordings.parent / "out/audio/clip-1.flac").unlink()
    assert run(["corpus", "check", str(recordings.parent / "out")]) == 2
    assert "CorpusDamaged" in capsys.readouterr().err


def test_sample_refuses_an_unknown_language(tmp_path, capsys):
    assert run(["corpus", "sample", "--language", "xx", "--out", str(tmp_path / "s")]) == 2
    assert "SampleUnavailable" in capsys.readouterr().err


def test_help_lists_all_four_without_loading_them(capsys):
    assert run(["corpus", "--help"]) == 0
    shown = capsys.readouterr().out
    for name in ("record", "sample", "build", "check"):
        assert f"  {name} " in shown


def test_record_is_loaded_when_it_is_called(capsys):
    assert run(["corpus", "record", "--help"]) == 0
    assert "--from-wav" in capsys.readouterr().out
