"""The bench table: every row is there, and every figure is a number. No test looks at how large a figure is."""

from __future__ import annotations

import csv
import json
import math
import sys
from pathlib import Path

import pytest

from clock_train.cli.bench import measure_all
from clock_train.cli.machine import available_cores
from clock_train.cli.main import run
from clock_train.cli.measurements import isolation, rows, triton_rows
from clock_train.cli.measurements.door_speaking import FORMATS
from clock_train.cli.measurements.isolation import Measurement, cpu_seconds_of, measure, median, peak_memory_gb
from clock_train.cli.measurements.rows import QUICK, BenchRow, preparation_rows, training_rows
from clock_train.cli.measurements.synthetic import RATE_HZ, clip_seconds, packed_corpus, speechlike
from clock_train.orchestration.progress import ProgressStyle, listening

ALWAYS = [
    "import clock_train", "clocktrain --help", "text front-end: load", "text front-end: Mandarin",
    "text front-end: English", "corpus build", "feature extraction", "teacher real-time factor",
    "student real-time factor", "tracking", "start of a run", "steps/s on 1 Ray worker", "start of a run on Ray",
    "demo: peak memory", "clocktrain plan", "dvc repro, nothing to do", "judge: speaker similarity", "judge: distances",
    "judge: DNSMOS", "judge: recogniser", "judge: aligner", "judges: all but the recognisers",
    "judges: with the recognisers", "bundle: student real-time factor", "bundle: student, int8 decoder",
    "bundle: teacher real-time factor", "bundle: student over teacher", "bundle: int8 over float32",
    "bundle: student parameters", "bundle: first chunk", "bundle: load",
    "bare ONNX sessions", "bare ONNX sessions, marked", "Triton", "Triton, one voice", "Triton over bare sessions",
    "Triton over bare sessions, one voice", "Triton over bare sessions, both marked", "Triton: first chunk, p50",
    f"Triton, one voice in {available_cores()} processes", "bare sessions, marked over unmarked",
    f"Triton over bare sessions, one voice in {available_cores()} processes",
    "Triton: load of a voice", "Triton: memory of 2 voices", "Triton, 1 client at once", "Triton, 4 clients at once",
    "Doors: sentences of 3 s", "Doors over bare sessions", "Doors: first chunk, p50", "Doors: first chunk, p99",
    "Doors: the front's share of CPU time, wav", "Doors: memory of the front", "Doors, 1 client at once",
    "Doors, 4 clients at once", *(f"Doors: CPU time of the front a request, {each}" for each in FORMATS),
]  # fmt: skip
SERVING = [title for title in ALWAYS if title.startswith(("bundle: ", "bare ", "Triton", "Doors"))]
FOR_EACH_MODEL = ["hearing", "reading", "contest", "waiting for data", "writing checkpoints"]
TARGETS = {
    "import clock_train": (None, 0.2), "clocktrain --help": (None, 0.5), "text front-end: load": (None, 1.0),
    "text front-end: Mandarin": (30_000, None), "text front-end: English": (30_000, None), "corpus build": (30, None),
    "feature extraction": (200, None), "teacher real-time factor": (None, 0.08),
    "student real-time factor": (None, 0.015), "demo: peak memory": (None, 6.0),
    "tracking": (None, 2.0), "start of a run": (None, 10.0), "steps/s on 1 Ray worker": (0.97, None),
    "student, waiting for data, cpu": (None, 5.0), "teacher, waiting for data, cpu": (None, 5.0),
    "student, writing checkpoints, cpu": (None, 3.0), "teacher, writing checkpoints, cpu": (None, 3.0),
    "bundle: student real-time factor": (None, 0.005), "bundle: student over teacher": (4.0, None),
    "Triton over bare sessions": (75.0, None), "Triton: first chunk, p50": (None, 30.0),
    "Triton: load of a voice": (None, 1.0), "Triton: memory of 2 voices": (None, 0.24),
    "Doors: sentences of 3 s": (60.0, None), "Doors over bare sessions": (60.0, None),
    "Doors: first chunk, p50": (None, 40.0), "Doors: first chunk, p99": (None, 150.0),
    "Doors: the front's share of CPU time, wav": (None, 20.0), "Doors: memory of the front": (None, 200.0),
    "bundle: student parameters": (None, 5.5), "bundle: first chunk": (None, 30.0), "bundle: load": (None, 1.0),
    "clocktrain plan": (None, 1.0), "dvc repro, nothing to do": (None, 3.0),
    "judges: all but the recognisers": (20.0, None), "judges: with the recognisers": (3.0, None),
}  # fmt: skip


def test_the_rows_of_serving_can_be_measured_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in (rows, triton_rows):
        monkeypatch.setattr(module, "measure", lambda *_, **__: Measurement(failure="not tried"))
    assert run(["bench", "--quick", "--serving", "--json", "--progress", "none"]) == 0
    assert {row["title"] for row in json.loads(capsys.readouterr().out)["rows"]} == set(SERVING)


def test_a_folder_that_cannot_be_made_is_told_before_anything_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert run(["bench", "--quick", "--out", str(tmp_path / "file" / "bench")]) == 2
    assert "ConfigValueInvalid" in capsys.readouterr().err


def test_what_needs_neither_server_nor_ray_is_measured(tmp_path: Path) -> None:
    """The other blocks are of the whole table, in ``make test-long``."""
    asked = {"start-up", "text front-end", "corpus and features", "speaking in ONNX Runtime"}
    with listening(ProgressStyle.NONE) as listener:
        found = measure_all(True, None, listener, out=tmp_path, only=asked)
    assert {row.figure.title for row in found} == {
        title for title in ALWAYS
        if title.startswith(("import ", "clocktrain --help", "text front-end", "corpus build", "feature ", "bundle: "))
    }  # fmt: skip
    for row in found:
        assert row.figure.measured is not None and math.isfinite(row.figure.measured), row
        assert row.figure.measured > 0


