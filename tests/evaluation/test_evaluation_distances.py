"""Distances: zero for the same sound, in the right unit, and larger for what is further away."""

from __future__ import annotations

import time

import numpy as np
import pytest
from evaluation_signals import noise, stretched, voice

from clock_train.errors import ConfigError, WaveformUnjudgeable
from clock_train.evaluation.f0_error import f0_error
from clock_train.evaluation.judged_waveform import judged_waveform
from clock_train.evaluation.mel_cepstral_distortion import mel_cepstra, mel_cepstral_distortion
from clock_train.evaluation.mel_distance import mel_distance, mismatch_ratio
from clock_train.evaluation.real_time_factor import real_time_factor


def test_the_same_sound_has_no_distance() -> None:
    sound = voice()
    assert mel_distance(sound, sound) == 0.0
    assert mel_cepstral_distortion(sound, sound).warped_db == 0.0
    melody = f0_error(sound, sound)
    assert (melody.log_rmse, melody.voicing_error) == (0.0, 0.0)


def test_distances_grow_with_noise() -> None:
    sound = voice()
    distances = [mel_distance(sound, sound + noise(level=level)) for level in (0.001, 0.01, 0.1)]
    distortions = [mel_cepstral_distortion(sound, sound + noise(level=level)).warped_db for level in (0.001, 0.01, 0.1)]
    assert distances == sorted(distances)
    assert distortions == sorted(distortions)


def test_loudness_is_no_distortion_but_is_a_mel_distance() -> None:
    sound = voice() + noise(level=0.01)
    assert mel_cepstral_distortion(sound, 0.5 * sound).warped_db < 0.05
    # halving is ln 2 in every band above the floor of the logarithm
    assert mel_distance(sound, 0.5 * sound) == pytest.approx(np.log(2), abs=0.15)


def test_distortion_is_in_decibel_of_the_smoothed_spectrum() -> None:
    cepstra = mel_cepstra(noise(level=0.05))
    tilt = np.zeros((24, 1))
    tilt[0] = 1.0
    # c1 alone, of 1 dB: a half cosine over the bands whose RMS is 1 dB
    band_db = np.sqrt(2.0) * np.cos(np.pi * (np.arange(80) + 0.5) / 80)
    assert np.sqrt(np.mean(band_db**2)) == pytest.approx(1.0)
    assert np.linalg.norm((cepstra + tilt) - cepstra, axis=0) == pytest.approx(1.0)


def test_warping_forgives_tempo_and_plain_distortion_does_not() -> None:
    sound = voice("0142", seconds=1.6)
    slower = voice("0142", seconds=2.4)
    distortion = mel_cepstral_distortion(sound, slower)
    assert distortion.warped_db < 0.5 * distortion.plain_db


def test_the_right_sentence_is_nearer_than_wrong_ones() -> None:
    said = voice("01203", f0_hz=125, seconds=1.9)
    wrong = [voice("44121"), voice("33410"), voice("21434")]
    assert mismatch_ratio(said, voice("01203"), wrong) < 0.6
    assert mismatch_ratio(said, voice("44121"), wrong) > 0.9


def test_a_semitone_is_a_semitone() -> None:
    melody = f0_error(voice(f0_hz=120), voice(f0_hz=120 * 2 ** (1 / 12)))
    assert melody.log_rmse == pytest.approx(np.log(2) / 12, abs=0.01)
    assert melody.voicing_error < 0.1


def test_noise_has_no_melody_to_compare() -> None:
    melody = f0_error(voice(), noise())
    assert melody.voicing_error > 0.5


def test_a_lower_voice_is_heard_as_lower() -> None:
    melody = f0_error(voice(f0_hz=200), stretched(voice(f0_hz=200), 1.25))
    assert melody.log_rmse == pytest.approx(np.log(1.25), abs=0.03)


@pytest.mark.parametrize(
    ("waveform", "message"),
    [
        (np.zeros(0), "of 0 samples is shorter than 800"),
        (np.zeros(16_000), "is silent"),
        (np.full(16_000, np.nan), "no numbers. The model that made it diverged"),
        (np.ones((2, 16_000)), r"shape \(2, 16000\) is not mono"),
    ],
)
def test_what_cannot_be_judged_is_refused(waveform: np.ndarray, message: str) -> None:
    for judge in (mel_distance, mel_cepstral_distortion, f0_error):
        with pytest.raises(WaveformUnjudgeable, match=message):
            judge(voice(), waveform)


def test_samples_beyond_full_scale_are_clipped() -> None:
    loud = 4 * voice()
    assert np.abs(judged_waveform(loud)).max() == 1.0


def test_the_real_time_factor_counts_processor_time_of_the_audio_made() -> None:
    calls = []

    def make() -> np.ndarray:
        calls.append(1)
        end = time.process_time() + 0.02
        while time.process_time() < end:
            pass
        return np.zeros(16_000, dtype=np.float32)

    measured = real_time_factor([make, make], rounds=3)
    assert len(calls) == 2 * (3 + 1)
    assert (measured.audio_s, measured.num_rounds) == (2.0, 3)
    assert measured.cpu >= 0.02


def test_a_real_time_factor_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="nothing to synthesize"):
        real_time_factor([])
    with pytest.raises(ConfigError, match="rounds is 0"):
        real_time_factor([lambda: np.zeros(1)], rounds=0)
