"""English: numbers and signs, dictionary, word parts and letters, against a table of expected readings."""

from __future__ import annotations

from pathlib import Path

import pytest
from pronunciation_cases import Case, read_cases

from clock_train.text.cleaning import clean
from clock_train.text.english.arpabet import arpabet_tokens, is_arpabet
from clock_train.text.english.compile_data import pack_dictionary, read_cmudict
from clock_train.text.english.dictionary import FIRST_SYMBOL, lookup
from clock_train.text.english.letter_rules import learn_rules
from clock_train.text.english.letters import guess
from clock_train.text.english.normalize import normalize
from clock_train.text.english.numbers import cardinal, ordinal, year
from clock_train.text.english.words import pronounce, pronounce_words
from clock_train.text.scripts import split_runs

CASES = read_cases("english_cases.tsv")
DOCS = Path(__file__).parents[2] / "docs" / "text.md"


def arpabet(normalized: str) -> str:
    words = [run.text for run in split_runs(normalized) if run.kind == "latin"]
    return " ".join(phone for word in pronounce_words(words) for phone in word)


def is_right(case: Case) -> bool:
    spoken = normalize(clean(case.text))
    is_spoken_right = spoken in (case.normalized or (clean(case.text),))
    return is_spoken_right and (not case.sounds or arpabet(spoken) in case.sounds)


@pytest.mark.parametrize("case", [case for case in CASES if not case.is_known_wrong], ids=lambda case: case.text)
def test_text_is_read_as_the_table_says(case: Case) -> None:
    spoken = normalize(clean(case.text))
    assert is_right(case), f"{case.text}: spoken as {spoken}, {arpabet(spoken)}"


def test_known_mistakes_are_still_mistakes() -> None:
    mended = [case.text for case in CASES if case.is_known_wrong and is_right(case)]
    assert mended == [], "take the ! away"


def test_docs_report_the_count_of_this_table() -> None:
    right = sum(is_right(case) for case in CASES)
    assert f"English: {right} of {len(CASES)}" in DOCS.read_text(encoding="utf-8")


def test_table_holds_at_least_120_cases() -> None:
    assert len(CASES) >= 120


def test_large_numbers() -> None:
    assert cardinal("1000001") == "one million one"
    assert cardinal("9" * 19) == " ".join(["nine"] * 19)
    assert ordinal("112") == "one hundred twelfth"
    assert ordinal("20") == "twentieth"
    assert year("2001") == "two thousand one"
    assert year("1066") == "ten sixty six"


@pytest.mark.parametrize(
    "word", ["zxqvblorp", "ClockTrainish", "brrr", "XKCD", "Å", "æsthetic", "i", "O'Neill's", "x" * 200]
)
def test_any_word_has_phones_of_the_alphabet(word: str) -> None:
    phones = pronounce(word)
    assert phones
    assert all(is_arpabet(phone) for phone in phones)


def test_guessed_word_has_one_primary_stress() -> None:
    for word in ("blorptastic", "frabjous", "shlippery", "nth"):
        assert sum(phone.endswith("1") for phone in guess(word)) <= 1
    assert sum(phone.endswith("1") for phone in guess("blorptastic")) == 1


def test_letter_rules_learn_a_regular_spelling() -> None:
    words = {
        "cat": "K AE1 T",
        "bat": "B AE1 T",
        "cab": "K AE1 B",
        "tab": "T AE1 B",
        "tack": "T AE1 K",
        "back": "B AE1 K",
    }
    rules = learn_rules({word: phones.split() for word, phones in words.items()})
    assert {letter: rules[letter] for letter in "tab"} == {"t": "T", "a": "AE1", "b": "B"}


def test_packing_a_dictionary_keeps_words_and_drops_second_readings() -> None:
    entries = read_cmudict("read R EH1 D\nread(2) R IY1 D\na.m. EY2 EH1 M\nlaw L AO1 # comment\n")
    assert entries == {"read": ["R", "EH1", "D"], "law": ["L", "AO1"]}
    assert pack_dictionary(entries) == pack_dictionary(dict(reversed(entries.items())))
    assert chr(FIRST_SYMBOL).isprintable()


def test_dictionary_words_are_all_arpabet() -> None:
    for word in ("a", "zebra", "don't", "abandonment", "worcestershire"):
        assert all(is_arpabet(phone) for phone in lookup(word) or ("?",))


def test_stops_after_s_lose_their_breath() -> None:
    assert [token.phone for token in arpabet_tokens(("S", "P", "IH1", "N"))] == ["s", "p", "ɪ", "n"]
    assert [token.phone for token in arpabet_tokens(("P", "IH1", "N"))] == ["pʰ", "ɪ", "n"]
