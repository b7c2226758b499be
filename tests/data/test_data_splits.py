"""Which clips train, which choose the checkpoint, which only the judges hear."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clock_train.data.splits import FEWEST_CLIPS, HELD_OUT_SHARE, TEST, TRAIN, VALIDATION, split_clips
from clock_train.errors import TrainingDataTooSmall


def positions(assigned: list[int], wanted: int) -> list[int]:
    return [i for i, split in enumerate(assigned) if split == wanted]


def _split(counts: dict[str, int], *, seconds: float = 3.0, prefix: str = "clip") -> list[int]:
    speakers = [name for name, count in counts.items() for _ in range(count)]
    return split_clips([f"{prefix}-{i}" for i in range(len(speakers))], speakers, [seconds] * len(speakers))


def test_the_same_clips_are_always_split_the_same() -> None:
    assert _split({"anna": 60, "ben": 40}) == _split({"anna": 60, "ben": 40})


def test_the_order_of_the_clips_does_not_matter() -> None:
    ids = [f"clip-{i}" for i in range(50)]
    split = dict(zip(ids, split_clips(ids, ["anna"] * 50, [3.0] * 50), strict=True))
    backwards = dict(zip(ids[::-1], split_clips(ids[::-1], ["anna"] * 50, [3.0] * 50), strict=True))
    assert split == backwards


def test_another_speaker_moves_no_clip() -> None:
    assert _split({"anna": 60, "ben": 40})[:60] == _split({"anna": 60})


@settings(deadline=None, max_examples=60)
@given(count=st.integers(100, 300), more=st.integers(1, 300))
def test_recordings_that_are_added_move_no_clip(count: int, more: int) -> None:
    before = _split({"anna": count})
    if {TEST, VALIDATION} <= {split for i, split in enumerate(before)}:
        assert _split({"anna": count + more})[:count] == before


def test_about_the_wanted_share_is_held_out() -> None:
    split = _split({"anna": 5_000})
    for side in (TEST, VALIDATION):
        # four standard deviations of a binomial
        assert len(positions(split, side)) == pytest.approx(5_000 * HELD_OUT_SHARE, abs=73)


@settings(deadline=None, max_examples=60)
@given(count=st.integers(FEWEST_CLIPS, 60), start=st.integers(0, 10**6))
def test_few_clips_still_give_something_to_each_side(count: int, start: int) -> None:
    split = split_clips([f"clip-{start + i}" for i in range(count)], ["anna"] * count, [3.0] * count)
    assert {TRAIN, VALIDATION, TEST} == set(split)


def test_every_speaker_is_held_out_from() -> None:
    split = _split({"anna": 30, "ben": 8})
    for part in (split[:30], split[30:]):
        assert {TRAIN, VALIDATION, TEST} == set(part)


def test_only_clips_of_a_length_that_says_something_are_held_out() -> None:
    seconds = [0.5] * 20 + [3.0] * 4 + [11.0] * 20
    split = split_clips([f"clip-{i}" for i in range(44)], ["anna"] * 44, seconds)
    assert {seconds[i] for i in range(44) if split[i] != TRAIN} == {3.0}


def test_a_speaker_with_too_few_clips_is_named_with_a_remedy() -> None:
    with pytest.raises(TrainingDataTooSmall) as caught:
        _split({"anna": 20, "ben": FEWEST_CLIPS - 1})
    assert str(caught.value) == (
        'TrainingDataTooSmall: speaker "ben" has 7 usable clips; at least 8 are needed to train and to hold some out: '
        "record more sentences, or cut long takes into sentences"
    )


def test_the_fewest_clips_that_are_enough_are_enough() -> None:
    split = _split({"anna": FEWEST_CLIPS})
    assert all(positions(split, wanted) for wanted in (TRAIN, VALIDATION, TEST))
