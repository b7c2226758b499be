"""Log-mel, MFCC and deltas: the framing that everything else relies on, and the numbers of the reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clock_train.audio.features import features
from clock_train.audio.mel import LOG_FLOOR, MelConfig, framed, log_mel, mel_filterbank
from clock_train.audio.mfcc import mfcc, mfcc_of_mel, with_deltas
from clock_train.errors import ConfigError

RATE_HZ = 16_000


def test_the_filterbank_is_librosas():
    filters = pytest.importorskip("librosa.filters")
    for config in (MelConfig(), MelConfig(sample_rate_hz=24_000, n_mels=100, min_hz=20.0, max_hz=12_000.0)):
        expected = filters.mel(
            sr=config.sample_rate_hz, n_fft=config.n_fft, n_mels=config.n_mels, fmin=config.min_hz, fmax=config.max_hz
        )
        # Single precision.
        np.testing.assert_allclose(mel_filterbank(config), expected, atol=1e-8)


def test_the_spectrogram_is_the_plain_formula(sawtooth):
    waveform = sawtooth(130.0, 0.5)
    filled = np.pad(waveform.astype(np.float64), (0, -len(waveform) % 256))
    padded = np.pad(filled, 384, mode="reflect")
    window = np.hanning(1025)[:-1]
    expected = []
    for start in range(0, len(filled), 256):
        spectrum = np.abs(np.fft.rfft(padded[start : start + 1024] * window))
        expected.append(np.log(np.maximum(mel_filterbank(MelConfig()) @ spectrum, LOG_FLOOR)))
    # Single precision, largest where the logarithm is steep.
    np.testing.assert_allclose(log_mel(waveform), np.stack(expected, axis=1), atol=2e-3)


@settings(max_examples=60, deadline=None)
@given(num_samples=st.integers(0, 5000))
def test_every_feature_has_one_frame_for_each_started_hop(num_samples):
    waveform = np.random.default_rng(num_samples).standard_normal(num_samples).astype(np.float32) * 0.1
    found = features(waveform)
    frames = -(-num_samples // 256)
    assert found.mel.shape == (80, frames) and found.mel.dtype == np.float32
    assert found.mfcc.shape == (40, frames) and found.mfcc.dtype == np.float32
    assert found.f0_hz.shape == (frames,) and found.is_voiced.shape == (frames,)
    assert np.isfinite(found.mel).all() and np.isfinite(found.mfcc).all()


def test_a_tone_lights_the_filter_at_its_frequency(tone):
    centres_hz = MelConfig().sample_rate_hz / 1024 * mel_filterbank(MelConfig()).argmax(axis=1)
    for hz in (300.0, 1000.0, 3000.0, 6000.0):
        brightest = log_mel(tone(hz)).mean(axis=1).argmax()
        # Half a filter, or one bin of 15.6 Hz where the filters are narrower.
        assert abs(centres_hz[brightest] - hz) < max(0.06 * hz, 16)


def test_silence_is_the_floor():
    np.testing.assert_array_equal(log_mel(np.zeros(RATE_HZ, dtype=np.float32)), np.float32(np.log(LOG_FLOOR)))


def test_ten_times_the_amplitude_is_the_logarithm_of_ten_more(sawtooth):
    quiet = sawtooth(130.0, 0.5, amplitude=0.05)
    difference = log_mel(10 * quiet) - log_mel(quiet)
    is_above_floor = log_mel(quiet) > np.log(LOG_FLOOR) + 1e-3
    np.testing.assert_allclose(difference[is_above_floor], np.log(10), atol=1e-2)


def test_frames_sit_where_the_mel_says():
    # One click in the middle of hop 10 is strongest in frame 10.
    waveform = np.zeros(20 * 256, dtype=np.float32)
    waveform[10 * 256 + 128] = 1.0
    assert log_mel(waveform).mean(axis=0).argmax() == 10
    assert framed(waveform, 1024, 256)[10].argmax() == 512


def test_long_recordings_are_computed_in_chunks_without_a_seam(sawtooth):
    waveform = np.tile(sawtooth(125.0, 1.0), 70)
    whole = log_mel(waveform)
    # Frame 4096 is the first of the second chunk; 1.024 s later the periodic sound is the same again.
    part = log_mel(waveform[4000 * 256 : 4200 * 256])
    np.testing.assert_allclose(whole[:, 4010:4190], part[:, 10:190], atol=1e-5)


def test_mfcc_is_the_orthonormal_cosine_transform(sawtooth):
    mel = log_mel(sawtooth(130.0, 0.3))
    n = mel.shape[0]
    basis = np.cos(np.pi / n * (np.arange(n)[None] + 0.5) * np.arange(40)[:, None]) * np.sqrt(2 / n)
    basis[0] /= np.sqrt(2)
    np.testing.assert_allclose(mfcc_of_mel(mel), basis @ mel, atol=1e-3)
    np.testing.assert_array_equal(mfcc(sawtooth(130.0, 0.3)), mfcc_of_mel(mel))


def test_deltas_are_slope_and_slope_of_slope():
    frames = np.arange(50, dtype=np.float32)
    stacked = with_deltas(np.stack([3 * frames, 0.5 * frames**2]))
    assert stacked.shape == (6, 50)
    inner = slice(4, -4)
    np.testing.assert_allclose(stacked[2, inner], 3.0, atol=1e-5)
    np.testing.assert_allclose(stacked[3, inner], frames[inner], rtol=1e-5)
    np.testing.assert_allclose(stacked[4, inner], 0.0, atol=1e-5)
    np.testing.assert_allclose(stacked[5, inner], 1.0, atol=1e-5)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"hop_samples": 0}, "audio.mel.hop_samples is 0; give a positive count"),
        ({"hop_samples": 255}, "must be even"),
        ({"win_samples": 2048}, "above n_fft 1024"),
        ({"max_hz": 9000.0}, "half the sample rate"),
    ],
)
def test_a_framing_that_cannot_work_is_refused(setting, message):
    with pytest.raises(ConfigError, match=message):
        MelConfig(**setting)
