"""Monotonic alignment search against trying every path."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from clock_train.errors import AlignmentError
from clock_train.models.alignment import align, expand
from clock_train.models.prior import within_phone


def _all_durations(phones: int, frames: int) -> list[list[int]]:
    """Every way to give ``phones`` phones at least one of ``frames`` frames each."""
    cuts = itertools.combinations(range(1, frames), phones - 1)
    return [[b - a for a, b in itertools.pairwise((0, *cut, frames))] for cut in cuts]


def _score(likelihood_LT: Tensor, durations: list[int]) -> float:
    owner = torch.repeat_interleave(torch.arange(len(durations)), torch.tensor(durations))
    return float(likelihood_LT[owner, torch.arange(len(owner))].sum())


@settings(deadline=None, max_examples=150)
@given(phones=st.integers(1, 5), extra=st.integers(0, 5), seed=st.integers(0, 10_000))
def test_search_finds_the_best_of_all_monotonic_paths(phones: int, extra: int, seed: int) -> None:
    frames = phones + extra
    # whole numbers add up exactly, so that equal scores are equal
    likelihood = torch.randint(-9, 1, (phones, frames), generator=torch.Generator().manual_seed(seed)).float()
    found = align(likelihood[None], torch.tensor([phones]), torch.tensor([frames]))[0].tolist()
    best = max(_score(likelihood, durations) for durations in _all_durations(phones, frames))
    assert sum(found) == frames
    assert min(found) >= 1
    assert _score(likelihood, found) == best


@settings(deadline=None, max_examples=50)
@given(
    sizes=st.lists(st.tuples(st.integers(1, 8), st.integers(0, 12)), min_size=1, max_size=4), seed=st.integers(0, 999)
)
def test_rows_of_a_batch_sum_to_their_frames_and_own_nothing_in_the_padding(
    sizes: list[tuple[int, int]], seed: int
) -> None:
    phones = torch.tensor([p for p, _ in sizes])
    frames = torch.tensor([p + extra for p, extra in sizes])
    shape = (len(sizes), int(phones.max()), int(frames.max()))
    likelihood = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    durations = align(likelihood, phones, frames)
    valid = torch.arange(shape[1])[None] < phones[:, None]
    assert (durations.sum(1) == frames).all()
    assert (durations[valid] >= 1).all()
    assert (durations[~valid] == 0).all()


@pytest.mark.parametrize("filling", [0.0, 1e6, float("inf"), float("nan")])
def test_padding_may_hold_anything(filling: float) -> None:
    likelihood = torch.randn(1, 4, 9)
    alone = align(likelihood, torch.tensor([4]), torch.tensor([9]))
    padded = torch.full((2, 6, 14), filling)
    padded[0, :4, :9] = likelihood[0]
    padded[1] = torch.randn(6, 14)
    together = align(padded, torch.tensor([4, 6]), torch.tensor([9, 14]))
    assert together[0, :4].tolist() == alone[0].tolist()
    assert together[0, 4:].sum() == 0


def test_too_few_frames_name_the_utterance_and_the_remedy() -> None:
    with pytest.raises(AlignmentError) as caught:
        align(torch.zeros(2, 5, 6), torch.tensor([3, 5]), torch.tensor([6, 4]))
    assert str(caught.value) == (
        "AlignmentError: utterance 1 of the batch has 5 phones but only 4 frames; its transcript is longer than its "
        "audio: check or leave out the clip"
    )


def test_as_many_frames_as_phones_gives_one_each() -> None:
    assert align(torch.randn(1, 6, 6), torch.tensor([6]), torch.tensor([6])).tolist() == [[1] * 6]


def test_expand_repeats_each_phone_for_its_duration_and_is_zero_past_the_end() -> None:
    path = expand(torch.tensor([[2, 1, 0], [1, 1, 3]]), 5)
    assert path[0].tolist() == [[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 0], [0, 0, 0]]
    assert path[1].argmax(1).tolist() == [0, 1, 2, 2, 2]


def test_within_phone_says_how_far_a_frame_is_through_its_phone() -> None:
    durations = torch.tensor([[2, 1]])
    fraction, done, left = within_phone(durations, expand(durations, 4))[0]
    assert fraction.tolist() == [0.25, 0.75, 0.5, 0.0]
    torch.testing.assert_close(done, torch.tensor([0.5, 1.5, 0.5, 0.0]).log1p())
    torch.testing.assert_close(left, torch.tensor([1.5, 0.5, 0.5, 0.0]).log1p())


def test_within_phone_stays_exact_in_mixed_precision() -> None:
    # frame 701 has no exact bfloat16; a product under autocast would round the start of the phone to 700
    durations = torch.tensor([[701, 5]])
    path = expand(durations, 706)
    exact = within_phone(durations, path)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = within_phone(durations, path)
    assert torch.equal(mixed, exact)
