from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from clock_train.audio.writing import write_wav
from clock_train.cli.main import run

RATE_HZ = 16_000
SENTENCES = ("The kettle is on the table.", "Where did you put the map?", "Nobody has seen the little cat.")


@pytest.fixture
def recordings(tmp_path) -> Path:
    """One text per clip; the voice is a buzz that comes and goes like syllables."""
    folder = tmp_path / "in"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number, sentence in enumerate(SENTENCES, 1):
        time_s = np.arange(int((0.6 + 0.065 * len(sentence)) * RATE_HZ)) / RATE_HZ
        buzz = sum(np.sin(2 * np.pi * (170 + 10 * number) * k * time_s) / k for k in range(1, 12))
        is_spoken = (time_s > 0.3) & (time_s < time_s[-1] - 0.3)
        voice = 0.15 * np.asarray(buzz) * np.abs(np.sin(np.pi * 6 * time_s)) * is_spoken
        waveform = (voice + rng.normal(0, 5e-4, len(time_s))).astype(np.float32)
        write_wav(folder / f"clip-{number}.wav", waveform, RATE_HZ)
        (folder / f"clip-{number}.txt").write_text(sentence + "\n", encoding="utf-8")
    return folder


def _build(recordings: Path, *options: str) -> int:
    return run(["corpus", "build", str(recordings), "--out", str(recordings.parent / "out"), *options])


def test_build_writes_a_corpus_and_ends_with_2_below_ten_minutes(recordings, capsys):
    assert _build(recordings, "--speaker", "anna") == 2
    shown = capsys.readouterr()
    assert "tier: below basic; 3 clips accepted" in shown.out
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


def test_check_refuses_a_corpus_that_does_not_say_its_recordings(recordings, capsys):
    _build(recordings, "--speaker", "anna", "--allow-short")
    quality = recordings.parent / "out" / "quality.json"
    values = json.loads(quality.read_text(encoding="utf-8"))
    del values["recordings_sha256"]
    quality.write_text(json.dumps(values), encoding="utf-8")
    capsys.readouterr()
    assert run(["corpus", "check", str(recordings.parent / "out"), "--allow-short"]) == 2
    said = capsys.readouterr()
    assert "clips accepted" in said.out
    assert "ConsentInvalid" in said.err
    assert "does not say from which recordings it was built" in said.err
    assert "Build it again" in said.err


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
