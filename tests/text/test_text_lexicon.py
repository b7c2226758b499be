"""Lexicons: which words they reach, where what they say stands, and files that cannot be read."""

from __future__ import annotations

import contextlib
import json
import os
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clock_train.errors import LexiconInvalid, LexiconNotFound
from clock_train.text.frontend import phonemize
from clock_train.text.lexicon import MAX_BYTES, MAX_ENTRIES, Lexicon, entry, read_lexicon
from clock_train.text.lexicon_folder import LexiconFolder
from clock_train.text.overrides import override_spans

LEXICON = Lexicon(
    [
        entry("ClockTrain", phones="/ˈklɒktɹeɪn/"),
        entry("Clock", alias="watch"),
        entry("AWS", alias="亚马逊云", is_case_sensitive=True),
        entry("行长", phones="hang2 zhang3"),
        entry("长", phones="chang2"),
        entry("New York", alias="Big Apple"),
        entry("C++", alias="C plus plus"),
    ]
)


def pls(*lexemes: str, more: str = 'alphabet="ipa"') -> bytes:
    space = "http://www.w3.org/2005/01/pronunciation-lexicon"
    return f'<?xml version="1.0"?>\n<lexicon version="1.0" xmlns="{space}" {more}>{"".join(lexemes)}</lexicon>'.encode()


def written(*entries: object, **more: object) -> bytes:
    return json.dumps({"schemaVersion": 1, "language": "zh", "entries": entries} | more).encode()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("clocktrain rings.", "<clocktrain|/ˈklɒktɹeɪn/> rings."),
        ("CLOCK, clocks, o'clock", "watch, clocks, o'watch"),
        ("ClockTrain's Clock", "<ClockTrain|/ˈklɒktɹeɪn/>'s watch"),
        ("用AWS吧, aws, AWSx, 2AWS", "用亚马逊云吧, aws, AWSx, 2AWS"),
        ("行长长", "<行长|hang2 zhang3><长|chang2>"),
        ("in New York.", "in Big Apple."),
        ("I write C++.", "I write C plus plus."),
        ("<行长|hang2 zhang3> <Clock|K L AA1 K> clock", "<行长|hang2 zhang3> <Clock|K L AA1 K> watch"),
        ("no word of it", "no word of it"),
        ("", ""),
    ],
)
def test_the_longest_words_are_said_as_the_lexicon_says(text: str, said: str) -> None:
    assert LEXICON.applied(text).text == said


def test_what_is_said_points_to_what_is_written() -> None:
    text = "Ask AWS or ClockTrain."
    applied = LEXICON.applied(text)
    for said, source in (("亚马逊云", "AWS"), ("ClockTrain", "ClockTrain"), ("or", "or")):
        at = applied.text.index(said)
        assert text[applied.places[at] : applied.places[at + len(said)]] == source


def test_marks_move_with_the_words_behind_them() -> None:
    applied = LEXICON.applied("Clock AWS x", marks=[(0, "a"), (6, "b"), (10, "c"), (11, "d")])
    assert [(applied.text[at : at + 1], name) for at, name in applied.marks] == [
        ("w", "a"), ("亚", "b"), ("x", "c"), ("", "d")
    ]  # fmt: skip


def test_places_of_ssml_stay_those_of_the_ssml() -> None:
    applied = LEXICON.applied("a Clock", places=[7, 9, 20, 21, 22, 23, 24, 25])
    assert (applied.text, applied.places) == ("a watch", [7, 9, 20, 21, 22, 23, 24, 25])


def test_the_front_end_says_it() -> None:
    (word,) = phonemize(LEXICON.applied("ClockTrain").text).words
    assert word.text == "ClockTrain"


