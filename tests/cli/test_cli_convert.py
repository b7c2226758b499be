"""``clocktrain convert``: a file, a stream, and what cannot be converted."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "orchestration"))

from small_voice import random_voice  # pyright: ignore[reportMissingImports]

from clock_train.audio.reading import probe, read_waveform
from clock_train.audio.writing import write_wav
from clock_train.audit.log import read_lines
from clock_train.cli.convert import Streaming, pipe
from clock_train.cli.main import run
from clock_train.issuing.installation import FOLDER_VARIABLE, Installation
from clock_train.models.speech import Voice
from clock_train.models.voice_files import VoiceCard, save_voice
from clock_train.orchestration.bundle_export import export_bundle
from clock_train.watermark.detect import NARROW_SEARCH, detect

RATE = 16_000


@pytest.fixture(autouse=True)
def installation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Installation:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "issuing"))
    return Installation(tmp_path / "issuing")


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    card = VoiceCard(name="anna", languages=["en"], speakers=["anna"])
    save_voice(tmp_path / "voice", card, random_voice(), np.zeros((1, 256), dtype=np.float32))
    return tmp_path / "voice"


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    time_s = np.arange(6 * RATE) / RATE
    buzz = sum(np.sin(2 * np.pi * 140 * k * time_s) / k for k in range(1, 12))
    write_wav(tmp_path / "said.wav", (0.1 * buzz * (1 + np.sin(8 * time_s))).astype(np.float32), RATE)
    return tmp_path / "said.wav"


def is_marked(sound: np.ndarray, installation: Installation) -> bool:
    today = datetime.now(UTC).date()
    return detect(sound, installation.keys(today).detection_keys(today), speeds=NARROW_SEARCH).is_detected


def test_a_recording_is_written_marked_labelled_and_logged(
    voice: Path, recording: Path, installation: Installation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "heard.flac"
    assert run(["convert", str(recording), "--voice", str(voice), "--out", str(out), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["seconds"] == pytest.approx(probe(recording).seconds, abs=0.001) == probe(out).seconds
    assert facts["marked"] is True and facts["voice"] == "anna" and facts["labels"] == ["CLOCKTRAIN_CLAIM"]
    assert is_marked(read_waveform(out), installation)
    issued = [line for _, _, _, line in read_lines(installation.log_folder) if line["kind"] == "issued"]
    assert [line["voice"] for line in issued] == ["anna"]


def test_a_stream_is_converted_as_it_comes_and_marked(
    voice: Path, recording: Path, installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    samples = (read_waveform(recording) * 32767).astype("<i2").tobytes()
    going = io.BytesIO()
    pipe(Voice.load(voice), io.BytesIO(samples + b"\x01"), going, Streaming(None, "anna", 200))
    spoken = np.frombuffer(going.getvalue(), dtype="<i2").astype(np.float32) / 32768
    assert len(spoken) == len(samples) // 2, "an odd last byte is no sample"
    assert is_marked(spoken, installation)
    assert "16000 Hz, 16 bit, one channel; 0.45 s behind" in capsys.readouterr().err


def test_the_command_reads_standard_input_and_writes_standard_output(
    voice: Path, recording: Path, installation: Installation
) -> None:
    samples = (read_waveform(recording)[: 2 * RATE] * 32767).astype("<i2").tobytes()
    words = [str(Path(sys.executable).with_name("clocktrain")), "convert", "-", "--voice", str(voice), "--out", "-"]
    done = subprocess.run(words, input=samples, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert len(done.stdout) == len(samples)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-", "--out", "a.wav"], 'a stream has "-" for both, a file for neither'),
        (["nowhere.wav", "--out", "a.wav"], "nowhere.wav"),
        (["said.wav", "--out", "a.wav", "--speaker", "nobody"], 'the voice "anna" has no speaker "nobody"'),
        (["said.wav", "--out", "a.wav", "--source", "nobody"], 'the voice "anna" has no speaker "nobody"'),
        (["short.wav", "--out", "a.wav"], "has 500 samples; at least 1024 are needed"),
        (["said.wav", "--out", "a.txt"], "a.txt"),
    ],
)
def test_what_cannot_be_converted_ends_with_2_and_a_reason(
    words: list[str], message: str, voice: Path, recording: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    write_wav(tmp_path / "short.wav", np.zeros(500, dtype=np.float32), RATE)
    assert run(["convert", *words, "--voice", str(voice)]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "a.wav").exists()


def test_a_bundle_cannot_hear(voice: Path, recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = export_bundle(voice, tmp_path / "bundle").path
    assert run(["convert", str(recording), "--voice", str(bundle), "--out", str(tmp_path / "a.wav")]) == 2
    assert "is a bundle to speak with: the part that hears recordings is not in it" in capsys.readouterr().err
