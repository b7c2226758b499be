"""A text as the sentences that are spoken of it."""

from __future__ import annotations

import pytest

from clock_train.errors import TextEmpty
from clock_train.models.sentences import read_sentences


@pytest.mark.parametrize("text", [". Next.", "***\nNext.", "! 😀! Next. ?"])
def test_signs_alone_are_no_sentence_and_take_none_with_them(text: str) -> None:
    (sentence,) = read_sentences(text, "en")
    assert sentence.utterance is not None
    assert (sentence.utterance.text, text[sentence.start :][:5]) == ("Next.", "Next.")


@pytest.mark.parametrize("text", ["", "!", ". . .", "***\n***"])
def test_a_text_of_signs_alone_is_empty(text: str) -> None:
    with pytest.raises(TextEmpty):
        read_sentences(text, "en")
