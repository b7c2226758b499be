"""Each kind of bad file has its own error, and the message says what to do."""

from __future__ import annotations

import os
import struct

import numpy as np
import pytest
import soundfile

from clock_train.audio.reading import probe, read_blocks, read_waveform
from clock_train.audio.writing import write_wav
from clock_train.errors import (
    AudioEmpty,
    AudioError,
    AudioIsFolder,
    AudioNotAudio,
    AudioNotFound,
    AudioSamplesInvalid,
    AudioTooLong,
    AudioTruncated,
    AudioUnreadable,
    ConfigError,
)

RATE_HZ = 16_000


def cut(path, keep: float):
    """The file without its end."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    return path


def test_a_missing_file_is_named_with_the_folder_it_was_looked_for_in(tmp_path):
    with pytest.raises(AudioNotFound, match=r"AudioNotFound: .*gone\.wav does not exist.*read from") as caught:
        read_waveform(tmp_path / "gone.wav")
    assert os.getcwd() in str(caught.value)


def test_a_folder_is_refused_as_a_folder(tmp_path):
    with pytest.raises(AudioIsFolder, match=r"is a folder\. Name one file"):
        read_waveform(tmp_path)


def test_a_file_without_read_permission_says_so(tmp_path, tone):
    path = tmp_path / "secret.wav"
    write_wav(path, tone(220.0), RATE_HZ)
    path.chmod(0)
    was_root = os.geteuid() == 0
    if was_root:
        # Root reads everything; an ordinary user is needed for this one claim.
        os.seteuid(65534)
    try:
        with pytest.raises(AudioUnreadable, match=r"secret\.wav cannot be read: Permission denied.*read permission"):
            read_waveform(path)
    finally:
        if was_root:
            os.seteuid(0)


def test_a_file_of_no_bytes_is_empty(tmp_path):
    (tmp_path / "empty.wav").write_bytes(b"")
    with pytest.raises(AudioEmpty, match=r"empty\.wav has no bytes\. Record it again"):
        read_waveform(tmp_path / "empty.wav")


@pytest.mark.parametrize("read", [read_waveform, probe, lambda path: list(read_blocks(path))])
@pytest.mark.parametrize("kind", ["wav", "aiff"])
def test_a_file_of_no_samples_is_empty(kind, read, write_sound):
    path = write_sound(kind, np.zeros(0, dtype=np.float32))
    with pytest.raises(AudioEmpty, match=r"holds no samples\. Record it again"):
        read(path)


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "opus", "m4a", "aiff", "mp3"])
def test_a_cut_off_file_is_truncated(kind, write_sound, sawtooth):
    path = cut(write_sound(kind, sawtooth(150.0, 4.0)), 0.6)
    with pytest.raises(AudioTruncated, match=r"before its (own )?header says|is damaged after|is cut off"):
        read_waveform(path)


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "opus", "aiff", "mp3"])
def test_what_is_there_of_a_cut_off_file_can_be_had_on_request(kind, write_sound, sawtooth):
    path = cut(write_sound(kind, sawtooth(150.0, 4.0)), 0.6)
    seconds = len(read_waveform(path, allow_truncated=True)) / RATE_HZ
    # Variable bit rates: 60 % of the bytes are not 60 % of the time.
    assert 1.5 < seconds < 3.5


def test_a_wav_cut_inside_its_header_is_truncated(tmp_path, tone):
    write_wav(tmp_path / "head.wav", tone(220.0), RATE_HZ)
    (tmp_path / "head.wav").write_bytes((tmp_path / "head.wav").read_bytes()[:30])
    with pytest.raises(AudioTruncated, match="header says"):
        read_waveform(tmp_path / "head.wav")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("notes.wav", b"This is a text and no sound.\n" * 40),
        ("notes.g722", "你好，这是一段文字，不是录音。".encode() * 40),
        ("picture.flac", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8),
        ("noise.mp3", np.random.default_rng(3).bytes(20_000)),
        ("archive.ogg", b"PK\x03\x04" + bytes(500)),
        ("list.m4a", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"),
        ("fake.flac", b"fLaC" + bytes(4000)),
        ("fake.wav", b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00" + bytes(16) + b"data" + bytes(4)),
    ],
)
def test_what_is_no_sound_is_refused(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(AudioNotAudio, match=r"(is no sound file that ClockTrain reads|does not decode)"):
        read_waveform(tmp_path / name)


def test_a_video_without_sound_is_refused(tmp_path):
    import av

    with av.open(str(tmp_path / "film.mp4"), "w", format="mp4") as output:
        track = output.add_stream("mpeg4", rate=10)
        track.width = track.height = 32
        frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), dtype=np.uint8), format="rgb24")
        for packet in [*track.encode(frame), *track.encode(None)]:
            output.mux(packet)
    with pytest.raises(AudioNotAudio, match="no sound track"):
        read_waveform(tmp_path / "film.mp4")


def test_ten_hours_are_refused_before_anything_is_decoded(tmp_path):
    num_bytes = 10 * 3600 * RATE_HZ * 2
    header = b"RIFF" + struct.pack("<I", 36 + num_bytes) + b"WAVEfmt " + struct.pack("<I", 16)
    header += struct.pack("<HHIIHH", 1, 1, RATE_HZ, 2 * RATE_HZ, 2, 16) + b"data" + struct.pack("<I", num_bytes)
    path = tmp_path / "endless.wav"
    path.write_bytes(header)
    os.truncate(path, len(header) + num_bytes)
    with pytest.raises(AudioTooLong, match=r"is 10\.0 hours long, more than the 4\.0 hours"):
        read_waveform(path)
    assert probe(path).seconds == 36_000


def test_a_header_that_promises_ten_hours_without_them_is_truncated(tmp_path, tone):
    write_wav(tmp_path / "liar.wav", tone(220.0), RATE_HZ)
    content = bytearray((tmp_path / "liar.wav").read_bytes())
    content[40:44] = struct.pack("<I", 10 * 3600 * RATE_HZ * 2)
    (tmp_path / "liar.wav").write_bytes(content)
    with pytest.raises(AudioTruncated, match="before its own header says"):
        read_waveform(tmp_path / "liar.wav")


def test_a_stream_of_unknown_length_is_stopped_at_the_limit(write_sound, tone):
    with pytest.raises(AudioTooLong, match="read at once"):
        read_waveform(write_sound("g722", tone(220.0, 20.0)), max_seconds=5.0)


def test_a_sample_rate_that_no_recorder_has_is_a_damaged_header(tmp_path, tone):
    write_wav(tmp_path / "odd.wav", tone(220.0), 3)
    with pytest.raises(AudioNotAudio, match="says that it has 3 samples a second; its header is damaged"):
        read_waveform(tmp_path / "odd.wav")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_no_numbers_are_refused_with_their_place(value, tmp_path, tone):
    waveform = tone(220.0, 3.0)
    waveform[20_000] = value
    soundfile.write(tmp_path / "bad.wav", waveform, RATE_HZ, subtype="FLOAT")
    with pytest.raises(AudioSamplesInvalid, match=r"bad\.wav holds NaN or infinity near .* Export it again as 16-bit"):
        read_waveform(tmp_path / "bad.wav")


def test_a_channel_that_is_not_there_is_refused(write_sound, tone):
    with pytest.raises(ConfigError, match=r"channel is 1, but .* has channels 0 to 0"):
        read_waveform(write_sound("wav", tone(220.0)), channel=1)


@pytest.mark.parametrize("kind", ["wav", "flac", "mp3", "m4a", "ogg", "opus", "g722", "webm", "aiff"])
def test_no_damage_does_worse_than_an_audio_error(kind, write_sound, sawtooth):
    path = write_sound(kind, sawtooth(150.0, 0.5))
    whole = path.read_bytes()
    rng = np.random.default_rng(len(whole))
    for number in range(24):
        damaged = bytearray(whole)
        # Headers are hit in every other file; anywhere in the rest.
        reach = min(300, len(damaged)) if number % 2 else len(damaged)
        for place in rng.integers(0, reach, size=1 + number):
            damaged[place] = rng.integers(0, 256)
        path.write_bytes(damaged[: len(damaged) - number * 7])
        for allow_truncated in (False, True):
            try:
                waveform = read_waveform(path, allow_truncated=allow_truncated)
            except AudioError:
                continue
            assert waveform.dtype == np.float32 and np.abs(waveform).max() <= 1.0
