"""Mandarin: numbers and signs, polyphones, sandhi and erhua, against a table of expected readings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pronunciation_cases import Case, read_cases

from clock_train.text.cleaning import clean
from clock_train.text.mandarin.normalize import normalize
from clock_train.text.mandarin.numbers import cardinal
from clock_train.text.mandarin.phones import syllable_phones
from clock_train.text.mandarin.readings import read_words
from clock_train.text.mandarin.sandhi import apply_sandhi
from clock_train.text.mandarin.tables import character_table, numbered, phrase_table
from clock_train.text.scripts import split_runs

CASES = read_cases("mandarin_cases.tsv")
DOCS = Path(__file__).parents[2] / "docs" / "text.md"


def pinyin(normalized: str) -> list[str]:
    syllables = []
    for run in split_runs(normalized):
        if run.kind == "han":
            words = [found for _, found in read_words(run.text)]
            apply_sandhi(words)
            syllables += [syllable.pinyin for word in words for syllable in word]
    return syllables


def is_right(case: Case) -> bool:
    spoken = normalize(clean(case.text))
    if spoken not in (case.normalized or (clean(case.text),)):
        return False
    if not case.sounds:
        return True
    heard, expected = pinyin(spoken), case.sounds[0].split()
    return len(heard) == len(expected) and all(a in b.split("|") for a, b in zip(heard, expected, strict=True))


@pytest.mark.parametrize("case", [case for case in CASES if not case.is_known_wrong], ids=lambda case: case.text)
def test_text_is_read_as_the_table_says(case: Case) -> None:
    spoken = normalize(clean(case.text))
    assert is_right(case), f"{case.text}: spoken as {spoken}, {' '.join(pinyin(spoken))}"


def test_known_mistakes_are_still_mistakes() -> None:
    mended = [case.text for case in CASES if case.is_known_wrong and is_right(case)]
    assert mended == [], "take the ! away"


def test_docs_report_the_count_of_this_table() -> None:
    right = sum(is_right(case) for case in CASES)
    assert f"Mandarin: {right} of {len(CASES)}" in DOCS.read_text(encoding="utf-8")


def test_table_holds_at_least_120_cases() -> None:
    assert len(CASES) >= 120


@pytest.mark.parametrize(
    ("number", "spoken"),
    [
        ("0", "零"),
        ("12", "十二"),
        ("20", "二十"),
        ("101", "一百零一"),
        ("110", "一百一十"),
        ("1001", "一千零一"),
        ("10010", "一万零一十"),
        ("100000", "十万"),
        ("1000001", "一百万零一"),
        ("100010000", "一亿零一万"),
        ("1000000000000", "一万亿"),
        ("12345678901234567", "一二三四五六七八九零一二三四五六七"),
    ],
)
def test_cardinal_numbers(number: str, spoken: str) -> None:
    assert cardinal(number) == spoken


def test_every_character_has_phones_for_its_first_reading() -> None:
    odd = [
        chr(code)
        for code, sounds in character_table().items()
        if syllable_phones("{}{}".format(*numbered(sounds.split(",")[0]))) is None
    ]
    assert odd == ["𥦷"]  # wòng, a syllable of no standard word


def test_every_phrase_has_phones() -> None:
    sounds = {reading[0] for phrase in phrase_table().values() for reading in phrase}
    assert [sound for sound in sounds if syllable_phones("{}{}".format(*numbered(sound))) is None] == []


@pytest.mark.parametrize("syllable", ["hang9", "hang", "xyz1", "bing", "zhv4", "1", "", "qi6", "vi1"])
def test_what_is_no_syllable_has_no_phones(syllable: str) -> None:
    assert syllable_phones(syllable) is None


def test_the_rounded_vowel_may_be_written_three_ways() -> None:
    assert syllable_phones("nv3") == syllable_phones("nü3") == syllable_phones("nu:3") == ("n", "y")


def test_third_tones_form_feet_in_a_long_chain() -> None:
    tones = "".join(sound[-1] for sound in pinyin("我也想买五百把雨伞"))
    assert not re.search("33", tones), tones
    assert tones.count("3") >= 3, "a chain of nine does not rise eight times"


def test_a_pause_stops_sandhi() -> None:
    assert pinyin("你,好") == ["ni3", "hao3"]
    assert pinyin("你好") == ["ni2", "hao3"]
