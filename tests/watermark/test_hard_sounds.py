"""Sounds that are no plain speech: pauses, silence, music, ten hours, and files that are broken."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile
from marking import DAY, PAYLOAD, RATE_HZ, marked, speech, tenant

from clock_train.cli.measurements import sound_attacks as attacks
from clock_train.errors import AudioError
from clock_train.watermark.detect import NARROW_SEARCH, detect
from clock_train.watermark.embed import embed
from clock_train.watermark.files import detect_file
from clock_train.watermark.keys import read_keys, write_keys

KEYS = tenant()
KEY = KEYS.embedding_key(DAY)


def music(seconds: float = 8.0, *, seed: int = 0) -> np.ndarray:
    """Chords of decaying partials over a bass, and a drum on every beat; (T,) float32."""
    rng = np.random.default_rng(seed)
    sound = np.zeros(round(seconds * RATE_HZ))
    beat = RATE_HZ // 2
    t = np.arange(beat) / RATE_HZ
    for start in range(0, len(sound) - beat, beat):
        root = 110.0 * 2 ** (rng.integers(0, 12) / 12)
        for step in (1.0, 1.26, 1.5, 0.5):
            for partial in range(1, 9):
                sound[start : start + beat] += np.exp(-3 * t) * np.sin(2 * np.pi * root * step * partial * t) / partial
        sound[start : start + beat] += np.exp(-40 * t) * rng.standard_normal(beat)
    return (0.4 * sound / np.abs(sound).max()).astype(np.float32)


def test_pauses_carry_nothing() -> None:
    sound = speech(8.0)
    pauses = [slice(round(at * RATE_HZ), round((at + 1.0) * RATE_HZ)) for at in (2.0, 5.0)]
    for pause in pauses:
        sound[pause] = 0.0
    added = marked(sound, KEY) - sound
    assert np.abs(added).max() > 1e-3
    edge = 256  # a window of 16 ms may reach in
    assert all(not added[pause.start + edge : pause.stop - edge].any() for pause in pauses)


def test_room_noise_under_the_gate_is_left_alone() -> None:
    hiss = (3e-5 * np.random.default_rng(0).standard_normal(4 * RATE_HZ)).astype(np.float32)  # -90 dB of full scale
    sound, report = embed(hiss, RATE_HZ, KEY, PAYLOAD, request_id="hiss")
    assert np.array_equal(sound, hiss)
    assert report.sounding_seconds == 0.0 and not report.fits


@pytest.mark.parametrize("silence", [0.0, 3e-5], ids=["digital", "hiss"])
def test_a_file_that_is_nine_tenths_silent_says_so(silence: float) -> None:
    sound = (silence * np.random.default_rng(0).standard_normal(10 * RATE_HZ)).astype(np.float32)
    sound[4 * RATE_HZ : 5 * RATE_HZ] += speech(1.0)
    _, report = embed(sound, RATE_HZ, KEY, PAYLOAD, request_id="r")
    assert report.sounding_seconds < 1.2 and report.warning
    found = detect(sound, [KEY], speeds=NARROW_SEARCH)
    assert not found.is_detected and not found.has_enough_sound  # finding nothing means little
    assert 0.5 < found.sounding_seconds < 1.2
    # what is found in it all the same is right or absent
    rest = detect(marked(sound, KEY), [KEY], speeds=NARROW_SEARCH)
    assert rest.payload in (PAYLOAD, None) and not rest.has_enough_sound


def test_speech_is_enough_sound_whatever_was_done_to_it() -> None:
    sounds = [speech(8.0, seed=n) for n in range(3)]
    each = [detect(sound, [KEY], speeds=NARROW_SEARCH, with_windows=False).sounding_seconds for sound in sounds]
    found = detect(np.concatenate(sounds), [KEY], speeds=NARROW_SEARCH, with_windows=False)
    assert found.sounding_seconds == pytest.approx(sum(each), abs=0.5)  # in two parts, of which none counts twice
    assert all(seconds > 4.0 for seconds in each) and found.has_enough_sound
    quiet = attacks.gain(-12)(speech(8.0), np.random.default_rng(0))
    assert detect(quiet, [KEY], speeds=NARROW_SEARCH, with_windows=False).has_enough_sound


def test_music_is_marked_and_found_and_unmarked_music_is_not() -> None:
    sound = music()
    assert detect(marked(sound, KEY), [KEY], speeds=NARROW_SEARCH).payload == PAYLOAD
    assert not detect(sound, [KEY]).is_detected


def test_speech_under_music_is_still_found() -> None:
    both = marked(speech(8.0), KEY) + 0.05 * music(seed=1)
    assert detect(both, [KEY], speeds=NARROW_SEARCH).is_detected


def test_bytes_that_were_changed_in_a_file_never_make_a_mark(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    rng = np.random.default_rng(0)
    for number in range(12):
        soundfile.write(path, speech(3.0, seed=number), RATE_HZ)
        content = bytearray(path.read_bytes())
        for place in rng.integers(0, len(content), 20):
            content[place] ^= int(rng.integers(1, 256))
        path.write_bytes(bytes(content))
        try:
            found = detect_file(path, [KEY], speeds=NARROW_SEARCH, with_windows=False)
        except AudioError as error:
            assert str(path) in str(error)
        else:
            assert not found.is_detected


WATCHED = """
import sys
from clock_train.watermark.detect import NARROW_SEARCH
from clock_train.watermark.files import detect_file
from clock_train.watermark.keys import read_keys
from datetime import date
from clock_train.cli.measurements.isolation import peak_memory_gb
keys = read_keys(sys.argv[2]).detection_keys(date(2026, 6, 1))[:1]
found = detect_file(sys.argv[1], keys, speeds=NARROW_SEARCH, with_windows=False)
print(found.is_detected, found.payload.hex if found.payload else "", round(found.segments[0].start_s), found.seconds,
      round(1000 * peak_memory_gb()))
