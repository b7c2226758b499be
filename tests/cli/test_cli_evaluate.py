"""``clocktrain evaluate`` from the outside: table, JSON, files, and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clock_train.audio.writing import write_wav
from clock_train.cli.main import run
from clock_train.data.manifest import read_corpus
from clock_train.data.packing import pack
from clock_train.data.splits import TEST


def sounds(folder: Path, corpora: list[Path]) -> list[Path]:
    """The held-out recordings as if a voice had made them."""
    packed, _ = pack([read_corpus(path) for path in corpora])
    folder.mkdir()
    paths = []
    for i in packed.of_split(TEST):
        paths.append(folder / f"{packed.clip_ids[i]}.wav")
        write_wav(paths[-1], packed.waveform(i), packed.sample_rate_hz)
    return paths


def test_the_table_the_json_and_the_exit_code_of_a_lost_sound(
    tone_corpora: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths, out = sounds(tmp_path / "wavs", tone_corpora[:1]), tmp_path / "out"
    words = ["evaluate", "--wavs", str(tmp_path / "wavs"), "--corpus", str(tone_corpora[0]), "--out", str(out)]
    words += ["--progress", "none"]
    assert run(words) == 0
    shown = capsys.readouterr().out
    for expected in ("95 % interval", "floor", "ceiling", "Speaker similarity", "Judges:", "real time on a core"):
        assert expected in shown
    assert "no resynthesis was given" not in shown
    paths[0].unlink()
    assert run([*words, "--json"]) == 2
    shown = capsys.readouterr()
    assert json.loads(shown.out)["judgeSpeeds"]
    assert f"{paths[0].stem}: AudioNotFound" in shown.err
    assert {path.name for path in out.iterdir()} >= {"evaluation.json", "report.html", "held-out"}


def test_nothing_to_judge_and_no_corpus_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate"]) == 2
    assert "name a voice, or sounds with --wavs" in capsys.readouterr().err
    assert run(["evaluate", "--wavs", str(tmp_path), "--progress", "none"]) == 2
    assert "CorpusNotFound: there is no corpus beside" in capsys.readouterr().err
