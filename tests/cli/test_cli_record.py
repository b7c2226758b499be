"""A recording session: each line checked at once, kept at once, gone on with at any time."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer
from rich.console import Console
from typer.testing import CliRunner

from clock_train.audio.take_sources import SAMPLE_RATE_HZ, LevelMeter, Take
from clock_train.audio.writing import write_wav
from clock_train.cli.record import Session, record
from clock_train.cli.record_screen import AlwaysEnter, Keyboard, Screen, meter_line
from clock_train.data.layouts import LayoutKind, recognise
from clock_train.data.prompts import Pace, Prompt
from clock_train.data.recorded_lines import RecordedLines
from clock_train.errors import ClockTrainError, RecordingDeviceMissing

TEXTS = ["今天天气很好。", "你去哪儿？", "太好了！"]


def reading(seconds: float = 1.5, *, level: float = 0.1, snr_db: float = 45.0, margin_s: float = 0.5) -> np.ndarray:
    """Syllables of a voice with room at both ends."""
    rng = np.random.default_rng(2)
    t = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    voice = np.sum([np.sin(2 * np.pi * 150 * k * t) / k for k in range(1, 10)], axis=0)
    voice *= 0.6 + 0.4 * np.sin(2 * np.pi * 4 * t)
    voice *= level / np.sqrt(np.mean(voice**2))
    voice = np.pad(voice, round(margin_s * SAMPLE_RATE_HZ))
    return (voice + rng.standard_normal(len(voice)) * level / 10 ** (snr_db / 20)).astype(np.float32)


class Readings:
    """Takes that were read beforehand."""

    def __init__(self, *waveforms: np.ndarray) -> None:
        self.waveforms = list(waveforms)
        self.played: list[np.ndarray] = []

    def record(self, is_over, on_block):
        del is_over
        if not self.waveforms:
            return None
        waveform = self.waveforms.pop(0)
        on_block(waveform)
        return Take(waveform=waveform)

    def play(self, waveform: np.ndarray) -> bool:
        self.played.append(waveform)
        return True


class Pressed:
    """Keys that were decided on beforehand; after them, quit."""

    def __init__(self, keys: str) -> None:
        self.keys = list(keys.replace("E", "\n"))

    def read(self) -> str:
        return self.keys.pop(0) if self.keys else "q"

    def is_pressed(self) -> bool:
        return False


def session_of(folder: Path, keys: str, *waveforms: np.ndarray) -> tuple[Session, io.StringIO]:
    lines = [
        Prompt(name=f"line-{number}", text=text, style="statement", pace=Pace.NORMAL, language="zh")
        for number, text in enumerate(TEXTS, 1)
    ]
    shown = io.StringIO()
    screen = Screen(Console(file=shown, width=100, highlight=False))
    session = Session(lines, RecordedLines(folder), Readings(*waveforms), Pressed(keys), screen)
    session.run()
    return session, shown


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_good_takes_are_kept_as_16_khz_16_bit_mono_with_their_text(tmp_path):
    session_of(tmp_path, "EEE", reading(), reading(), reading())
    assert names(tmp_path) == ["line-1.wav", "line-2.wav", "line-3.wav", "transcripts.tsv"]
    info = soundfile.info(tmp_path / "line-1.wav")
    assert (info.samplerate, info.subtype, info.channels) == (16_000, "PCM_16", 1)
    table = (tmp_path / "transcripts.tsv").read_text("utf-8")
    assert table == "name\ttext\n" + "".join(f"line-{n}\t{text}\n" for n, text in enumerate(TEXTS, 1))


def test_corpus_build_reads_the_folder_as_one_table(tmp_path):
    session_of(tmp_path, "EEE", reading(), reading(), reading())
    layout = recognise(tmp_path)
    assert layout.kind is LayoutKind.TABLE
    assert [recording.text for recording in layout.recordings] == TEXTS
    assert all(not recording.reasons for recording in layout.recordings)


def test_silence_around_a_line_is_cut_down_to_a_moment_of_room(tmp_path):
    session_of(tmp_path, "E", reading(2.0, margin_s=8.0))
    assert soundfile.info(tmp_path / "line-1.wav").duration == pytest.approx(2.0 + 0.2 + 0.8, abs=0.1)


def test_a_bad_take_is_not_kept_and_is_read_again_at_once(tmp_path):
    clipped = np.clip(20 * reading(), -1, 1)
    session, shown = session_of(tmp_path, "EE", clipped, reading())
    assert session.num_recorded == 1
    assert "Clipped: Too loud, the level hit full scale: lower the gain" in shown.getvalue()
    assert np.abs(soundfile.read(tmp_path / "line-1.wav")[0]).max() < 0.9


def test_a_bad_take_can_be_kept_or_its_line_skipped(tmp_path):
    quiet = reading(level=0.002)
    session, shown = session_of(tmp_path, "EkEsE", quiet, quiet, reading())
    assert "TooQuiet" in shown.getvalue()
    assert names(tmp_path) == ["line-1.wav", "line-3.wav", "transcripts.tsv"]
    assert session.num_recorded == 2


def test_a_skipped_line_comes_again_in_the_next_sitting(tmp_path):
    session_of(tmp_path, "sEE", reading(), reading())
    assert names(tmp_path) == ["line-2.wav", "line-3.wav", "transcripts.tsv"]
    _, shown = session_of(tmp_path, "E", reading())
    assert "line 1 of 3" in shown.getvalue() and "line 2 of 3" not in shown.getvalue()
    assert names(tmp_path) == ["line-1.wav", "line-2.wav", "line-3.wav", "transcripts.tsv"]


def test_the_previous_line_can_be_read_again_and_the_session_goes_on_after_it(tmp_path):
    session, _ = session_of(tmp_path, "ErEEE", reading(1.0), reading(2.0), reading(1.2), reading(1.4))
    assert session.num_recorded == 4
    # The reading, 0.2 s of lead and hangover, and what is kept of the room.
    assert soundfile.info(tmp_path / "line-1.wav").duration == pytest.approx(2.0 + 0.2 + 0.8, abs=0.1)
    assert soundfile.info(tmp_path / "line-3.wav").duration == pytest.approx(1.4 + 0.2 + 0.8, abs=0.1)


def test_there_is_no_previous_line_at_the_start(tmp_path):
    _, shown = session_of(tmp_path, "rE", reading())
    assert "No line was recorded in this sitting yet." in shown.getvalue()
    assert names(tmp_path) == ["line-1.wav", "transcripts.tsv"]


def test_the_last_take_can_be_heard(tmp_path):
    session, shown = session_of(tmp_path, "pEpq", reading())
    assert isinstance(session.source, Readings)
    assert len(session.source.played) == 1
    assert "There is nothing to play" in shown.getvalue()


def test_quitting_keeps_what_was_read_and_the_next_sitting_goes_on(tmp_path):
    session_of(tmp_path, "Eq", reading())
    assert names(tmp_path) == ["line-1.wav", "transcripts.tsv"]
    session, _ = session_of(tmp_path, "EE", reading(), reading())
    assert session.num_recorded == 2
    assert len(RecordedLines(tmp_path)) == 3


def test_the_meter_shows_level_room_and_clipping():
    meter = LevelMeter()
    for block in np.split(reading()[: 40 * 800], 40):
        meter.update(block)
    # Syllables of RMS -20 dBFS in a room at -65.
    assert -70 < meter.noise_dbfs < -18
    assert not meter.has_clipped
    line = meter_line(meter, "Enter stops").plain
    assert "2.0 s" in line and "▮" in line and "TOO LOUD" not in line
    meter.update(np.ones(800, dtype=np.float32))
    assert "TOO LOUD" in meter_line(meter, "Enter stops").plain


def test_a_terminal_shows_the_meter_while_a_take_runs():
    shown = io.StringIO()
    screen = Screen(Console(file=shown, force_terminal=True, width=120))
    with screen.metering() as on_block:
        on_block(reading()[:8000])
    assert "room" in shown.getvalue()


def test_keys_are_read_singly_from_a_terminal_which_is_put_back_afterwards():
    import termios

    controller, terminal = pty.openpty()
    try:
        before = termios.tcgetattr(terminal)
        keyboard = Keyboard(terminal)
        with keyboard.single():
            assert not keyboard.is_pressed()
            os.write(controller, b"S\r")
            assert keyboard.read() == "s"
            assert keyboard.is_pressed()
            assert not keyboard.is_pressed()
        assert termios.tcgetattr(terminal) == before
    finally:
        os.close(controller)
        os.close(terminal)


def test_the_end_of_a_pipe_is_quit():
    out, into = os.pipe()
    os.close(into)
    keyboard = Keyboard(out)
    with keyboard.single():
        assert keyboard.read() == "q"
    os.close(out)
    assert AlwaysEnter().read() == "\n" and not AlwaysEnter().is_pressed()


@pytest.fixture
def command():
    app = typer.Typer()
    app.command()(record)
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def own_lines(tmp_path) -> Path:
    path = tmp_path / "lines.txt"
    path.write_text("\n".join(TEXTS), encoding="utf-8")
    return path


@pytest.fixture
def readings_wav(tmp_path) -> Path:
    """Four readings with two seconds between; the second is too loud."""
    pause = np.zeros(SAMPLE_RATE_HZ, dtype=np.float32)
    takes = [reading(), np.clip(20 * reading(), -1, 1), reading(), reading()]
    waveform = np.concatenate([part for take in takes for part in (pause, take, pause)])
    rng = np.random.default_rng(0)
    waveform += (rng.standard_normal(len(waveform)) * 0.0005).astype(np.float32)
    write_wav(tmp_path / "readings.wav", waveform, SAMPLE_RATE_HZ)
    return tmp_path / "readings.wav"


def test_a_sound_file_stands_in_for_the_microphone(command, own_lines, readings_wav, tmp_path):
    result = command(tmp_path / "out", "--prompts", own_lines, "--from-wav", readings_wav, "--json")
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    assert summary["recorded"] == summary["recordedInAll"] == 3
    assert summary["left"] == 0
    assert summary["speechSeconds"] == pytest.approx(3 * 1.6, abs=0.5)
    assert "Clipped" in result.stderr
    assert names(tmp_path / "out") == ["line-0001.wav", "line-0002.wav", "line-0003.wav", "transcripts.tsv"]


def test_the_summary_says_what_is_left_and_what_comes_next(command, readings_wav, tmp_path):
    result = command(tmp_path / "out", "--language", "en", "--from-wav", readings_wav)
    assert result.exit_code == 0, result.output
    said = " ".join(result.stderr.split())
    assert "left to read" in said
    assert "Run the same command again to go on." in said
    assert "clocktrain corpus build" in said


def portaudio_devices() -> list | None:
    try:
        import sounddevice
    except (ImportError, OSError):
        return None
    return list(sounddevice.query_devices())


def test_without_a_microphone_the_message_says_what_to_install_and_the_other_way(command, tmp_path):
    devices = portaudio_devices()
    if devices and any(device["max_input_channels"] for device in devices):
        pytest.skip("this machine has a microphone")
    result = command(tmp_path / "out")
    assert isinstance(result.exception, RecordingDeviceMissing)
    assert "--from-wav FILE" in str(result.exception)
    expected = "apt install libportaudio2" if devices is None else "no microphone was found"
    assert expected in str(result.exception)


def test_an_unknown_language_is_refused(command, tmp_path):
    result = command(tmp_path / "out", "--language", "xx")
    assert isinstance(result.exception, ClockTrainError)
    assert "ConfigError: there are no prompts in" in str(result.exception)


SPEAK_THROUGH_ALSA = """
import sys
from pathlib import Path
from clock_train.audio.microphone import Microphone
from clock_train.audio.writing import write_wav

