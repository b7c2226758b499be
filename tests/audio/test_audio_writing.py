"""Writing is exact to 16 bits and whole or not at all; resampling keeps pitch, length and level."""

from __future__ import annotations

import errno
import os
import resource
import signal

import numpy as np
import pytest
import soundfile

from clock_train.audio.block_writing import write_blocks
from clock_train.audio.reading import read_waveform
from clock_train.audio.resampling import resample, resample_blocks
from clock_train.audio.writing import write_flac, write_wav
from clock_train.errors import AudioSamplesInvalid, AudioUnwritable

RATE_HZ = 16_000
WRITERS = [(write_wav, "clip.wav"), (write_flac, "clip.flac")]


@pytest.mark.parametrize(("write", "name"), WRITERS)
def test_a_16_bit_file_read_and_written_again_is_the_same_sound(write, name, tmp_path):
    waveform = np.arange(-32768, 32768, dtype=np.float32) / 32768
    write(tmp_path / name, waveform, RATE_HZ)
    np.testing.assert_array_equal(read_waveform(tmp_path / name), waveform)
    info = soundfile.info(tmp_path / name)
    assert (info.subtype, info.channels, info.samplerate) == ("PCM_16", 1, RATE_HZ)


@pytest.mark.parametrize(("write", "name"), WRITERS)
def test_beyond_full_scale_is_clipped_and_never_wraps_around(write, name, tmp_path):
    write(tmp_path / name, np.array([1.5, -1.5, 0.0], dtype=np.float32), RATE_HZ)
    np.testing.assert_allclose(read_waveform(tmp_path / name), [32767 / 32768, -1.0, 0.0])


@pytest.mark.parametrize(("write", "name"), WRITERS)
def test_what_is_no_number_is_not_written(write, name, tmp_path):
    with pytest.raises(AudioSamplesInvalid, match="holds NaN or infinity near sample 0"):
        write(tmp_path / name, np.array([0.0, np.nan], dtype=np.float32), RATE_HZ)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("write", "name"), WRITERS)
def test_a_folder_that_does_not_exist_is_named(write, name, tmp_path):
    with pytest.raises(AudioUnwritable, match=r"gone/clip\..* cannot be written: No such file or directory"):
        write(tmp_path / "gone" / name, np.zeros(10, dtype=np.float32), RATE_HZ)


@pytest.mark.parametrize(("write", "name"), WRITERS)
def test_a_full_disk_leaves_the_old_file_and_nothing_else(write, name, tmp_path, monkeypatch):
    write(tmp_path / name, np.zeros(100, dtype=np.float32), RATE_HZ)

    def full(_descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(AudioUnwritable, match="No space left on device") as caught:
        write(tmp_path / name, np.ones(500, dtype=np.float32), RATE_HZ)
    assert isinstance(caught.value.__cause__, OSError) and caught.value.__cause__.errno == errno.ENOSPC
    assert os.listdir(tmp_path) == [name]
    assert len(read_waveform(tmp_path / name)) == 100


@pytest.mark.parametrize(("from_hz", "to_hz"), [(48_000, 16_000), (44_100, 16_000), (8000, 16_000), (16_000, 22_050)])
def test_resampling_keeps_length_pitch_and_level(from_hz, to_hz, tone):
    found = resample(tone(1000.0, 2.0, rate_hz=from_hz), from_hz, to_hz)
    expected = tone(1000.0, 2.0, rate_hz=to_hz)
    assert len(found) == len(expected)
    # The filter rings at the ends; between them it is true to -80 dB of full scale.
    np.testing.assert_allclose(found[500:-500], expected[500:-500], atol=1e-4)


def test_resampling_removes_what_the_lower_rate_cannot_hold(tone):
    found = resample(tone(11_000.0, 2.0, rate_hz=48_000), 48_000, 16_000)
    assert np.abs(found[500:-500]).max() < 1e-4


def test_a_stream_resampled_in_odd_pieces_equals_the_whole(sawtooth):
    waveform = sawtooth(97.0, 3.0)
    pieces = np.split(waveform, [1, 17, 5000, 5001, 30_011])
    streamed = np.concatenate(list(resample_blocks(pieces, 16_000, 22_050)))
    # soxr filters in single precision and in another order.
    np.testing.assert_allclose(streamed, resample(waveform, 16_000, 22_050), atol=1e-5)


def test_the_same_rate_changes_nothing(tone):
    waveform = tone(300.0)
    assert resample(waveform, 16_000, 16_000) is waveform
    assert next(iter(resample_blocks([waveform], 16_000, 16_000))) is waveform


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_blocks_are_the_same_file_as_the_whole(name, tmp_path):
    sound = np.random.default_rng(0).uniform(-1.1, 1.1, 50_000).astype(np.float32)
    write_blocks(tmp_path / name, np.array_split(sound, 7), RATE_HZ)
    (write_flac if name.endswith("flac") else write_wav)(tmp_path / f"whole-{name}", sound, RATE_HZ)
    assert np.array_equal(read_waveform(tmp_path / name), read_waveform(tmp_path / f"whole-{name}"))


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_blocks_that_meet_a_full_disk_leave_nothing(name, tmp_path):
    noise = np.random.default_rng(0).uniform(-1, 1, 200_000).astype(np.float32)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(AudioUnwritable, match="File too large"):
            write_blocks(tmp_path / name, np.array_split(noise, 5), RATE_HZ)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert not list(tmp_path.iterdir())
