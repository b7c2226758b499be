"""A mark outlives every format that a sound can leave in while it is spoken, and is found in what a client saved."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from marking import DAY, PAYLOAD, RATE_HZ, marked, speech, tenant

from clock_train.audio.reading import read_waveform
from clock_train.audit.signing import open_signer
from clock_train.cli.main import run
from clock_train.labels.claim import Origin
from clock_train.labels.live import LiveEncoder, LiveFormat, live_labels, rate_of
from clock_train.labels.profile import LabelConfig, Profile
from clock_train.watermark.detect import NARROW_SEARCH, detect
from clock_train.watermark.keys import write_keys

KEYS = tenant()
KEY = KEYS.embedding_key(DAY)
MARKED = marked(speech(8.0), KEY)
ORIGIN = Origin(payload=PAYLOAD.hex, request_id="request", created="2026-06-01T12:00:00+00:00")
FILES = [each for each in LiveFormat if each is not LiveFormat.PCM]


def saved(path: Path, sound: np.ndarray, rate_hz: int | None = None) -> Path:
    """The file of a client that keeps what comes, in blocks of 0.3 s and with the longest labels."""
    format = LiveFormat(path.suffix[1:])
    labels = live_labels(ORIGIN, LabelConfig(profile=Profile.CN), open_signer(path.parent / "signing.key"))
    to_hz = rate_of(format, RATE_HZ, rate_hz)
    encoder = LiveEncoder(format, RATE_HZ, to_hz, labels=labels, num_samples=len(sound))
    with path.open("wb") as file:
        for start in range(0, len(sound), 4800):
            file.write(encoder.push(sound[start : start + 4800]))
        file.write(encoder.finish())
    return path


@pytest.mark.parametrize("rate_hz", [None, 8000, 24_000, 48_000])
@pytest.mark.parametrize("format", FILES)
def test_the_mark_outlives_a_stream_of(format: LiveFormat, rate_hz: int | None, tmp_path: Path) -> None:
    heard = read_waveform(saved(tmp_path / f"a.{format}", MARKED, rate_hz), sample_rate_hz=RATE_HZ)
    found = detect(heard, [KEY], speeds=NARROW_SEARCH)
    assert found.is_detected and found.payload == PAYLOAD


@pytest.mark.parametrize("rate_hz", [22_050, 44_100])
def test_the_mark_outlives_an_mp3_of(rate_hz: int, tmp_path: Path) -> None:
    heard = read_waveform(saved(tmp_path / "a.mp3", MARKED, rate_hz), sample_rate_hz=RATE_HZ)
    assert detect(heard, [KEY], speeds=NARROW_SEARCH).payload == PAYLOAD


def test_the_mark_outlives_a_flac_of_unknown_length(tmp_path: Path) -> None:
    encoder = LiveEncoder(LiveFormat.FLAC, RATE_HZ, RATE_HZ)
    (tmp_path / "a.flac").write_bytes(encoder.push(MARKED) + encoder.finish())
    assert detect(read_waveform(tmp_path / "a.flac"), [KEY], speeds=NARROW_SEARCH).payload == PAYLOAD


@pytest.mark.parametrize("format", FILES)
def test_the_command_finds_mark_and_label_in_what_was_saved(
    format: LiveFormat, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = saved(tmp_path / f"a.{format}", MARKED)
    write_keys(tmp_path / "keys.json", KEYS)
    assert run(["watermark", "detect", str(path), "--key-file", str(tmp_path / "keys.json"), "--json"]) == 0
    assert PAYLOAD.hex in capsys.readouterr().out
    assert run(["watermark", "check-label", str(path)]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["claim"]["payload"], shown["claim"]["sound"]) == (PAYLOAD.hex, "live")


@pytest.mark.ring2
@pytest.mark.parametrize("format", FILES)
def test_the_mark_of_ten_seconds_of_a_recording_outlives(format: LiveFormat, tmp_path: Path) -> None:
    from clock_train.data.sample import cache_folder

    recordings = sorted((cache_folder() / "en").rglob("*.g722"))
    if not recordings:
        pytest.skip("no sample recordings are cached")
    longest = max(recordings, key=lambda path: path.stat().st_size)
    sound = marked(read_waveform(longest, sample_rate_hz=RATE_HZ)[: 10 * RATE_HZ], KEY)
    found = detect(read_waveform(saved(tmp_path / f"a.{format}", sound), sample_rate_hz=RATE_HZ), [KEY])
    assert found.payload == PAYLOAD