microphone = Microphone(sys.argv[1])
num_blocks = 0

def count(block):
    global num_blocks
    num_blocks += 1

take = microphone.record(lambda: num_blocks >= 40, count)
write_wav(sys.argv[2], take.waveform, 16_000)
"""


def test_the_microphone_path_records_through_alsas_file_plug_in(tmp_path):
    if portaudio_devices() is None:
        pytest.skip("PortAudio is not installed here")
    spoken = reading(3.0, margin_s=0.0)
    (tmp_path / "voice.raw").write_bytes((spoken * 32767).astype("<i2").tobytes())
    (tmp_path / "asound.conf").write_text(
        f"""
        pcm.voice {{
            type plug
            slave {{
                # Named, or the plug would hand PortAudio's floats through to a file of integers.
                format S16_LE
                rate 16000
                channels 1
                pcm {{
                    type file
                    slave.pcm {{ type null }}
                    file "/dev/null"
                    infile "{tmp_path}/voice.raw"
                    format "raw"
                }}
            }}
            hint {{ show on description "voice" }}
        }}
        """
    )
    config = Path("/usr/share/alsa/alsa.conf")
    if not config.exists():
        pytest.skip("ALSA's configuration is not installed here")
    environment = {
        **os.environ,
        "ALSA_CONFIG_PATH": f"{config}:{tmp_path}/asound.conf",
        "PYTHONPATH": "platform",
    }
    result = subprocess.run(
        [sys.executable, "-c", SPEAK_THROUGH_ALSA, "voice", str(tmp_path / "take.wav")],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    found, rate_hz = soundfile.read(tmp_path / "take.wav")
    # 40 blocks of 50 ms, less the key clicks at both ends.
    assert rate_hz == 16_000 and len(found) / rate_hz == pytest.approx(1.8, abs=0.06)
    assert np.sqrt(np.mean(found**2)) == pytest.approx(0.1, rel=0.2)


def test_no_thread_is_left_behind(command, own_lines, readings_wav, tmp_path):
    before = threading.active_count()
    command(tmp_path / "out", "--prompts", own_lines, "--from-wav", readings_wav)
    assert threading.active_count() == before
