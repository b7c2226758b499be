"""Text that is still being written leaves in whole sentences, whatever the pieces are that it comes in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clock_train.text.live_text import LiveText
from clock_train.text.sentences import MAX_SENTENCE_CHARACTERS

WRITTEN = st.text(alphabet=st.sampled_from('aB 1.,!?。！，你好\n"”<|>Dr'), max_size=80)


@pytest.mark.parametrize(
    ("pieces", "left"),
    [
        (["Hel", "lo. ", "How are you?", " Fine"], ["", "Hello. ", "How are you?", ""]),
        (["It is 3.", "14 or so. "], ["", "It is 3.14 or so. "]),
        (["Dr. ", "Smith came. ", "Good"], ["", "Dr. Smith came. ", ""]),
        (["你好。", "今天", "怎么样？好", "的\n"], ["你好。", "", "今天怎么样？", "好的\n"]),
        (["No end\n", " \n ", "Next\n"], ["No end\n", "", " \n Next\n"]),
        (["银<行|ha", "ng2>。"], ["", "银<行|hang2>。"]),
    ],
)
def test_a_sentence_leaves_once_it_is_whole(pieces: list[str], left: list[str]) -> None:
    live = LiveText()
    assert [live.add(piece) for piece in pieces] == left


@given(st.lists(WRITTEN, max_size=8))
def test_nothing_is_lost_or_told_twice(pieces: list[str]) -> None:
    live = LiveText()
    assert "".join([*map(live.add, pieces), live.rest(), live.rest()]) == "".join(pieces)


def test_no_more_than_a_sentence_waits() -> None:
    live, num_given = LiveText(), 0
    for number in range(4_000):
        num_given += len(live.add("word "))
        assert 5 * (number + 1) - num_given <= MAX_SENTENCE_CHARACTERS + 5