"""


MARKED_IN_LITTLE = """
import sys
from clock_train.cli.main import run
from clock_train.cli.measurements.isolation import peak_memory_gb
code = run(sys.argv[1:])
print(round(1000 * peak_memory_gb()))
sys.exit(code)
"""


@pytest.mark.ring2
@pytest.mark.timeout(300)
@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_an_hour_is_marked_in_little_memory(suffix: str, tmp_path: Path) -> None:
    minutes, sound = 60, (speech(60.0) * 32767).astype(np.int16)
    with soundfile.SoundFile(tmp_path / "long.flac", "w", RATE_HZ, 1, "PCM_16") as file:
        for minute in range(minutes):
            file.write(sound if minute == minutes - 1 else 0 * sound)
    write_keys(tmp_path / "keys.json", tenant(first_day=date(2026, 1, 1)))
    words = ["watermark", "embed", str(tmp_path / "long.flac"), str(tmp_path / f"out.{suffix}")]
    words += ["--key-file", str(tmp_path / "keys.json"), "--payload", PAYLOAD.hex]
    done = subprocess.run(
        [sys.executable, "-c", MARKED_IN_LITTLE, *words], capture_output=True, text=True, check=True, timeout=240
    )
    assert int(done.stdout.splitlines()[-1]) < 300  # megabytes; all of it as float32 would be 230, three times over
    out = soundfile.SoundFile(tmp_path / f"out.{suffix}")
    assert out.frames == minutes * 60 * RATE_HZ
    out.seek(out.frames - 30 * RATE_HZ)
    keys = read_keys(tmp_path / "keys.json").detection_keys(datetime.now(UTC).date())
    assert detect(out.read(dtype="float32"), keys[-2:], speeds=NARROW_SEARCH, with_windows=False).payload == PAYLOAD


@pytest.mark.ring2
@pytest.mark.timeout(300)
def test_the_mark_in_the_last_minute_of_ten_hours_is_found_in_little_memory(tmp_path: Path) -> None:
    path, hours = tmp_path / "long.flac", 10
    silence = np.zeros(60 * RATE_HZ, dtype=np.int16)
    with soundfile.SoundFile(path, "w", RATE_HZ, 1, "PCM_16") as file:
        for _ in range(hours * 60 - 1):
            file.write(silence)
        file.write(np.concatenate([silence[: 30 * RATE_HZ], marked(speech(30.0), KEY) * 32767]).astype(np.int16))
    write_keys(tmp_path / "keys.json", KEYS)
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, str(path), str(tmp_path / "keys.json")],
        capture_output=True, text=True, check=True, timeout=240,
    )  # fmt: skip
    is_detected, payload, start_s, seconds, megabytes = done.stdout.split()
    assert (is_detected, payload, float(seconds)) == ("True", PAYLOAD.hex, hours * 3600.0)
    assert int(start_s) == pytest.approx(hours * 3600 - 30, abs=2)
    assert int(megabytes) < 500  # all of it as float32 would be 2,300
