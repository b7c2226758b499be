"""Other languages: espeak-ng's IPA onto the inventory, and what happens where espeak-ng is missing or odd."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import pytest

from clock_train.errors import TextEmpty, TextLanguageUnsupported
from clock_train.text import espeak
from clock_train.text.frontend import phonemize, phonemize_all
from clock_train.text.inventory import PHONES
from clock_train.text.ipa import ipa_tokens

needs_espeak = pytest.mark.skipif(
    shutil.which("espeak-ng") is None, reason="espeak-ng is optional and not installed here"
)


@pytest.mark.parametrize(
    ("word", "voice", "phones"),
    [
        ("m_ˈɔ̃_d", "fr-fr", "m ɔ ̃ d"),
        ("s_y_ˌi_z", "fr-fr", "s y i z"),
        ("(en)_p_ˈɑː_k_ɪ_ŋ_(fr)", "fr-fr", "p ɑ ː k ɪ ŋ"),
        ("ɡ_ˈa_tː_o", "it", "ɡ a t ː o"),
        ("p_ˈi_tsː_a", "it", "p i ts ː a"),
        ("tʃʲ_ˈɑ_ɕ_ʌ", "ru", "tɕ ɑ ɕ ɐ"),
        ('ɭʲ_u"_b_ɭʲ_ˈu"', "ru", "l ʲ ʉ b l ʲ ʉ"),
        ("ʒ_ˈy_ʑ_n", "ru", "ʐ ɨ ʑ n"),
        ("pf_ˈaɪ_f_ə_n", "de", "p f aɪ f ə n"),
        ("ʝ_ˈa_β_e", "es-419", "j a β e"),
        ("ç_ˈɛ_ç", "de", "ç ɛ ç"),
    ],
)
def test_ipa_becomes_phones_of_the_inventory(word: str, voice: str, phones: str) -> None:
    tokens = ipa_tokens(word, voice, "other")
    assert [token.phone for token in tokens] == phones.split(" ")
    assert {token.phone for token in tokens} <= set(PHONES)


def test_stress_falls_on_the_next_vowel_only() -> None:
    assert [token.tone for token in ipa_tokens("ˌa_β_o_ɣ_ˈa_ð_o", "es-419", "es")] == [8, 0, 6, 0, 7, 0, 6]


def test_signs_that_are_no_sound_are_dropped() -> None:
    assert [token.phone for token in ipa_tokens("l_ə-_5_|", "fr-fr", "fr")] == ["l", "ə"]


def test_without_espeak_the_error_says_how_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        TextLanguageUnsupported, match=r'"es" is read by espeak-ng, which is not installed .*apt-get install espeak-ng'
    ):
        phonemize("hola", "es")
    assert phonemize("hello").words, "English needs no espeak-ng"


def test_an_espeak_that_hangs_or_fails_is_bounded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "espeak-ng"
    program.write_text('#!/bin/sh\n[ "$1" = --voices ] && printf "P L\\n5 es\\n" && exit 0\nexec sleep 5\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(espeak, "_TIMEOUT_S", 0.3)
    with pytest.raises(TextLanguageUnsupported, match=r"espeak-ng did not read 1 clauses in 0 s"):
        phonemize("hola", "es")
    program.write_text('#!/bin/sh\n[ "$1" = --voices ] && printf "P L\\n5 es\\n" && exit 0\nexit 3\n')
    with pytest.raises(TextLanguageUnsupported, match=r'espeak-ng failed on the voice "es"'):
        phonemize("hola", "es")


@needs_espeak
@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("es", "Hola, ¿qué tal estás?", ["Hola", "qué", "tal", "estás"]),
        ("fr", "Bonjour le monde.", ["Bonjour", "le", "monde"]),
        ("it", "Il gatto è bello!", ["Il", "gatto", "è", "bello"]),
        ("ru", "Привет, что ты делаешь?", ["Привет", "что", "ты", "делаешь"]),
    ],
)
def test_languages_of_the_sample_voices_are_read(language: str, text: str, words: list[str]) -> None:
    utterance = phonemize(text, language)
    assert [word.text for word in utterance.words] == words
    assert {token.language for token in utterance.tokens} == {"none", language}
    assert {token.phone for token in utterance.tokens} <= set(PHONES)


@needs_espeak
def test_many_sentences_are_read_as_one_by_one() -> None:
    texts = ["Uno, dos.", "...tres!", "$$ 3,5 pesos", "<tomate|T OW0> rojo"]
    assert phonemize_all(texts, "es") == [phonemize(text, "es") for text in texts]


@needs_espeak
def test_phoneme_codes_and_options_in_a_text_are_only_text() -> None:
    assert phonemize("[[h@loU]] --version -w out.wav", "es").words


@needs_espeak
def test_bad_foreign_texts_have_the_same_errors() -> None:
    with pytest.raises(TextEmpty):
        phonemize("😀", "es")
    with pytest.raises(TextLanguageUnsupported, match="is a Han character in a text of language"):
        phonemize("hola 你好", "es")
