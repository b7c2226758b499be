"""Words, phones and shapes of the mouth, timed by the durations that a voice predicts."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clock_train.models.sentences import Sentence, read_sentence, read_sentences
from clock_train.serving.timepoints import Kind, Timepoint, timepoints, word_spans
from clock_train.text.frontend import phonemize

FRAME_S = 0.016


def timed(sentence: Sentence, *kinds: Kind, start_s: float = 0.0) -> tuple[list[Timepoint], float]:
    durations = np.arange(sentence.ids_3L.shape[1]) % 5 + 1
    found = timepoints(sentence, durations, start_s=start_s, frame_s=FRAME_S, kinds=kinds)
    return found, start_s + FRAME_S * float(durations.sum())


def test_words_stand_where_they_are_written_and_go_up_in_time() -> None:
    text = "Good morning, said the cat to a caterpillar."
    (sentence,) = read_sentences(text, "en")
    words, end_s = timed(sentence, Kind.WORD)
    assert [text[word.char_start : word.char_end] for word in words] == text.replace(",", "").rstrip(".").split()
    assert all(one.end_s <= other.start_s for one, other in pairwise(words))
    assert words[0].start_s > 0 and words[-1].end_s < end_s


def test_a_number_gives_each_of_its_words_its_own_place() -> None:
    text = "There are 42 of them."
    words, _ = timed(read_sentence(text, "en"), Kind.WORD)
    assert {text[word.char_start : word.char_end] for word in words if word.value.lower() in ("forty", "two")} == {"42"}


def test_mandarin_words_have_their_characters() -> None:
    text = "欢迎使用钟训练。"
    words, _ = timed(read_sentence(text, "zh"), Kind.WORD)
    assert "".join(text[word.char_start : word.char_end] for word in words) == "欢迎使用钟训练"


def test_later_sentences_count_from_the_beginning_of_the_text() -> None:
    text = "One is here.  Two is there."
    _, second = read_sentences(text, "en")
    words, _ = timed(second, Kind.WORD, start_s=3.0)
    assert [text[word.char_start : word.char_end] for word in words] == ["Two", "is", "there"]
    assert words[0].start_s > 3.0


def test_shapes_of_the_mouth_cover_the_sentence_without_a_gap() -> None:
    shapes, end_s = timed(read_sentence("How now, brown cow?", "en"), Kind.VISEME)
    assert shapes[0].start_s == 0 and shapes[-1].end_s == pytest.approx(end_s, abs=1e-3)
    for one, other in pairwise(shapes):
        assert one.end_s == pytest.approx(other.start_s, abs=1e-3)


def test_phones_lie_inside_their_words() -> None:
    sentence = read_sentence("The north wind.", "en")
    words, _ = timed(sentence, Kind.WORD)
    phones, _ = timed(sentence, Kind.PHONE)
    for phone in phones:
        assert any(word.start_s <= phone.start_s and phone.end_s <= word.end_s for word in words), phone


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="abc ABC12.,'$%é好 行", min_size=1, max_size=60))
def test_places_of_words_rise_and_stay_inside_whatever_is_written(text: str) -> None:
    if not any(letter.isalnum() for letter in text):
        return
    spans = word_spans(phonemize(text))
    assert all(0 <= start <= end <= len(text) for start, end in spans)
    assert [start for start, _ in spans] == sorted(start for start, _ in spans)
