"""SSML as segments: each element, each way to be wrong, and where every character of it stands."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clock_train.errors import SsmlInvalid, TextError
from clock_train.text.frontend import phonemize
from clock_train.text.overrides import override_spans
from clock_train.text.ssml import OBEYED, OTHERS, Segment, Ssml, read_ssml

BOMB = (
    '<!DOCTYPE speak [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + at)} "{f"&{chr(97 + at)};" * 10}">' for at in range(9))
    + "]><speak>&j;</speak>"
)


def speak(body: str, **attributes: str) -> str:
    given = "".join(f' {name.replace("_", ":")}="{value}"' for name, value in attributes.items())
    return f"<speak{given}>{body}</speak>"


def read(body: str, language: str = "auto") -> list[Segment]:
    return read_ssml(speak(body), language=language).segments


def texts(body: str, language: str = "auto") -> list[str]:
    return [segment.text for segment in read(body, language)]


def phones(text: str, language: str = "auto") -> list[str]:
    return [phone for phone in phonemize(text, language).phones if phone not in "_,.?!"]


def pointed(ssml: str, segment: Segment, word: str) -> str:
    at = segment.text.index(word)
    return ssml[segment.places[at] : segment.places[at + len(word)]]


def holds(read: Ssml, ssml: str) -> None:
    """What is true of all segments."""
    end = 0
    for segment in read.segments:
        assert len(segment.places) == len(segment.text) + 1
        assert all(low <= high for low, high in pairwise(segment.places))
        assert end <= segment.places[0] and segment.places[-1] <= len(ssml)
        end = segment.places[-1]
        assert all(0 <= at <= len(segment.text) and name for at, name in segment.marks)
        assert segment.text.strip() and 0.25 <= segment.speed <= 4 and 0 <= (segment.pause_s or 0) <= 10
    assert len(read.shown) == len(ssml)
    assert len(read.ignored) == len(set(read.ignored))


def test_plain_text_in_speak_is_one_segment_in_the_manner_of_the_request() -> None:
    (segment,) = read("Hello, world.")
    assert (segment.text, segment.voice, segment.language, segment.speed) == ("Hello, world.", None, None, 1.0)
    assert segment.pause_s is None


def test_line_ends_of_a_file_are_spaces() -> None:
    assert texts("\n  Hello,\r\n\tbig\n  world.\n") == ["Hello, big world."]


@pytest.mark.parametrize(
    ("attributes", "pause_s"),
    [
        ("", 0.5), ("time='500ms'", 0.5), ("time='1.5s'", 1.5), ("time='+2s'", 2.0), ("time='10s'", 10.0),
        ("strength='x-weak'", 0.15), ("strength='weak'", 0.3), ("strength='medium'", 0.5), ("strength='strong'", 0.8),
        ("strength='x-strong'", 1.2), ("strength='x-strong' time='250ms'", 0.25),
    ],
)  # fmt: skip
def test_a_break_is_a_pause_before_what_follows(attributes: str, pause_s: float) -> None:
    before, after = read(f"Hello <break {attributes}/>world.")
    assert (before.text, before.pause_s, after.text, after.pause_s) == ("Hello", None, "world.", pause_s)


def test_no_pause_in_a_sentence_is_no_cut_and_after_one_it_takes_the_usual_pause_away() -> None:
    assert texts("Hello <break strength='none'/>world.") == ["Hello world."]
    assert [segment.pause_s for segment in read("One. <break time='0s'/>Two.")] == [None, 0.0]


def test_breaks_beside_each_other_add_up_and_one_at_the_end_is_named() -> None:
    assert read("One. <break time='1s'/> <break time='2s'/> Two.")[1].pause_s == 3.0
    assert read_ssml(speak("One.<break/>")).ignored == ["break@end"]
    assert read("<break time='1s'/>One.")[0].pause_s == 1.0


def test_a_break_in_a_sentence_adds_no_full_stop() -> None:
    before, after = read("We have <break time='300ms'/> three left.")
    assert not {".", ",", "!", "?"} & set(phonemize(before.text).phones)
    assert phones(before.text) + phones(after.text) == phones("We have three left.")


@pytest.mark.parametrize(
    ("rate", "speed"),
    [
        ("x-slow", 0.5), ("slow", 0.75), ("medium", 1.0), ("fast", 1.25), ("x-fast", 1.5), ("default", 1.0),
        ("80%", 0.8), ("+20%", 1.2), ("-20%", 0.8), ("1.5", 1.5), (".5", 0.5), ("400%", 4.0), ("0.25", 0.25),
    ],
)  # fmt: skip
def test_a_rate_is_a_speed(rate: str, speed: float) -> None:
    assert read(f"<prosody rate='{rate}'>Hello.</prosody>")[0].speed == speed


def test_rates_in_each_other_multiply_and_a_word_starts_anew() -> None:
    inner = "<prosody rate='{}'>Hello.</prosody>"
    assert read(f"<prosody rate='slow'>{inner.format('80%')}</prosody>")[0].speed == 0.6
    assert read(f"<prosody rate='slow'>{inner.format('+20%')}</prosody>")[0].speed == 0.9
    assert read(f"<prosody rate='slow'>{inner.format('fast')}</prosody>")[0].speed == 1.25


def test_another_speed_in_a_sentence_has_no_pause_around_it() -> None:
    segments = read("It is <prosody rate='slow'>very</prosody> big. And")
    assert [(segment.text, segment.speed, segment.pause_s) for segment in segments] == [
        ("It is", 1.0, None), ("very", 0.75, 0.0), ("big. And", 1.0, 0.0)
    ]  # fmt: skip


def test_paragraphs_have_a_pause_between_them_and_sentences_end() -> None:
    assert [(segment.text, segment.pause_s) for segment in read("<p>One.</p> <p><s>Two</s><s>Three</s></p>")] == [
        ("One.", None), ("Two\nThree", 0.5)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("alphabet", "ph", "override"),
    [
        ("ipa", "təˈmɑːtoʊ", "<tomato|/təˈmɑːtoʊ/>"),
        ("x-clocktrain", "T AH0 M AA1 T OW2", "<tomato|T AH0 M AA1 T OW2>"),
        ("x-clocktrain", "tʰ ə ˈm ɑ tʰ oʊ", "<tomato|[tʰ ə ˈm ɑ tʰ oʊ]>"),
        ("x-clocktrain", "/təˈmɑːtoʊ/", "<tomato|/təˈmɑːtoʊ/>"),
        ("pinyin", "MA3 ma5", "<tomato|ma3 ma5>"),
    ],
)
def test_phones_are_an_override_that_the_front_end_takes(alphabet: str, ph: str, override: str) -> None:
    (text,) = texts(f"a <phoneme alphabet='{alphabet}' ph=\"{ph}\">tomato</phoneme>.")
    assert text == f"a {override}."
    assert phonemize(text).words


def test_ipa_and_arpabet_of_a_word_are_the_same_phones() -> None:
    (text,) = texts("<phoneme ph='təˈmɑːtoʊ'>tomato</phoneme>")
    assert phonemize(text).tokens == phonemize("<tomato|T AH0 M AA1 T OW0>").tokens
    (text,) = texts("<phoneme alphabet='ipa' ph='xɑŋ˧˥'>行</phoneme>")
    assert phonemize(text).tokens == phonemize("<行|hang2>").tokens


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("<sub alias='World Wide Web'>W3C</sub>!", "World Wide Web!"),
        ("the<sub alias='World'>W</sub>wide", "the World wide"),
        ("<sub alias='亚马逊'>AWS</sub>云", "亚马逊云"),
        ("<sub alias=''>silence</sub>Hello", "Hello"),
        ("<say-as interpret-as='characters'>a1</say-as>", "<A|EY1> one"),
        ("<say-as interpret-as='digits'>102</say-as>", "one zero two"),
        ("<say-as interpret-as='cardinal'>-1,250</say-as>", "minus one thousand two hundred fifty"),
        ("<say-as interpret-as='ordinal'>3</say-as> time", "third time"),
        (
            "<say-as interpret-as='date' format='dmy'>1/2/2026</say-as>",
            "February first, twenty twenty six",
        ),
        ("<say-as interpret-as='date'>2026-11-23</say-as>", "November twenty third, twenty twenty six"),
        ("<say-as interpret-as='time'>14:30</say-as>", "fourteen thirty"),
        ("<say-as interpret-as='telephone'>555-0102</say-as>", "five five five, oh one oh two"),
        ("<say-as interpret-as='currency'>USD 3.50</say-as>", "three dollars and fifty cents"),
        ("你<say-as interpret-as='characters'>好2</say-as>", "你好 二"),
        ("你<say-as interpret-as='digits'>12</say-as>", "你一二"),
        ("你<say-as interpret-as='cardinal'>12</say-as>", "你十二"),
        ("你<say-as interpret-as='ordinal'>2</say-as>", "你第二"),
        ("你<say-as interpret-as='date'>2026-11-23</say-as>", "你二零二六年十一月二十三日"),
        ("你<say-as interpret-as='time'>2:05pm</say-as>", "你下午两点零五分"),
        ("你<say-as interpret-as='telephone'>13800138000</say-as>", "你幺三八零零幺三八零零零"),
        ("你<say-as interpret-as='currency'>￥3.5</say-as>", "你三元五角"),
    ],
)
def test_what_is_written_is_said_as_it_is_meant(written: str, said: str) -> None:
    (segment,) = read(written)
    assert segment.text == said
    assert phonemize(segment.text).words


def test_what_is_said_follows_the_language_that_is_named_or_the_text_around_it() -> None:
    twelve = "<say-as interpret-as='cardinal'>12</say-as>"
    assert texts(twelve) == ["twelve"]
    assert texts(twelve, "zh") == ["十二"]
    assert texts(f"<lang xml:lang='zh-CN'>{twelve}</lang>") == ["十二"]
    assert texts(f"{twelve}个") == ["十二个"]
    assert texts(f"Yes, {twelve}. 好") == ["Yes, twelve. 好"]
    assert read_ssml(speak(twelve), language="fr").ignored == ["say-as@cardinal"]


def test_another_voice_speaks_until_its_element_ends() -> None:
    segments = read("I <voice name='anna@2'>you <voice name='ben/mia'>he</voice> she</voice> it")
    assert [(segment.text, segment.voice) for segment in segments] == [
        ("I", None), ("you", "anna@2"), ("he", "ben/mia"), ("she", "anna@2"), ("it", None)
    ]  # fmt: skip
    assert {segment.pause_s for segment in segments} == {None}


def test_signs_behind_an_element_are_of_the_word_before_them() -> None:
    segments = read(
        "<voice name='ben'>Hi</voice>. <voice name='anna'>You</voice>, there! (<lang xml:lang='zh'>好</lang>) x"
    )
    assert [segment.text for segment in segments] == ["Hi.", "You,", "there! (", "好)", "x"]
    assert texts("Hello<break/>. Next one.") == ["Hello", ". Next one."]


def test_languages_are_named_by_lang_voice_paragraphs_and_all_of_it() -> None:
    segments = read_ssml(speak("a <lang xml:lang='zh-CN'>好</lang> <p xml:lang='fr'>b</p>", xml_lang="en-US")).segments
    assert [segment.language for segment in segments] == ["en-US", "zh-CN", "fr"]


def test_marks_stand_before_the_words_that_follow_them() -> None:
    (segment,) = read("<mark name='a'/>One <mark name='b'/>two<mark name='c'/>")
    assert segment.marks == [(0, "a"), (4, "b"), (7, "c")]
    first, second = read("One <mark name='a'/><voice name='ben'>two</voice><break/><mark name='b'/>")
    assert (first.marks, second.marks) == ([], [(0, "a"), (3, "b")])


def test_characters_are_found_in_the_ssml() -> None:
    ssml = speak(
        "Now &amp; <emphasis>then</emphasis>, a <phoneme ph='kæt'>cat</phoneme> of <sub alias='Big'>IBM</sub>"
        "<![CDATA[ sat]]> é <s>down</s>"
    )
    (segment,) = read_ssml(ssml).segments
    for word in ("Now", "then", "cat", "sat", "é", "down"):
        assert pointed(ssml, segment, word) == word
    assert pointed(ssml, segment, "&") == "&amp;"
    assert pointed(ssml, segment, "Big") == "IBM"


def test_captions_have_the_words_without_the_tags() -> None:
    ssml = speak("A &lt; <emphasis>B</emphasis>")
    assert read_ssml(ssml).shown.replace("\0", "") == "A < B"


@pytest.mark.parametrize(
    "text", ["&lt;tomato|T AH0&gt;", "<![CDATA[<tomato|T AH0>]]>", "<sub alias='&lt;a|b&gt;'>x</sub>"]
)
def test_text_never_turns_into_an_override(text: str) -> None:
    (segment,) = read(text)
    assert override_spans(segment.text) == []
    phonemize(segment.text)


def test_the_content_of_a_phoneme_cannot_end_its_override() -> None:
    (text,) = texts("<phoneme ph='kæt'>a|b&gt;&lt;c|d&gt;</phoneme>")
    assert text == "<abcd|/kæt/>"
    assert texts("<phoneme ph='kæt'/>") == ["<~|/kæt/>"]


def test_names_of_the_w3c_without_effect_are_listed_and_their_text_is_spoken() -> None:
    ssml = read_ssml(
        speak(
            "<metadata><x xmlns='urn:x'>no</x></metadata><audio src='x.wav'><desc>no</desc>one</audio> "
            "<emphasis level='strong'>two</emphasis> <w>three</w> <token>four</token> "
            "<prosody pitch='high' volume='+6dB' rate='slow'>five</prosody> <voice gender='female'>six</voice> "
            "<say-as interpret-as='fraction'>7</say-as>",
            version="1.1",
        )
    )
    assert " ".join(segment.text for segment in ssml.segments) == "one two three four five six 7"
    assert ssml.ignored == [
        "metadata", "audio", "desc", "emphasis", "w", "token", "prosody@pitch", "prosody@volume", "voice@gender",
        "say-as@fraction",
    ]  # fmt: skip


def test_the_namespaces_of_the_recommendation_are_taken() -> None:
    ssml = (
        '<?xml version="1.0" encoding="UTF-8"?><!-- a comment --><speak version="1.1" '
        'xmlns="http://www.w3.org/2001/10/synthesis" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xsi:schemaLocation="http://www.w3.org/2001/10/synthesis x.xsd" xml:lang="en-US">Hello</speak>'
    )
    assert read_ssml(ssml).ignored == []
    prefixed = '<a:speak xmlns:a="http://www.w3.org/2001/10/synthesis">Hel<a:break/>lo</a:speak>'
    assert [segment.text for segment in read_ssml(prefixed).segments] == ["Hel", "lo"]


def test_nothing_to_say_is_no_segment() -> None:
    assert read(" <break/><mark name='x'/> ") == []


@pytest.mark.parametrize(
    ("ssml", "message"),
    [
        ("Hello", "line 1, column 1: it is not well formed (syntax error); is it XML?"),
        ("", "no element found"),
        ("<speak>a & b</speak>", 'write "&" as &amp;'),
        ("<speak>a&nbsp;b</speak>", "line 1, column 9: it is not well formed (undefined entity)"),
        ("<speak>\n <b", "line 2"),
        ("<speak>\n  <p></s></speak>", "line 2, column 8: it is not well formed (mismatched tag)"),
        ("<speak>\0</speak>", "not well formed"),
        ("<speak>&#0;</speak>", "not well formed"),
        ("<speak>&#x1;</speak>", "not well formed"),
        ("<speak>\ud800</speak>", "surrogate"),
        ("<p>x</p>", 'it begins with "p"; put all of it into <speak>'),
        ("<speak><speak>x</speak></speak>", "speak stands in another element"),
        (BOMB, "a DOCTYPE is not taken"),
        ('<!DOCTYPE speak SYSTEM "file:///etc/passwd"><speak/>', "a DOCTYPE is not taken"),
        ('<!DOCTYPE speak [<!ENTITY x SYSTEM "file:///etc/passwd">]><speak>&x;</speak>', "a DOCTYPE is not taken"),
        ('<!DOCTYPE speak [<!ENTITY % x SYSTEM "http://h/x.dtd"> %x;]><speak/>', "a DOCTYPE is not taken"),
        ("<speak><?php x?></speak>", "line 1, column 8: a processing instruction is not taken"),
        ("<speak>" + "<p>" * 10_000 + "</p>" * 10_000 + "</speak>", "more than 16 deep"),
        ("<speak>" + "<s/>" * 3_000 + "</speak>", "more than 2000 elements"),
        (speak("x" * 100_000), "100015 characters are more than 100000"),
        (speak("<blink>x</blink>"), 'line 1, column 8: there is no element "blink"'),
        (speak("<x:break xmlns:x='urn:x'/>"), 'there is no element "break"'),
        (speak("<x:express-as xmlns:x='https://www.w3.org/2001/mstts'>x</x:express-as>"), "there is no element"),
        (speak("<m:break/>"), "unbound prefix"),
        (speak("<break tim='1s'/>"), 'break has no attribute "tim"; it has time, strength'),
        (speak("<break time='1s' time='2s'/>"), "duplicate attribute"),
        (speak("<break time='soon'/>"), '"soon" is no time; write it as 500ms or 1.5s'),
        (speak("<break time='-1s'/>"), "is no time"),
        (speak("<break time='1'/>"), "is no time"),
        (speak("<break time='1e9s'/>"), "is no time"),
        (speak("<break time='11s'/>"), "a break is 11 s; give at most 10 at one place"),
        (speak("<break time='6s'/><break time='6s'/>"), "a break is 12 s"),
        (speak("a<break time='10s'/>" * 7), "the breaks are over 60 s in all"),
        (speak("<break strength='huge'/>"), '"huge" is no strength'),
        (speak("<prosody rate='9'>x</prosody>"), "the rate 9 makes the speed 9; it may be 0.25 to 4"),
        (speak("<prosody rate='-90%'>x</prosody>"), "makes the speed 0.1"),
        (speak("<prosody rate='x-slow'><prosody rate='40%'>x</prosody></prosody>"), "makes the speed 0.2"),
        (speak("<prosody rate='quick'>x</prosody>"), '"quick" is no rate'),
        (speak("<prosody rate='nan'>x</prosody>"), '"nan" is no rate'),
        (speak("<prosody rate='+1'>x</prosody>"), '"+1" is no rate'),
        (speak("<phoneme ph='q#'>x</phoneme>"), '"#" (U+0023) in /q#/ is no IPA symbol'),
        (speak("<phoneme>x</phoneme>"), '"//" has no phone'),
        (speak("<phoneme alphabet='x-sampa' ph='a'>x</phoneme>"), 'there is no alphabet "x-sampa"'),
        (speak("<phoneme alphabet='pinyin' ph='hang9'>行</phoneme>"), '"hang9" is not a pinyin syllable'),
        (speak("<phoneme alphabet='x-clocktrain' ph='QQ'>x</phoneme>"), '"QQ" is neither pinyin'),
        (speak(f"<phoneme ph='{'a' * 1_001}'>x</phoneme>"), "phoneme has 1001 characters, the limit is 1000"),
        (speak(f"<say-as interpret-as='digits'>{'1' * 1_001}</say-as>"), "say-as has 1001 characters"),
        (speak("<phoneme ph='a|b'>x</phoneme>"), "holds a sign that is no phone"),
        (speak("<phoneme ph='a'>x<break/></phoneme>"), "phoneme holds text only; take break out of it"),
        (speak("<sub>x</sub>"), "sub has no alias"),
        (speak("<say-as>x</say-as>"), "say-as has no interpret-as"),
        (speak("<say-as interpret-as='cardinal'>many</say-as>"), '"many" is said as cardinal: write a number'),
        (speak("<say-as interpret-as='digits'>x</say-as>"), "write digits"),
        (speak("<say-as interpret-as='ordinal'>1.5</say-as>"), "write a whole number"),
        (speak("<say-as interpret-as='date' format='ymd'>2026-13-40</say-as>"), "there is no such day"),
        (speak("<say-as interpret-as='date' format='x'>1/2</say-as>"), "write a date"),
        (speak("<say-as interpret-as='time'>25:00</say-as>"), "there is no such time of a day"),
        (speak("<say-as interpret-as='telephone'>call</say-as>"), "write a telephone number"),
        (speak("<say-as interpret-as='currency'>5</say-as>"), "write an amount of money"),
        (speak("<say-as interpret-as='currency'>XYZ 5</say-as>"), '"XYZ" is no currency'),
        (speak("<voice name=''>x</voice>"), "the name of a voice is empty"),
        (speak("<lang>x</lang>"), "lang has no xml:lang"),
        (speak(f"<lang xml:lang='{'x' * 41}'>x</lang>"), "more than 40 characters"),
        (speak("<mark/>"), "mark needs a name"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(ssml: str, message: str) -> None:
    with pytest.raises(SsmlInvalid) as raised:
        read_ssml(ssml)
    assert message in str(raised.value) and "SSML, line " in str(raised.value)


PIECES = st.sampled_from(
    [
        "<p>", "</p>", "<s>", "</s>", "<break/>", "<break time='1s'/>", "<prosody rate='80%'>", "</prosody>",
        "<phoneme ph='kæt'>", "</phoneme>", "<sub alias='ab c'>", "</sub>", "<say-as interpret-as='characters'>",
        "</say-as>", "<voice name='b'>", "</voice>", "<mark name='m'/>", "<lang xml:lang='zh'>", "</lang>",
        "<emphasis>", "</emphasis>", "&amp;",
        "&#233;", "<![CDATA[|]]>", " ", "\r\n", ".", "，", "|", "好", "é", "a", "1",
    ]
)  # fmt: skip


def tree() -> st.SearchStrategy[str]:
    leaf = st.sampled_from(
        ["好", "a b", "1.", " ", "\r\n", "&lt;", "é", "😀", "|x&gt;", "<break/>", "<mark name='m'/>", ""]
    )
    elements = st.sampled_from(
        [
            ("<p>", "</p>"), ("<s>", "</s>"), ("<prosody rate='80%'>", "</prosody>"), ("<voice name='b'>", "</voice>"),
            ("<lang xml:lang='zh'>", "</lang>"), ("<emphasis>", "</emphasis>"), ("", ""),
        ]
    )  # fmt: skip
    content = st.sampled_from(
        [
            "<phoneme ph='kæt'> x y </phoneme>",
            "<sub alias='ab c'>x</sub>",
            "<say-as interpret-as='characters'>b 7</say-as>",
        ]
    )

    def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.builds(lambda own, parts: own[0] + "".join(parts) + own[1], elements, st.lists(inner, max_size=4))

    return st.recursive(leaf | content, grown, max_leaves=25)


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=30).map("".join), tree()).map(speak) | st.text())
def test_anything_is_read_within_bounds_or_refused(ssml: str) -> None:
    try:
        found = read_ssml(ssml)
    except SsmlInvalid:
        return
    holds(found, ssml)


@settings(max_examples=300, deadline=None)
@given(tree().map(speak))
def test_what_is_read_is_a_text_that_the_front_end_takes(ssml: str) -> None:
    for segment in read_ssml(ssml).segments:
        try:
            phonemize(segment.text, segment.language or "auto")
        except TextError as error:
            assert error.code == "TextEmpty"


def test_every_element_of_the_recommendation_is_known() -> None:
    named = {
        "speak", "p", "s", "token", "w", "lexicon", "lookup", "meta", "metadata", "say-as", "phoneme", "sub", "lang",
        "voice", "emphasis", "break", "prosody", "audio", "mark", "desc",
    }  # fmt: skip
    assert {*OBEYED, *OTHERS} == named


def test_white_space_between_voices_moves_no_place_backwards() -> None:
    ssml = "<speak><p><voice name='0'>:</voice><voice name='0'> <s>0</s></voice></p></speak>"
    found = read_ssml(ssml)
    holds(found, ssml)
    assert [segment.text for segment in found.segments] == [": \n0"]
