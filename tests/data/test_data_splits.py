"""Which clips train, which choose the checkpoint, which only the judges hear."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clock_train.data.splits import FEWEST_CLIPS, HELD_OUT, MOST_HELD_OUT, TEST, TRAIN, VALIDATION, split_clips
from clock_train.data.splits import indices_of as positions
from clock_train.errors import TrainingDataTooSmall


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
@given(count=st.integers(FEWEST_CLIPS, 400))
def test_each_speaker_holds_out_as_many_clips_for_test_as_for_validation_within_the_bounds(count: int) -> None:
    split = _split({"anna": count})
    held_out = len(positions(split, TEST))
    assert held_out == len(positions(split, VALIDATION)) == max(1, min(HELD_OUT, int(count * MOST_HELD_OUT)))
    assert len(positions(split, TRAIN)) == count - 2 * held_out


def test_every_speaker_is_held_out_from() -> None:
    split = _split({"anna": 30, "ben": 8})
    for part in (split[:30], split[30:]):
        assert {TRAIN, VALIDATION, TEST} == set(part)


def test_clips_of_a_length_that_says_something_are_held_out_first() -> None:
    seconds = [0.5] * 20 + [3.0] * 4 + [11.0] * 20
    split = split_clips([f"clip-{i}" for i in range(44)], ["anna"] * 44, seconds)
    held_out = [seconds[i] for i in range(44) if split[i] != TRAIN]
    assert held_out.count(3.0) == 4


def test_a_speaker_with_too_few_clips_is_named_with_a_remedy() -> None:
    with pytest.raises(TrainingDataTooSmall) as caught:
        _split({"anna": 20, "ben": FEWEST_CLIPS - 1})
    assert str(caught.value) == (
        'TrainingDataTooSmall: speaker "ben" has 7 usable clips; at least 8 are needed to train and to hold some out: '
        "record more sentences, or cut long takes into sentences"
    )


def test_the_fewest_clips_that_are_enough_are_enough() -> None:
    split = _split({"anna": FEWEST_CLIPS})
    assert [len(positions(split, wanted)) for wanted in (TRAIN, VALIDATION, TEST)] == [6, 1, 1]