@pytest.mark.long
@pytest.mark.ring2
@pytest.mark.timeout(1_800)
def test_the_quick_table_has_every_row_its_target_and_a_finite_figure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "bench"
    assert run(["bench", "--quick", "--json", "--progress", "none", "--out", str(out)]) == 0
    found = json.loads(capsys.readouterr().out)
    table = {row["title"]: row for row in found["rows"]}
    on_cpu = {f"{model}, {what}, cpu" for model in ("student", "teacher") for what in FOR_EACH_MODEL}
    assert set(ALWAYS) | on_cpu <= set(table)
    assert any(title.endswith("cuda") for title in table)
    for title, row in table.items():
        if row["measured"] is None:
            # the aligner finds no words in synthetic sentences
            reasons = {"judge: aligner": "it could judge none of these sounds"}
            assert row["note"] == f"not available: {reasons.get(title, 'no GPU on this machine')}", title
        else:
            assert math.isfinite(row["measured"]) and row["measured"] >= 0, title
            assert all(math.isfinite(value) for value in row["details"].values()), title
    for title, (at_least, at_most) in TARGETS.items():
        assert (table[title]["at_least"], table[title]["at_most"]) == (at_least, at_most), title
        assert table[title]["met"] in (True, False)
    assert {"processor", "Python", "torch", "clocktrain"} <= set(found["machine"])
    assert all(table[title]["measured"] > 0 for title in SERVING)
    assert table["bundle: student parameters"]["met"] and table["bundle: student parameters"]["measured"] > 4.5
    _sweep_is_whole(out)


def _sweep_is_whole(out: Path) -> None:
    swept = list(csv.DictReader((out / "sweep.csv").open(encoding="utf-8")))
    asked = list(csv.DictReader((out / "requests.csv").open(encoding="utf-8")))
    assert [row["clients"] for row in swept] == ["1", "4"] == sorted({row["clients"] for row in asked})
    for row in asked:
        assert not row["error"] and 0 < float(row["first_chunk_s"]) <= float(row["whole_s"])
        assert 2.9 < float(row["audio_s"]) < 5.1 and int(row["chunks"]) > 2
    assert (out / "sweep.png").read_bytes().startswith(b"\x89PNG")


def test_a_measurement_that_fails_keeps_its_row_and_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation.subprocess, "run", _fails)
    build, features = preparation_rows(QUICK, None)
    for row in (build, features):
        assert row.figure.measured is None
        assert row.figure.is_met is False
        assert row.figure.note == "not available: ValueError: no such folder"


def _fails(command: list[str], **_options: object) -> isolation.subprocess.CompletedProcess[str]:
    return isolation.subprocess.CompletedProcess(
        command, 1, stdout="", stderr="Traceback\nValueError: no such folder\n"
    )


def test_without_a_gpu_one_row_a_model_says_so() -> None:
    found: list[BenchRow] = list(training_rows(QUICK, "teacher", "cuda", has_gpu=False))
    assert [row.figure.note for row in found] == ["not available: no GPU on this machine"]
    assert found[0].figure.is_met is None


def test_a_measurement_runs_in_a_process_of_its_own_with_its_own_peak() -> None:
    ballast = bytearray(300_000_000)  # the parent's peak must not become the child's
    found = measure("front_end", {}, timeout_s=60.0, threads=1)
    assert found.failure == ""
    assert found.values["load_seconds"] > 0
    assert found.peak_gb is not None and found.peak_gb < 0.3
    assert len(ballast) == 300_000_000


def test_a_measurement_that_hangs_is_ended() -> None:
    found = measure("front_end", {}, timeout_s=0.01)
    assert found == Measurement(failure="took more than 0 s")


def test_wrong_options_are_told_and_not_raised() -> None:
    found = measure("speaking", {"turns": 1}, timeout_s=60.0)
    assert "unexpected keyword argument 'turns'" in found.failure


def test_peak_memory_is_that_of_this_process() -> None:
    peak = peak_memory_gb()
    assert peak is None or 0.01 < peak < 100


def test_cpu_time_of_a_command_counts_its_work_and_not_its_waiting() -> None:
    idle = cpu_seconds_of([sys.executable, "-c", "import time; time.sleep(0.5)"])
    assert 0 < idle < 0.4  # Python's start is about 0.02 s; sleeping costs nothing


def test_the_median_of_an_even_number_is_the_lower_middle() -> None:
    assert median([4.0, 1.0, 3.0, 2.0]) == 2.0


def test_synthetic_clips_are_as_long_as_the_samples_and_the_same_each_time() -> None:
    lengths = clip_seconds(568, seed=1)
    assert abs(lengths.mean() - 2.7) < 0.3  # the sample: 25.5 minutes in 568 clips
    assert (lengths == clip_seconds(568, seed=1)).all()


def test_synthetic_sound_is_in_range_and_has_pauses() -> None:
    sound = speechlike(2.0, seed=1)
    assert len(sound) == 2 * RATE_HZ
    assert 0.05 < abs(sound).max() < 1.0
    assert (abs(sound) < 0.005).mean() > 0.2


def test_a_synthetic_corpus_has_fewer_phones_than_frames_in_every_clip() -> None:
    packed = packed_corpus(32)
    frames = (packed.sample_offsets[1:] - packed.sample_offsets[:-1]) // 256
    phones = packed.token_offsets[1:] - packed.token_offsets[:-1]
    assert (phones < frames).all()
    assert packed.samples.shape == (packed.sample_offsets[-1],)
