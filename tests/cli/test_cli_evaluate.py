"""``clocktrain evaluate`` from the outside: table, JSON, files, and exit codes."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from clock_train.audio.writing import write_wav
from clock_train.cli.main import run
from clock_train.data.manifest import read_corpus
from clock_train.data.packing import pack
from clock_train.data.splits import TEST
from clock_train.evaluation import dnsmos, recogniser, speaker_similarity


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


def test_other_systems_are_shown_in_one_table_and_as_json(
    tone_corpora: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sounds(tmp_path / "ours", tone_corpora[:1])
    for path in sounds(tmp_path / "theirs", tone_corpora[:1]):
        noise = np.random.default_rng(1).normal(0, 0.1, 24_000)
        write_wav(path, noise.astype(np.float32), 16_000)
    words = ["evaluate", "--wavs", str(tmp_path / "ours"), "--corpus", str(tone_corpora[0]), "--progress", "none"]
    words += ["--out", str(tmp_path / "out"), "--against", str(tmp_path / "theirs")]
    assert run(words) == 0
    shown = capsys.readouterr().out
    for expected in ("system", "ours", "theirs", "the recordings", "* best of its column", "leaderboard.html"):
        assert expected in shown
    assert run([*words, "--json"]) == 0
    board = json.loads(capsys.readouterr().out)["leaderboard"]
    assert [each["name"] for each in board["systems"]] == ["ours", "theirs"]
    assert board["best"]["mcd_warped"] == "ours"
    assert run([*words[:-1], str(tmp_path / "nowhere")]) == 2
    assert "there is no folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("package", "judge", "figure"),
    [
        ("resemblyzer", "speaker similarity", "Speaker similarity"),
        ("webrtcvad", "speaker similarity", "Speaker similarity"),
        ("pocketsphinx", "the recogniser", "Word error rate"),
        ("speechmos", "DNSMOS", "DNSMOS, overall"),
        ("onnx", "DNSMOS", "DNSMOS, overall"),
        ("onnxruntime", "DNSMOS", "DNSMOS, overall"),
    ],
)
def test_a_judge_whose_package_is_not_installed_is_named_and_the_others_judge(
    package: str,
    judge: str,
    figure: str,
    tone_corpora: list[Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sounds(tmp_path / "wavs", tone_corpora[:1])
    loads = (speaker_similarity.load, recogniser.load, dnsmos.load)
    for load in loads:
        load.cache_clear()
    # what makes an import fail
    monkeypatch.setitem(sys.modules, package, None)
    try:
        words = ["evaluate", "--wavs", str(tmp_path / "wavs"), "--corpus", str(tone_corpora[0])]
        assert run([*words, "--out", str(tmp_path / "out"), "--progress", "none"]) == 0
    finally:
        for load in loads:
            load.cache_clear()
    shown = " ".join(capsys.readouterr().out.split())
    (missing,) = [part for part in re.split(r"\bMissing: ", shown)[1:] if "JudgeMissing" in part]
    assert missing.startswith(figure)
    assert re.search(rf"JudgeMissing: {judge} needs .*\b{package}\b", missing)
    assert "Run: uv sync --extra judge" in missing
    # no row with a value: it is missing, never scored
    assert f"{figure} speech" not in shown
    assert "Mel distance, warped speech" in shown


def test_nothing_to_judge_and_no_corpus_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate"]) == 2
    assert "name a voice, or sounds with --wavs" in capsys.readouterr().err
    assert run(["evaluate", "--wavs", str(tmp_path), "--progress", "none"]) == 2
    assert "CorpusNotFound: there is no corpus beside" in capsys.readouterr().err