def test_the_last_of_two_entries_counts_and_one_lexicon_goes_over_another() -> None:
    both = Lexicon([entry("a", alias="one"), entry("a", alias="two")])
    assert (len(both), both.applied("a").text) == (1, "two")
    assert Lexicon([entry("A", alias="three")]).over(both).applied("a").text == "three"
    exact = Lexicon([entry("A", alias="three", is_case_sensitive=True)]).over(both)
    assert exact.applied("a A").text == "two three"
    cases = Lexicon([entry("IT", alias="eye tee", is_case_sensitive=True), entry("it", alias="this")])
    assert cases.applied("IT it It").text == "eye tee this this"


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("ClockTrain AWS行长<>|2.\né'+"), max_size=60) | st.text(max_size=60))
def test_any_text_keeps_its_places_and_its_overrides(text: str) -> None:
    applied = LEXICON.applied(text, marks=[(len(text) // 2, "m")])
    assert len(applied.places) == len(applied.text) + 1
    assert applied.places[-1] == len(text) and all(low <= high for low, high in pairwise(applied.places))
    kept = [text[start:end] for start, end in override_spans(text)]
    assert all(override in applied.text for override in kept)
    assert 0 <= applied.marks[0][0] <= len(applied.text)


def test_a_lexicon_of_json_is_read() -> None:
    content = written(
        {"grapheme": "ClockTrain", "phones": "K L AA1 K T R EY2 N"},
        {"grapheme": "AWS", "alias": "亚马逊云", "caseSensitive": True},
    )
    lexicon = read_lexicon(content, "words.json")
    assert len(lexicon) == 2
    assert lexicon.applied("AWS aws clocktrain").text == "亚马逊云 aws <clocktrain|K L AA1 K T R EY2 N>"


def test_a_lexicon_of_the_w3c_is_read() -> None:
    content = pls(
        "<!-- names -->",
        "<lexeme><grapheme>Nguyen</grapheme><grapheme>Nguyễn</grapheme>"
        '<phoneme>wɪn</phoneme><phoneme prefer="true">ŋwɪən</phoneme></lexeme>',
        "<lexeme role='x'><grapheme>W3C</grapheme><alias>World Wide Web Consortium</alias></lexeme>",
        '<lexeme><grapheme>行</grapheme><phoneme alphabet="pinyin">hang2</phoneme><example>银行</example></lexeme>',
    )
    lexicon = read_lexicon(content, "names.pls")
    assert lexicon.applied("Nguyễn of W3C 行").text == "<Nguyễn|/ŋwɪən/> of World Wide Web Consortium <行|hang2>"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is no JSON"),
        (b"[" * 200_000, "it is no JSON"),
        (b"1" * 5_000, "it is no JSON"),
        (b"\xff", "is not UTF-8 at byte 0"),
        (b" " * (MAX_BYTES + 1), "the limit is 1048576"),
        (b"[]", 'it has no "entries"'),
        (written(schemaVersion=2), '"schemaVersion" is not 1'),
        (written(words=[]), 'the file has "words"'),
        (written(7), "entry 1: it is no object"),
        (written({"grapheme": "a"}), 'entry 1: "a" needs either phones or an alias'),
        (written({"grapheme": "a", "alias": "b", "phones": "EY1"}), "needs either"),
        (written({"grapheme": "a", "alias": 7}), '"alias" is missing or of another type'),
        (written({"alias": "a"}), '"grapheme" is missing'),
        (written({"grapheme": "a", "fones": "EY1"}), 'an entry has "fones"'),
        (written({"grapheme": "a", "alias": "b"}, {"grapheme": "行", "phones": "hang9"}), 'entry 2: "行": "hang9"'),
        (written({"grapheme": " ", "alias": "b"}), '"" is no word'),
        (written({"grapheme": "a|b", "alias": "b"}), '"a|b" is no word'),
        (written({"grapheme": "a", "alias": "<b|EY1>"}), 'the alias of "a" is no text'),
        (written({"grapheme": "x" * 201, "alias": "b"}), "is no word"),
        (written(*[{"grapheme": "a", "alias": "b"}] * (MAX_ENTRIES + 1)), "more than 10000 entries"),
        (b"<x/>", "line 1, column 1: it does not begin with <lexicon>"),
        (b"<lexicon>", "line 1, column 10: it is not well formed"),
        (b'<!DOCTYPE lexicon SYSTEM "file:///etc/passwd"><lexicon/>', "a DOCTYPE is not taken"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><lexicon>&a;</lexicon>', "a DOCTYPE is not taken"),
        (b"<?x y?><lexicon/>", "a processing instruction is not taken"),
        (pls("<lexeme>" * 10_000), "more than 16 deep"),
        (pls("<lexeme><grapheme>a</grapheme></lexeme>"), 'line 2: "a" needs either phones or an alias'),
        (pls("<lexeme><grapheme>a</grapheme><phoneme>q#</phoneme></lexeme>"), '"#" (U+0023) in /q#/'),
        (pls("<lexeme><grapheme>a</grapheme><phoneme>a</phoneme></lexeme>", more='alphabet="x-sampa"'), "x-sampa"),
        (pls("<lexeme>" + "<grapheme>a</grapheme>" * 10_001 + "<alias>b</alias></lexeme>"), "more than 10000 entries"),
    ],
)  # fmt: skip
def test_a_lexicon_that_cannot_be_read_is_told_with_its_place(content: bytes, message: str) -> None:
    with pytest.raises(LexiconInvalid) as raised:
        read_lexicon(content, "words")
    assert message in str(raised.value) and str(raised.value).startswith("LexiconInvalid: words")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=100) | st.text(max_size=100).map(pls))
