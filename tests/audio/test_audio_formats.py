"""Every kind of file is read as the same sound; the bytes decide what it is."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from clock_train.audio.reading import channel_difference_db, probe, read_blocks, read_waveform
from clock_train.audio.writing import write_wav

RATE_HZ = 16_000
KINDS = ["wav", "flac", "mp3", "m4a", "ogg", "opus", "g722", "webm", "aiff"]
LOSSLESS = {"wav", "flac", "aiff"}


def best_match(reference: np.ndarray, found: np.ndarray) -> float:
    """The largest normalised correlation over shifts: codecs may delay by their own filter."""
    length = min(len(reference), len(found))
    spectrum = np.fft.rfft(reference[:length], 2 * length) * np.conj(np.fft.rfft(found[:length], 2 * length))
    norm = np.linalg.norm(reference[:length]) * np.linalg.norm(found[:length])
    return float(np.fft.irfft(spectrum).max() / norm)


@pytest.mark.parametrize("kind", KINDS)
def test_the_sound_survives_each_kind_of_file(kind, write_sound, sawtooth):
    waveform = sawtooth(150.0, 3.0)
    found = read_waveform(write_sound(kind, waveform))
    assert found.dtype == np.float32
    if kind in LOSSLESS:
        # Half a 16-bit step, and one where the encoder rounds towards zero.
        assert np.abs(found - waveform).max() <= 1.0 / 32768
    else:
        # One block of AAC (1024 samples) may be left as padding; lossy codecs keep a voice's waveform to about 1 %.
        assert abs(len(found) - len(waveform)) <= 1024
        assert best_match(waveform, found) > 0.98


@pytest.mark.parametrize("kind", KINDS)
def test_probe_tells_length_and_codec_without_decoding(kind, write_sound, sawtooth):
    info = probe(write_sound(kind, sawtooth(150.0, 3.0)))
    assert info.seconds == pytest.approx(3.0, abs=0.08)
    assert info.channels == 1
    # Opus in Matroska always says 48 kHz, the rate of its decoder.
    assert info.sample_rate_hz == (48_000 if kind == "webm" else RATE_HZ)
    assert info.bits_per_sample == (16 if kind in LOSSLESS else None)
    assert info.notes == ()
    expected = {"m4a": "aac", "ogg": "vorbis", "wav": "pcm_16", "aiff": "pcm_16", "webm": "opus"}.get(kind, kind)
    assert info.codec == expected


@pytest.mark.parametrize("kind", ["flac", "mp3", "m4a", "opus"])
def test_a_wrong_extension_is_read_and_noted(kind, write_sound, tone):
    path = write_sound(kind, tone(220.0), name="renamed.wav")
    assert len(read_waveform(path)) == pytest.approx(2 * RATE_HZ, abs=1024)
    assert probe(path).notes == (f"renamed.wav is named .wav but is {probe(path).container}",)


def test_a_wav_named_g722_is_read_as_the_wav_it_is(write_sound, tone):
    waveform = tone(220.0)
    path = write_sound("wav", waveform, name="clip.g722")
    np.testing.assert_allclose(read_waveform(path), waveform, atol=1.0 / 32768)


def test_silence_in_g722_is_sound_and_not_text(write_sound):
    assert np.abs(read_waveform(write_sound("g722", np.zeros(RATE_HZ, dtype=np.float32)))).max() < 0.01


def test_8_bit_files_are_read_and_called_8_bit(tmp_path, tone):
    soundfile.write(tmp_path / "old.wav", tone(220.0), RATE_HZ, subtype="PCM_U8")
    assert probe(tmp_path / "old.wav").bits_per_sample == 8
    # One 8-bit step.
    np.testing.assert_allclose(read_waveform(tmp_path / "old.wav"), tone(220.0), atol=1.0 / 128)


def test_8_khz_files_are_read_at_16_khz_and_called_8_khz(tmp_path, tone):
    write_wav(tmp_path / "phone.wav", tone(220.0, rate_hz=8000), 8000)
    assert probe(tmp_path / "phone.wav").sample_rate_hz == 8000
    found = read_waveform(tmp_path / "phone.wav")
    # Away from the ends, where the filter rings; -80 dB of the tone is the resampler's own error.
    np.testing.assert_allclose(found[400:-400], tone(220.0)[400:-400], atol=1e-4)


@pytest.mark.parametrize("kind", ["wav", "m4a"])
@pytest.mark.parametrize("rate_hz", [16_000, 22_050])
def test_blocks_are_the_whole_waveform_without_seams(kind, rate_hz, write_sound, sawtooth):
    path = write_sound(kind, sawtooth(110.0, 9.0))
    blocks = list(read_blocks(path, sample_rate_hz=rate_hz, block_seconds=0.7))
    assert {len(block) for block in blocks[:-1]} == {round(0.7 * rate_hz)}
    np.testing.assert_array_equal(np.concatenate(blocks), read_waveform(path, sample_rate_hz=rate_hz))


def test_two_channels_become_their_mean_or_the_one_asked_for(tmp_path, tone):
    left, right = tone(200.0), tone(300.0)
    soundfile.write(tmp_path / "two.wav", np.stack([left, right], axis=1), RATE_HZ)
    atol = 1.0 / 32768
    np.testing.assert_allclose(read_waveform(tmp_path / "two.wav"), (left + right) / 2, atol=atol)
    np.testing.assert_allclose(read_waveform(tmp_path / "two.wav", channel=1), right, atol=atol)


def test_channel_difference_tells_same_from_different_from_opposite(tmp_path, tone):
    left, right = tone(200.0), tone(300.0)
    for name, other in (("same", left), ("different", right), ("silent", 0 * left), ("opposite", -left)):
        soundfile.write(tmp_path / f"{name}.wav", np.stack([left, other], axis=1), RATE_HZ)
    assert channel_difference_db(tmp_path / "same.wav") == -np.inf
    assert channel_difference_db(tmp_path / "different.wav") == pytest.approx(0.0, abs=0.1)
    assert channel_difference_db(tmp_path / "silent.wav") == pytest.approx(0.0, abs=0.1)
    assert channel_difference_db(tmp_path / "opposite.wav") > 60


def test_float_files_beyond_full_scale_are_brought_into_range(tmp_path, tone):
    soundfile.write(tmp_path / "hot.wav", 5 * tone(220.0), RATE_HZ, subtype="FLOAT")
    assert np.abs(read_waveform(tmp_path / "hot.wav")).max() == 1.0


def test_a_wav_written_into_a_pipe_is_read_to_its_end(tmp_path, tone):
    write_wav(tmp_path / "piped.wav", tone(220.0), RATE_HZ)
    content = bytearray((tmp_path / "piped.wav").read_bytes())
    content[4:8] = content[40:44] = b"\xff\xff\xff\xff"
    (tmp_path / "piped.wav").write_bytes(content)
    assert len(read_waveform(tmp_path / "piped.wav")) == 2 * RATE_HZ
