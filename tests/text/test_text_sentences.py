"""Cutting long texts."""

from __future__ import annotations

import pytest

from clock_train.text.frontend import phonemize
from clock_train.text.sentences import MAX_SENTENCE_CHARACTERS, split_sentences


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("你好。再见！", ["你好。", "再见！"]),
        ("他说：“走吧！”然后走了。", ["他说：“走吧！”", "然后走了。"]),
        ("Dr. Smith paid $3.50. He left.", ["Dr. Smith paid $3.50.", "He left."]),
        ("J. K. Rowling wrote e.g. this. Yes?", ["J. K. Rowling wrote e.g. this.", "Yes?"]),
        ("Wait... what?", ["Wait...", "what?"]),
        ("one line\nand another", ["one line", "and another"]),
        ("He left at 3 p.m. on Monday.", ["He left at 3 p.m. on Monday."]),
        ("", []),
        (" \n ", []),
    ],
)
def test_sentences_end_where_a_reader_would_stop(text: str, sentences: list[str]) -> None:
    assert split_sentences(text) == sentences


def test_long_sentences_are_cut_at_commas() -> None:
    pieces = split_sentences("天气很好，" * 200)
    assert all(len(piece) <= MAX_SENTENCE_CHARACTERS and piece.endswith("，") for piece in pieces)


def test_an_override_is_never_cut() -> None:
    text = "好" * (MAX_SENTENCE_CHARACTERS - 3) + "<行|hang2>" + "好" * 50
    assert all(piece.count("<") == piece.count(">") for piece in split_sentences(text))
    assert split_sentences("<a.b!c|EY1> ok") == ["<a.b!c|EY1> ok"]


def test_fifty_thousand_characters_can_be_spoken_in_parts() -> None:
    pieces = split_sentences("今天天气很好，我们去公园。" * 3_850)
    assert len("".join(pieces)) == 13 * 3_850
    assert phonemize(pieces[0]).words
