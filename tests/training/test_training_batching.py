"""Batches as a function of seed, epoch and position."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from clock_train.training.batching import BatchPlan, SamplerPosition


def _plan(count: int, batch_size: int, *, seed: int = 1, speakers: list[int] | None = None) -> BatchPlan:
    lengths = [20 + 7 * (i * 13 % 11) for i in range(count)]
    return BatchPlan(range(count), lengths, speakers or [0] * count, batch_size=batch_size, seed=seed)


def _epoch(plan: BatchPlan, epoch: int) -> list[list[int]]:
    position = SamplerPosition(epoch=epoch)
    return [plan.next(position).tolist() for _ in range(plan.batches_per_epoch)]


def _clips(plan: BatchPlan, epoch: int) -> list[int]:
    return [clip for batch in _epoch(plan, epoch) for clip in batch]


def test_an_epoch_has_every_clip_once() -> None:
    plan = _plan(24, 4)
    for epoch in range(3):
        assert sorted(_clips(plan, epoch)) == list(range(24))


@settings(deadline=None, max_examples=60)
@given(count=st.integers(1, 60), batch_size=st.integers(1, 70), seed=st.integers(0, 99))
def test_no_clip_comes_twice_and_only_a_part_of_a_batch_is_left_for_another_epoch(
    count: int, batch_size: int, seed: int
) -> None:
    plan = _plan(count, batch_size, seed=seed)
    clips = _clips(plan, 0)
    assert len(set(clips)) == len(clips) > count - plan.batch_size


def test_clips_left_over_have_their_turn_in_other_epochs() -> None:
    plan = _plan(10, 4)
    heard = {clip for epoch in range(20) for clip in _clips(plan, epoch)}
    assert heard == set(range(10))


def test_only_the_given_clips_are_drawn() -> None:
    plan = BatchPlan([3, 5, 7, 9], list(range(10)), [0] * 10, batch_size=2, seed=1)
    assert sorted(_clips(plan, 0)) == [3, 5, 7, 9]


def test_seed_and_epoch_decide_alone() -> None:
    assert _epoch(_plan(24, 4), 3) == _epoch(_plan(24, 4), 3)
    assert _epoch(_plan(24, 4), 3) != _epoch(_plan(24, 4), 4)
    assert _epoch(_plan(24, 4, seed=1), 3) != _epoch(_plan(24, 4, seed=2), 3)


def test_a_saved_position_goes_on_with_the_same_batches_across_epochs() -> None:
    position, plan = SamplerPosition(), _plan(22, 4)
    unbroken = [plan.next(position).tolist() for _ in range(17)]
    position, plan = SamplerPosition(), _plan(22, 4)
    before = [plan.next(position).tolist() for _ in range(7)]
    saved = SamplerPosition(epoch=position.epoch, batch=position.batch)
    fresh = _plan(22, 4)
    after = [fresh.next(saved).tolist() for _ in range(10)]
    assert before + after == unbroken


def test_clips_of_a_batch_are_of_like_length() -> None:
    count = 64
    lengths = np.arange(count)
    plan = BatchPlan(range(count), lengths.tolist(), [0] * count, batch_size=4, seed=1)
    spreads = [np.ptp(lengths[batch]) for batch in _epoch(plan, 0)]
    # eight batches share a bucket of 32 of 64 clips: sorted, four neighbours span about 8, unsorted about 38
    assert np.mean(spreads) < 12


def test_a_batch_larger_than_the_corpus_becomes_the_corpus() -> None:
    plan = _plan(5, 16)
    assert plan.batch_size == 5
    assert plan.batches_per_epoch == 1
    assert sorted(_epoch(plan, 0)[0]) == [0, 1, 2, 3, 4]


def test_speakers_with_few_clips_are_heard_more_often_than_their_share() -> None:
    speakers = [0] * 90 + [1] * 10
    plan = _plan(100, 10, speakers=speakers)
    drawn = np.array([speakers[clip] for epoch in range(10) for clip in _clips(plan, epoch)])
    # by the square root of the counts: 3.16 of 12.65
    assert 0.23 < drawn.mean() < 0.27


def test_every_clip_of_a_rare_speaker_is_drawn_about_equally() -> None:
    plan = _plan(100, 10, speakers=[0] * 90 + [1] * 10)
    clips = [clip for epoch in range(8) for clip in _clips(plan, epoch) if clip >= 90]
    counts = np.bincount(np.array(clips) - 90, minlength=10)
    assert counts.min() > 0.7 * counts.mean()