def test_anything_is_a_lexicon_or_refused(content: bytes) -> None:
    with contextlib.suppress(LexiconInvalid):
        read_lexicon(content, "any")


def test_lexicons_are_found_by_tenant_and_name(tmp_path: Path) -> None:
    (tmp_path / "studio").mkdir()
    (tmp_path / "studio" / "words.json").write_bytes(written({"grapheme": "a", "alias": "b"}))
    (tmp_path / "studio" / "names.pls").write_bytes(pls("<lexeme><grapheme>c</grapheme><alias>d</alias></lexeme>"))
    folder = LexiconFolder(tmp_path)
    assert folder.find("studio", "words").applied("a c").text == "b c"
    assert folder.find("studio", "names").applied("a c").text == "a d"
    with pytest.raises(LexiconNotFound, match='no lexicon "words"'):
        folder.find("default", "words")


def test_a_lexicon_is_read_again_when_it_changed(tmp_path: Path) -> None:
    path = tmp_path / "default" / "words.json"
    path.parent.mkdir()
    path.write_bytes(written({"grapheme": "a", "alias": "b"}))
    folder = LexiconFolder(tmp_path)
    first = folder.find("default", "words")
    assert folder.find("default", "words") is first
    other = path.with_name("words.new")
    other.write_bytes(written({"grapheme": "a", "alias": "c"}))
    os.replace(other, path)
    assert folder.find("default", "words").applied("a").text == "c"
    path.write_text("{")
    with pytest.raises(LexiconInvalid, match=r"words\.json: it is no JSON"):
        folder.find("default", "words")
    path.unlink()
    with pytest.raises(LexiconNotFound):
        folder.find("default", "words")


@pytest.mark.parametrize("name", ["../secret", "", ".", "a/b", "a\0b", "words.json", "-x", "a" * 65, "wörter", "a\n"])
def test_a_name_is_a_plain_word(tmp_path: Path, name: str) -> None:
    (tmp_path / "default").mkdir()
    (tmp_path / "secret.json").write_bytes(written({"grapheme": "a", "alias": "b"}))
    folder = LexiconFolder(tmp_path)
    for tenant, asked in (("default", name), (name, "secret")):
        with pytest.raises(LexiconNotFound, match="there is no lexicon"):
            folder.find(tenant, asked)


def test_a_server_without_a_folder_says_so() -> None:
    with pytest.raises(LexiconNotFound, match="--lexicons DIR"):
        LexiconFolder(None).find("default", "words")
