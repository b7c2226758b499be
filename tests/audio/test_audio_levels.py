"""Loudness, peaks, clipping, speech and noise against signals whose level is known."""

from __future__ import annotations

import numpy as np
import pytest

from clock_train.audio.activity import activity, noise_floor_db, signal_to_noise_db, speech_segments
from clock_train.audio.loudness import clipping_percent, loudness_lufs, peak_dbfs

RATE_HZ = 16_000


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000])
def test_a_full_scale_997_hz_sine_reads_minus_3_01_lufs(rate_hz, tone):
    # At 16 kHz the bilinear transform bends the treble shelf: +0.04 LU, measured.
    tolerance = 0.05 if rate_hz == 16_000 else 0.01
    waveform = tone(997.0, 5.0, rate_hz=rate_hz, amplitude=1.0)
    assert loudness_lufs(waveform, rate_hz) == pytest.approx(-3.01, abs=tolerance)


def test_pauses_do_not_lower_loudness(tone):
    speaking = tone(997.0, 10.0, amplitude=0.1)
    with_pause = np.concatenate([speaking, np.zeros(20 * RATE_HZ, dtype=np.float32)])
    # The last blocks straddle the edge: 0.3 s of 10.
    assert loudness_lufs(with_pause, RATE_HZ) == pytest.approx(loudness_lufs(speaking, RATE_HZ), abs=0.15)


def test_long_recordings_are_filtered_without_a_seam(tone):
    # 70 s are three chunks of the filter; its state is carried over.
    assert loudness_lufs(tone(997.0, 70.0, amplitude=0.1), RATE_HZ) == pytest.approx(-23.01 + 0.04, abs=0.01)


def test_low_rumble_counts_less_than_voice(tone):
    assert loudness_lufs(tone(30.0, 3.0), RATE_HZ) < loudness_lufs(tone(997.0, 3.0), RATE_HZ) - 6


def test_silence_and_nothing_have_no_loudness():
    assert loudness_lufs(np.zeros(RATE_HZ, dtype=np.float32), RATE_HZ) == -np.inf
    assert loudness_lufs(np.zeros(0, dtype=np.float32), RATE_HZ) == -np.inf
    assert peak_dbfs(np.zeros(10, dtype=np.float32)) == -np.inf
    assert peak_dbfs(np.zeros(0, dtype=np.float32)) == -np.inf


def test_a_clip_shorter_than_one_block_still_has_a_loudness(tone):
    assert loudness_lufs(tone(997.0, 0.2, amplitude=1.0), RATE_HZ) == pytest.approx(-3.0, abs=0.5)


def test_peak_is_the_largest_sample_of_either_sign():
    assert peak_dbfs(np.array([0.1, -0.5], dtype=np.float32)) == pytest.approx(-6.02, abs=0.01)


def test_a_clean_voice_is_not_clipped(sawtooth, tone, vowel):
    for waveform in (
        sawtooth(120.0, amplitude=0.99),
        tone(60.0, amplitude=0.9),
        tone(100.0, amplitude=0.21),
        vowel((730.0, 1090.0, 2440.0, 3400.0, 4500.0)),
    ):
        rounded = np.rint(waveform * 32768) / 32768
        assert clipping_percent(rounded.astype(np.float32)) == 0.0


@pytest.mark.parametrize("gain", [1.0, 0.5])
def test_clipping_is_counted_also_when_turned_down_afterwards(gain, tone):
    clipped = (gain * np.clip(tone(200.0, amplitude=2.0), -1, 1)).astype(np.float32)
    # A sine of amplitude 2 is beyond 1 for two thirds of its time.
    assert clipping_percent(clipped) == pytest.approx(66.7, abs=2.0)


def test_clipping_across_a_chunk_border_is_counted():
    waveform = np.zeros((1 << 20) + 100, dtype=np.float32)
    waveform[(1 << 20) - 5 : (1 << 20) + 5] = 1.0
    assert clipping_percent(waveform) == pytest.approx(100 * 10 / len(waveform))
    assert clipping_percent(waveform[:0]) == 0.0


@pytest.mark.parametrize("snr_db", [5.0, 10.0, 15.0, 25.0, 45.0])
@pytest.mark.parametrize("level", [0.1, 0.01])
def test_snr_and_noise_floor_are_within_2_db(snr_db, level, bursts):
    waveform, _ = bursts(snr_db, level=level)
    noise_db = 20 * np.log10(level) - snr_db
    if noise_db < -80:
        pytest.skip("below the noise of 16 bits")
    assert signal_to_noise_db(waveform, RATE_HZ) == pytest.approx(snr_db, abs=2.0)
    assert noise_floor_db(waveform, RATE_HZ) == pytest.approx(noise_db, abs=2.0)


# At 10 dB a burst that begins in the trough of a syllable, 14 dB below its crest, begins under the noise.
@pytest.mark.parametrize(("snr_db", "late_s"), [(10.0, 0.1), (20.0, 0.02), (40.0, 0.02)])
def test_each_burst_is_one_segment_with_room_at_both_ends(snr_db, late_s, bursts):
    waveform, true = bursts(snr_db)
    found = speech_segments(waveform, RATE_HZ)
    assert len(found) == len(true)
    for (start, end), (true_start, true_end) in zip(found, true, strict=True):
        assert true_start - 0.1 <= start <= true_start + late_s
        assert true_end - late_s <= end <= true_end + 0.25
        assert isinstance(start, float)


def test_a_fan_that_starts_in_the_middle_is_not_speech(bursts):
    waveform, true = bursts(35.0, seconds=24.0)
    rng = np.random.default_rng(5)
    half = len(waveform) // 2
    waveform[half:] += (rng.standard_normal(len(waveform) - half) * 0.02).astype(np.float32)
    found = speech_segments(waveform, RATE_HZ)
    in_speech = sum(end - start for start, end in found)
    # Lead and hangover add 0.2 s to each burst of 1.3 s; the rise of the fan itself may cost one second.
    assert in_speech < sum(end - start for start, end in true) + 0.25 * len(true) + 1.0


def test_steady_noise_and_silence_hold_no_speech():
    rng = np.random.default_rng(0)
    for waveform in (rng.standard_normal(5 * RATE_HZ) * 0.05, np.zeros(5 * RATE_HZ), np.full(5 * RATE_HZ, 0.2)):
        found = activity(waveform.astype(np.float32), RATE_HZ)
        assert found.segments == ()
        assert found.snr_db == 0.0
        assert found.silence_percent == 100.0


def test_digital_silence_between_words_counts_as_minus_90_dbfs(bursts):
    waveform, true = bursts(60.0)
    gated = np.zeros_like(waveform)
    for start, end in true:
        gated[round(start * RATE_HZ) : round(end * RATE_HZ)] = waveform[round(start * RATE_HZ) : round(end * RATE_HZ)]
    found = activity(gated, RATE_HZ)
    assert found.noise_floor_db == -90.0
    assert found.snr_db == pytest.approx(70.0, abs=2.0)


def test_a_constant_offset_is_not_noise(bursts):
    waveform, _ = bursts(30.0)
    assert signal_to_noise_db(waveform + np.float32(0.05), RATE_HZ) == pytest.approx(30.0, abs=2.0)


def test_no_sound_at_all_is_silence():
    assert activity(np.zeros(0, dtype=np.float32), RATE_HZ).silence_percent == 100.0
    assert speech_segments(np.zeros(3, dtype=np.float32), RATE_HZ) == []
