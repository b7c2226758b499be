"""The phone inventory: stable numbers, and nothing outside it."""

from __future__ import annotations

import numpy as np

from clock_train.text import inventory
from clock_train.text.english.arpabet import CONSONANTS, VOWELS, arpabet_tokens
from clock_train.text.frontend import phonemize
from clock_train.text.inventory import LANGUAGES, NUM_TONES, PHONES, token_ids
from clock_train.text.mandarin.phones import ERHUA, FINALS, INITIALS
from clock_train.text.utterance import Utterance


def test_inventory_id_changes_only_on_purpose() -> None:
    # A trained voice fits one inventory: whoever changes this line makes every base and voice before it unusable.
    assert inventory.INVENTORY_ID == "eafb33d71ce4"


def test_numbers_of_phones_are_positions_and_unique() -> None:
    assert len(set(PHONES)) == len(PHONES)
    assert PHONES[:5] == ("_", ",", ".", "?", "!")
    assert LANGUAGES == ("none", "zh", "en", "es", "fr", "it", "ru", "other")
    assert NUM_TONES == 9


def test_mandarin_uses_phones_of_the_inventory() -> None:
    used = {*INITIALS.values(), ERHUA, *(phone for final in FINALS.values() for phone in final)}
    assert used <= set(PHONES)


def test_english_uses_phones_of_the_inventory() -> None:
    spoken = [*CONSONANTS, *(f"{vowel}{stress}" for vowel in VOWELS for stress in "012")]
    assert {token.phone for token in arpabet_tokens(spoken)} <= set(PHONES)


def test_token_ids_hold_phones_tones_and_languages() -> None:
    ids = token_ids(phonemize("好 go.", "zh"))
    assert ids.dtype == np.int64
    assert ids.shape == (3, 7)
    assert [PHONES[number] for number in ids[0]] == ["_", "x", "aʊ", "ɡ", "oʊ", ".", "_"]
    assert ids[1].tolist() == [0, 3, 3, 0, 7, 0, 0]
    assert [LANGUAGES[number] for number in ids[2]] == ["none", "zh", "zh", "en", "en", "none", "none"]


def test_token_ids_of_nothing_have_the_same_axes() -> None:
    assert token_ids(Utterance(text="", normalized="")).shape == (3, 0)


def test_same_text_gives_the_same_ids_every_time() -> None:
    text = "欢迎使用ClockTrain, version 2!"
    np.testing.assert_array_equal(token_ids(phonemize(text)), token_ids(phonemize(text)))
