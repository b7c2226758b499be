"""The corpus on the device: what a batch holds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_run import CPU, HOP, tiny_corpus

from clock_train.errors import ConfigError
from clock_train.models.style_labels import STYLES
from clock_train.training.device_corpus import AugmentationConfig, DeviceCorpus

LOUD = AugmentationConfig(noise_share=1.0, noise_snr_min_db=15.0, noise_snr_max_db=25.0)


def _corpus() -> DeviceCorpus:
    return DeviceCorpus(tiny_corpus(), hop_samples=HOP, device=CPU)


def test_a_batch_holds_the_clips_and_silence_behind_the_shorter_ones() -> None:
    corpus, chosen = _corpus(), [3, 0, 8]
    batch = corpus.batch(chosen)
    assert batch.waveform_BN.shape == (3, int(batch.frames_B.max()) * HOP)
    for row, clip in enumerate(chosen):
        wave, ids = corpus.packed.waveform(clip), corpus.packed.ids(clip)
        samples, phones = int(batch.frames_B[row]) * HOP, int(batch.phones_B[row])
        np.testing.assert_array_equal(batch.waveform_BN[row, :samples].numpy(), wave[:samples])
        assert (batch.waveform_BN[row, samples:] == 0).all()
        np.testing.assert_array_equal(batch.ids_B3L[row, :, :phones].numpy(), ids)
        assert (batch.ids_B3L[row, :, phones:] == 0).all()
        assert int(batch.speaker_B[row]) == corpus.packed.speaker_of[clip]
        assert STYLES[int(batch.labels_B2[row, 0])] == corpus.packed.styles[clip]


def test_a_clip_is_the_same_alone_and_among_others() -> None:
    corpus = _corpus()
    alone, among = corpus.batch([5]), corpus.batch([2, 5, 9])
    samples, phones = int(alone.frames_B[0]) * HOP, int(alone.phones_B[0])
    assert torch.equal(among.waveform_BN[1, :samples], alone.waveform_BN[0])
    assert torch.equal(among.ids_B3L[1, :, :phones], alone.ids_B3L[0])


def test_the_last_partial_frame_is_dropped() -> None:
    packed = tiny_corpus(clips_of={"anna": 1})
    longer = replace(
        packed,
        samples=np.concatenate([packed.samples, np.full(HOP - 1, 9, dtype=np.int16)]),
        sample_offsets=packed.sample_offsets + np.array([0, HOP - 1]),
    )
    batch = DeviceCorpus(longer, hop_samples=HOP, device=CPU).batch([0])
    assert int(batch.frames_B[0]) == len(packed.samples) // HOP
    assert batch.waveform_BN.shape[1] == len(packed.samples)


def test_noise_has_the_snr_that_its_label_says() -> None:
    corpus, chosen = _corpus(), list(range(12))
    clean = corpus.batch(chosen)
    noisy = corpus.batch(chosen, augmentation=LOUD, generator=torch.Generator().manual_seed(3))
    labels = noisy.circumstances_B2[:, 0]
    snr_by_label = 30.0 - 20.0 * labels
    assert ((snr_by_label >= 15.0) & (snr_by_label <= 25.0)).all()
    assert snr_by_label.max() - snr_by_label.min() > 3.0
    noise = noisy.waveform_BN - clean.waveform_BN
    speech_power = torch.stack(
        [w[: int(f) * HOP].square().mean() for w, f in zip(clean.waveform_BN, clean.frames_B, strict=True)]
    )
    measured = 10 * torch.log10(speech_power / noise.square().mean(1))
    # zero crossings below a thousandth of full scale do not count as speech: a few hundredths of a dB
    torch.testing.assert_close(measured, snr_by_label, atol=1.0, rtol=0)


def test_pauses_do_not_count_as_speech_when_noise_is_measured_out() -> None:
    packed = tiny_corpus(clips_of={"anna": 1})
    count = len(packed.samples)
    paused = replace(
        packed,
        samples=np.concatenate([packed.samples, np.zeros(3 * count // HOP * HOP, dtype=np.int16)]),
        sample_offsets=np.array([0, count + 3 * count // HOP * HOP]),
    )
    fixed = AugmentationConfig(noise_share=1.0, noise_snr_min_db=20.0, noise_snr_max_db=20.0)
    corpus = DeviceCorpus(paused, hop_samples=HOP, device=CPU)
    noisy = corpus.batch([0], augmentation=fixed, generator=torch.Generator().manual_seed(0))
    noise = noisy.waveform_BN[0, count:]
    speech = corpus.batch([0]).waveform_BN[0, :count]
    assert float(10 * torch.log10(speech.square().mean() / noise.square().mean())) == pytest.approx(20.0, abs=1.0)


def test_only_the_share_that_was_asked_for_gets_noise_and_the_rest_is_labelled_clean() -> None:
    corpus, chosen = _corpus(), list(range(16)) * 8
    half = AugmentationConfig(noise_share=0.5)
    clean = corpus.batch(chosen)
    noisy = corpus.batch(chosen, augmentation=half, generator=torch.Generator().manual_seed(1))
    changed = (noisy.waveform_BN != clean.waveform_BN).any(1)
    assert torch.equal(changed, noisy.circumstances_B2[:, 0] > 0)
    # 128 draws: three deviations are 0.13
    assert abs(float(changed.float().mean()) - 0.5) < 0.13


def test_the_same_generator_draws_the_same_noise() -> None:
    corpus = _corpus()
    first, again, other = (
        corpus.batch([1, 2], augmentation=LOUD, generator=torch.Generator().manual_seed(seed)).waveform_BN
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_copies_at_another_speed_carry_their_label() -> None:
    packed = tiny_corpus()
    speeds = np.zeros(len(packed), dtype=np.float32)
    speeds[[1, 2]] = [20.0, -10.0]
    corpus = DeviceCorpus(replace(packed, speed_percent=speeds), hop_samples=HOP, device=CPU)
    assert corpus.batch([0, 1, 2]).circumstances_B2.tolist() == [[0.0, 0.0], [0.0, 1.0], [0.0, -0.5]]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"noise_share": 1.5}, r"noise_share is 1.5; give 0 to 1"),
        ({"noise_share": -0.1}, r"noise_share is -0.1; give 0 to 1"),
        ({"noise_snr_min_db": 30.0}, r"noise_snr_min_db \(30\.0\) lies above noise_snr_max_db \(25\.0\); swap them"),
        ({"speed_copies": -1}, r"speed_copies is -1; give 0 or more"),
        ({"speed_percent": 60.0}, r"speed_percent is 60.0; give 0 to 50"),
    ],
)
def test_augmentation_that_cannot_be_is_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=r"ConfigError: training\.augmentation\." + message):
        AugmentationConfig(**settings)  # type: ignore[arg-type]
