"""Added noise has the SNR asked for; changed speed has the length asked for and the pitch it had."""

from __future__ import annotations

import numpy as np
import pytest

from clock_train.audio.augmentation import NoiseColour, add_noise, change_speed
from clock_train.audio.f0 import f0
from clock_train.errors import ConfigError

RATE_HZ = 16_000


@pytest.mark.parametrize("colour", list(NoiseColour))
@pytest.mark.parametrize("snr_db", [15.0, 25.0])
def test_the_noise_stands_at_the_snr_to_active_speech(snr_db, colour, bursts):
    waveform, true = bursts(60.0)
    noise = add_noise(waveform, snr_db, np.random.default_rng(0), colour=colour) - waveform
    speech = np.concatenate([waveform[round(start * RATE_HZ) : round(end * RATE_HZ)] for start, end in true])
    found_db = 10 * np.log10(np.mean(speech**2) / np.mean(noise**2))
    assert found_db == pytest.approx(snr_db, abs=0.5)


def test_pink_noise_falls_by_3_db_an_octave():
    noise = add_noise(np.full(1 << 17, 1e-6, dtype=np.float32), -60.0, np.random.default_rng(0))
    power = np.abs(np.fft.rfft(noise)) ** 2
    bins_hz = np.fft.rfftfreq(len(noise), 1 / RATE_HZ)

    def density_db(from_hz):
        return 10 * np.log10(power[(bins_hz >= from_hz) & (bins_hz < 2 * from_hz)].mean())

    # 900 bins and more in each octave: 0.15 dB of scatter.
    assert density_db(500) - density_db(1000) == pytest.approx(3.0, abs=0.4)
    assert density_db(1000) - density_db(4000) == pytest.approx(6.0, abs=0.4)


def test_the_same_generator_gives_the_same_noise(bursts):
    waveform, _ = bursts(40.0)
    first, second = (add_noise(waveform, 20.0, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_loud_clip_is_turned_down_and_not_clipped(sawtooth):
    noisy = add_noise(sawtooth(120.0, amplitude=1.0), 15.0, np.random.default_rng(0))
    assert np.abs(noisy).max() == pytest.approx(1.0)


def test_nothing_in_gives_nothing_out():
    empty = np.zeros(0, dtype=np.float32)
    assert len(add_noise(empty, 20.0, np.random.default_rng(0))) == 0
    assert len(change_speed(empty, RATE_HZ, 20.0)) == 0


@pytest.mark.parametrize("percent", [-20.0, -10.0, 10.0, 20.0])
@pytest.mark.parametrize("hz", [110.0, 220.0])
def test_speed_changes_the_length_and_keeps_the_pitch(hz, percent, sawtooth):
    waveform = sawtooth(hz, 4.0)
    changed = change_speed(waveform, RATE_HZ, percent)
    assert changed.dtype == np.float32
    assert len(changed) == pytest.approx(len(waveform) / (1 + percent / 100), rel=0.01)
    f0_hz, is_voiced = f0(changed)
    assert is_voiced.mean() > 0.95
    assert np.median(f0_hz[is_voiced]) == pytest.approx(hz, rel=0.02)


def test_no_change_and_too_short_a_clip_are_left_as_they_are(tone):
    waveform = tone(200.0)
    assert change_speed(waveform, RATE_HZ, 0.0) is waveform
    np.testing.assert_array_equal(change_speed(waveform[:800], RATE_HZ, 20.0), waveform[:800])


def test_a_speed_beyond_speech_is_refused(tone):
    with pytest.raises(ConfigError, match=r"speed change is 80\.0 %; give -50 to 50"):
        change_speed(tone(200.0), RATE_HZ, 80.0)
