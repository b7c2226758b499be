"""Whatever the text, the front-end answers with known phones or with its own error."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from clock_train.errors import TextError
from clock_train.text.frontend import phonemize
from clock_train.text.inventory import LANGUAGES, NUM_TONES, PHONES, token_ids
from clock_train.text.sentences import MAX_SENTENCE_CHARACTERS, split_sentences

KNOWN = frozenset(PHONES)
SPOKEN = st.text(
    st.sampled_from("不一二三四行长重得了的儿子你好吗abcdefgXYZ'0123456789.,:/-%$¥°<>|~ ，。？！年月日点kgm½²"),
    max_size=40,
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=60), SPOKEN), st.sampled_from(["zh", "en"]))
def test_any_text_gives_known_tokens_or_a_text_error(text: str, language: str) -> None:
    try:
        utterance = phonemize(text, language)
    except TextError:
        return
    assert {token.phone for token in utterance.tokens} <= KNOWN
    assert all(0 <= token.tone < NUM_TONES and token.language in LANGUAGES for token in utterance.tokens)
    assert token_ids(utterance).shape == (3, len(utterance.tokens))
    ends = [0]
    for word in utterance.words:
        assert ends[-1] <= word.start < word.end <= len(utterance.tokens) - 1
        ends.append(word.end)


@settings(max_examples=200, deadline=None)
@given(SPOKEN)
def test_reading_twice_reads_the_same(text: str) -> None:
    try:
        first = phonemize(text)
    except TextError:
        return
    assert phonemize(text) == first


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from('好走ab .。!?！？\n,，"”|<>'), max_size=2_000))
def test_sentences_keep_every_character_and_stay_short(text: str) -> None:
    sentences = split_sentences(text)
    assert "".join("".join(sentences).split()) == "".join(text.split())
    assert all(
        sentence.strip() and (len(sentence) <= MAX_SENTENCE_CHARACTERS or "|" in sentence) for sentence in sentences
    )
