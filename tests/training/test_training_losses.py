"""Loss terms against values worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from clock_train.audio.mfcc import mfcc_of_mel
from clock_train.errors import ConfigError
from clock_train.training.generator_step import LossConfig, mfcc_of
from clock_train.training.losses import (
    adversarial_loss,
    aligned_mel_loss,
    discriminator_loss,
    duration_loss,
    feature_matching_loss,
    kl_divergence,
    masked_mean,
    multi_resolution_stft,
)

ZERO = torch.zeros(1, 2, 3)
ALL = torch.ones(1, 1, 3)


def test_masked_mean_counts_valid_positions_of_every_channel() -> None:
    value = torch.tensor([[[1.0, 2.0, 100.0], [3.0, 4.0, 100.0]]])
    assert float(masked_mean(value, torch.tensor([[[1.0, 1.0, 0.0]]]))) == 2.5


def test_divergence_of_equal_distributions_is_zero() -> None:
    # the sample that stands for the expectation lies one deviation off: its mean square is the variance
    mean, log_deviation = torch.randn(1, 2, 3), torch.randn(1, 2, 3)
    sample = mean + torch.exp(log_deviation)
    assert float(kl_divergence(sample, log_deviation, mean, log_deviation, ALL)) == pytest.approx(0.0, abs=1e-6)


def test_divergence_of_two_normals_is_the_textbook_one_on_average() -> None:
    torch.manual_seed(0)
    count, wide, narrow = 200_000, math.log(2.0), math.log(0.5)
    sample = 1.0 + math.exp(narrow) * torch.randn(1, 1, count)
    made = kl_divergence(
        sample,
        torch.full_like(sample, narrow),
        torch.zeros_like(sample),
        torch.full_like(sample, wide),
        torch.ones_like(sample),
    )
    expected = math.log(2.0 / 0.5) + (0.5**2 + 1.0**2) / (2 * 2.0**2) - 0.5
    # three standard errors of the mean of 200,000 samples
    assert float(made) == pytest.approx(expected, abs=0.002)


def test_duration_loss_is_the_square_of_log_frames_over_valid_phones() -> None:
    predicted = torch.tensor([[math.log(4.0), 0.0, 9.0]])
    mask = torch.tensor([[[1.0, 1.0, 0.0]]])
    made = duration_loss(predicted, torch.tensor([[2, 1, 0]]), mask)
    assert float(made) == pytest.approx(math.log(2.0) ** 2 / 2)


def test_aligned_mel_loss_compares_each_frame_with_its_phone() -> None:
    mel_of_phones = torch.tensor([[[1.0, 5.0]]])
    path = torch.tensor([[[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]])
    target = torch.tensor([[[1.0, 2.0, 8.0]]])
    assert float(aligned_mel_loss(mel_of_phones, target, path, ALL)) == pytest.approx((0 + 1 + 9) / 3)


def test_aligned_mel_loss_is_the_same_in_mixed_precision() -> None:
    mel, target, path = torch.randn(1, 80, 3), torch.randn(1, 80, 9), torch.eye(3).repeat_interleave(3, 0)[None]
    exact = aligned_mel_loss(mel, target, path, torch.ones(1, 1, 9))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(aligned_mel_loss(mel, target, path, torch.ones(1, 1, 9)), exact)


def test_spectral_loss_is_zero_for_equals_and_known_for_half_the_level() -> None:
    noise, windows = torch.randn(1, 4_096), [torch.hann_window(256), torch.hann_window(512)]
    assert float(multi_resolution_stft(noise, noise, windows)) == 0.0
    half = float(multi_resolution_stft(0.5 * noise, noise, windows))
    # convergence |1 - 1/2| and the logarithm of two; bins near zero lie on the floor of the root
    assert half == pytest.approx(0.5 + math.log(2.0), abs=1e-3)


def test_least_squares_losses() -> None:
    natural, generated = [(torch.tensor([[1.0, 0.0]]), [])], [(torch.tensor([[0.5, -0.5]]), [])]
    assert float(discriminator_loss(natural, generated)) == pytest.approx(0.5 + 0.25)
    assert float(adversarial_loss(generated)) == pytest.approx((0.25 + 2.25) / 2)
    perfect = [(torch.ones(1, 2), [])], [(torch.zeros(1, 2), [])]
    assert float(discriminator_loss(*perfect)) == 0.0


def test_feature_matching_averages_maps_and_leaves_the_natural_side_alone() -> None:
    real = torch.tensor([[1.0, 2.0]], requires_grad=True)
    made = torch.tensor([[2.0, 4.0]], requires_grad=True)
    score = torch.zeros(1)
    loss = feature_matching_loss([(score, [real, real])], [(score, [made, real])])
    assert loss.item() == pytest.approx((1.5 + 0.0) / 2)
    loss.backward()
    assert made.grad is not None
    assert float(made.grad.sum()) == pytest.approx(0.5)


def test_mfcc_in_torch_equals_the_one_of_audio() -> None:
    mel = np.random.default_rng(0).normal(-5.0, 2.5, (80, 30)).astype(np.float32)
    # 80 products of about 5 x 0.16, whose cosines of up to 120 rad have 7e-6 of error in float32
    np.testing.assert_allclose(mfcc_of(torch.from_numpy(mel)[None], 40)[0].numpy(), mfcc_of_mel(mel), atol=1e-4)


def test_crops_too_short_to_judge_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"training\.loss\.crop_frames is 4; give at least 8"):
        LossConfig(crop_frames=4)


def test_windows_shorter_than_crops_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"training\.loss\.window_frames is 16; give at least crop_frames \(32\)"):
        LossConfig(crop_frames=32, window_frames=16)
