"""One text in, tokens out: mixed languages, overrides, punctuation, and every bad input with its own error."""

from __future__ import annotations

import pytest

from clock_train.errors import TextEmpty, TextLanguageUnsupported, TextOverrideInvalid, TextTooLong
from clock_train.text.frontend import MAX_TEXT_CHARACTERS, phonemize, phonemize_all, resolve_language
from clock_train.text.utterance import Utterance


def sounds(utterance: Utterance) -> list[str]:
    return [" ".join(token.phone for token in utterance.tokens[word.start : word.end]) for word in utterance.words]


def languages(utterance: Utterance) -> list[str]:
    return [utterance.tokens[word.start].language for word in utterance.words]


def test_the_article_s_sentence_is_spoken() -> None:
    utterance = phonemize("欢迎使用钟训练语音复刻系统")
    assert [word.text for word in utterance.words] == ["欢迎", "使用", "钟", "训练", "语音", "复刻", "系统"]
    assert utterance.phones[0] == utterance.phones[-1] == "_"


def test_mixed_text_keeps_each_language() -> None:
    utterance = phonemize("我用Python写code。")
    assert [word.text for word in utterance.words] == ["我", "用", "Python", "写", "code"]
    assert languages(utterance) == ["zh", "zh", "en", "zh", "en"]


def test_numbers_follow_the_language_of_the_text() -> None:
    assert phonemize("Windows 11很好").normalized == "Windows 十一很好"
    assert phonemize("Windows 11 is good").normalized == "Windows eleven is good"
    assert phonemize("42", "zh").normalized == "四十二"


@pytest.mark.parametrize("text", ["42", "2026", "3.14", "007", "９９", "1" * 60, "-5", "50%"])
@pytest.mark.parametrize("language", ["zh", "en", "auto"])
def test_a_text_of_digits_only_speaks(text: str, language: str) -> None:
    assert len(phonemize(text, language).tokens) > 3


def test_override_replaces_a_reading_and_keeps_the_neighbours() -> None:
    utterance = phonemize("银<行|hang2>")
    assert sounds(utterance) == ["i n", "x ɑ ŋ"]
    assert utterance.normalized == "银行"
    assert sounds(phonemize("我姓<单|SHAN4>"))[-1] == "ʂ a n"


def test_override_is_not_changed_by_sandhi_but_its_neighbour_hears_it() -> None:
    tones = [token.tone for token in phonemize("<你|ni3>好").tokens]
    assert tones == [0, 3, 3, 3, 3, 0]
    assert [token.tone for token in phonemize("你<好|hao4>").tokens] == [0, 3, 3, 4, 4, 0]


def test_english_override_takes_arpabet() -> None:
    assert sounds(phonemize("<tomato|T AH0 M AA1 T OW2>")) == ["tʰ ə m ɑ tʰ oʊ"]


def test_an_override_of_several_syllables_is_one_word() -> None:
    assert sounds(phonemize("<重庆|chong2 qing4>很大"))[0] == "ʈʂʰ ʊ ŋ tɕʰ i ŋ"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("银<行|hang9>", "override '<行|hang9>' at character 2: \"hang9\" is not a pinyin syllable"),
        ("a <tomato|T XX0>", 'at character 3: "XX0" is not an ARPAbet phone'),
        ("<行|>", "nothing on one side of the bar"),
        ("<|hang2>", "nothing on one side of the bar"),
        ("银<行|hang2", "is not closed"),
        ("<行|__import__('os')>", "is not a pinyin syllable"),
    ],
)
def test_malformed_override_says_where_and_how(text: str, says: str) -> None:
    with pytest.raises(TextOverrideInvalid) as caught:
        phonemize(text)
    assert str(caught.value).startswith("TextOverrideInvalid: ")
    assert says in str(caught.value)


@pytest.mark.parametrize("text", ["", "   ", "😀🎉👍", "...", "\x00\x07\u200b", "…!?", "<>", "\ud800", "\ue000"])
def test_nothing_to_speak_is_refused(text: str) -> None:
    with pytest.raises(TextEmpty, match=r"^TextEmpty: nothing in .* can be spoken; write words or numbers"):
        phonemize(text)


def test_emoji_among_words_are_passed_over() -> None:
    assert sounds(phonemize("你好😀")) == sounds(phonemize("你好"))
    assert sounds(phonemize("go 👨‍👩‍👧 go")) == ["ɡ oʊ", "ɡ oʊ"]


def test_fifty_thousand_characters_are_refused_with_the_way_out() -> None:
    with pytest.raises(
        TextTooLong, match=r"50000 characters, the limit of one call is 5000; cut it with .*split_sentences"
    ):
        phonemize("好" * 50_000)
    assert phonemize("好" * MAX_TEXT_CHARACTERS).words


@pytest.mark.parametrize(
    ("text", "script"),
    [("漢字とひらがな", "Hiragana"), ("中文 Привет", "Cyrillic"), ("hello שלום", "Hebrew"), ("안녕", "Hangul")],
)
def test_letters_of_another_script_are_refused_and_named(text: str, script: str) -> None:
    with pytest.raises(TextLanguageUnsupported, match=f"is {script} script"):
        phonemize(text)


@pytest.mark.parametrize("language", ["tlh", "xx", "$(reboot)", "-v", "", "english please"])
def test_unknown_language_is_refused(language: str) -> None:
    with pytest.raises(TextLanguageUnsupported, match=r"^TextLanguageUnsupported: "):
        phonemize("hello", language)


def test_control_characters_and_line_ends_are_spaces() -> None:
    assert sounds(phonemize("go\x00\x1b\r\n\tgo")) == ["ɡ oʊ", "ɡ oʊ"]


def test_full_width_forms_and_traditional_marks_read_as_the_plain_ones() -> None:
    assert sounds(phonemize("ＨＥＬＬＯ，ｗｏｒｌｄ")) == sounds(phonemize("HELLO,world"))
    assert phonemize("「你好」，他說。").phones == phonemize('"你好",他說.').phones


def test_of_several_marks_the_strongest_stays() -> None:
    assert "?" in phonemize("真的?!好").phones
    assert [phone for phone in phonemize("，。你好……，好！！！").phones if phone in ",.?!"] == [",", "!"]


def test_markup_is_text() -> None:
    assert [word.text for word in phonemize("<b>go</b> ${go} {{go}}").words if word.text == "go"] == ["go"] * 3


@pytest.mark.parametrize(
    ("language", "code"), [("zh-CN", "zh"), ("EN_us", "en"), ("cmn", "zh"), ("auto", "en"), ("fr", "fr")]
)
def test_language_codes(language: str, code: str) -> None:
    assert resolve_language("hello", language) == code


def test_many_texts_give_what_one_by_one_gives() -> None:
    texts = ["你好", "hello", "第3个"]
    assert phonemize_all(texts) == [phonemize(text) for text in texts]
    assert phonemize_all([]) == []


@pytest.mark.timeout(60)  # a quadratic pattern took 10 s here, twenty times what it takes now
@pytest.mark.parametrize("piece", ["1", "1-", "1,111", "a.", "a@", "<", "~1", "$1", "1:", "A1", "II ", "’a'"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_longest_text_of_one_piece_is_answered(piece: str, language: str) -> None:
    text = (piece * MAX_TEXT_CHARACTERS)[:MAX_TEXT_CHARACTERS]
    try:
        assert phonemize(text, language).words
    except TextEmpty:
        assert piece == "<"
