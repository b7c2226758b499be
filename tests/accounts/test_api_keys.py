"""API keys as values: their text, what is kept of it, what they allow."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from account_values import NOW
from hypothesis import given
from hypothesis import strategies as st

from clock_train.accounts.keys import PREFIX, ApiKey, KeyScope, invalid, new_key_text, parse, sha256_of
from clock_train.errors import ApiKeyExpired, ApiKeyInvalid, ConfigValueInvalid, ScopeMissing


def key(**told: Any) -> ApiKey:
    values: dict[str, Any] = {
        "id": "abcd1234", "quota_id": "abcd1234", "secret_sha256": sha256_of("s" * 43), "tenant": "acme",
        "scopes": frozenset({KeyScope.SPEECH_SYNTHESIZE}), "created": NOW, **told,
    }  # fmt: skip
    return ApiKey(**values)


def test_a_new_key_reads_prefix_id_and_32_random_bytes() -> None:
    text, key_id, secret = new_key_text()
    assert text == f"{PREFIX}{key_id}_{secret}"
    assert (len(key_id), len(secret)) == (8, 43)
    assert parse(text) == (key_id, secret)


def test_no_two_keys_are_alike() -> None:
    texts = [new_key_text() for _ in range(200)]
    assert len({text for text, _, _ in texts}) == len({key_id for _, key_id, _ in texts}) == 200


@pytest.mark.parametrize(
    "text",
    [None, "", "ct_live_", "sk-abc", "ct_live_abcd1234_short", "ct_test_abcd1234_" + "s" * 43,
     "ct_live_ABCD1234_" + "s" * 43, "ct_live_abcd1234_" + "s" * 43 + "\n", " ct_live_abcd1234_" + "s" * 43,
     "ct_live_abcd1234_" + "é" * 43],
)  # fmt: skip
def test_what_is_no_key_is_invalid(text: str | None) -> None:
    with pytest.raises(ApiKeyInvalid):
        parse(text)


@given(st.text())
def test_whatever_is_sent_is_a_key_or_invalid(text: str) -> None:
    try:
        key_id, secret = parse(text)
    except ApiKeyInvalid as error:
        assert str(error) == str(invalid())
    else:
        assert text == f"{PREFIX}{key_id}_{secret}"


def test_the_right_secret_is_let_in() -> None:
    key().check("s" * 43, NOW)


def test_unknown_wrong_and_revoked_keys_get_the_same_words() -> None:
    words = set()
    with pytest.raises(ApiKeyInvalid) as missing:
        parse(None)
    words.add(str(missing.value))
    with pytest.raises(ApiKeyInvalid) as wrong:
        key().check("t" * 43, NOW)
    words.add(str(wrong.value))
    with pytest.raises(ApiKeyInvalid) as revoked:
        key(revoked_at=NOW).check("s" * 43, NOW)
    words.add(str(revoked.value))
    assert len(words) == 1


def test_a_key_ends_at_its_time_and_not_before() -> None:
    ending = key(expires=NOW)
    ending.check("s" * 43, NOW - timedelta(seconds=1))
    with pytest.raises(ApiKeyExpired, match="abcd1234"):
        ending.check("s" * 43, NOW)


def test_who_does_not_hold_the_secret_is_not_told_that_a_key_has_ended() -> None:
    with pytest.raises(ApiKeyInvalid):
        key(expires=NOW - timedelta(days=1)).check("t" * 43, NOW)


def test_a_scope_that_is_missing_is_named() -> None:
    key().require(KeyScope.SPEECH_SYNTHESIZE)
    with pytest.raises(ScopeMissing, match="usage:read"):
        key().require(KeyScope.USAGE_READ)


@pytest.mark.parametrize(
    ("patterns", "heard", "not_heard"),
    [
        (("*",), ["anna", "Carlo@3"], []),
        (("anna", "c*"), ["anna", "carlo"], ["annabel", "Anna", "june"]),
        (("anna-[12]",), ["anna-1"], ["anna-3", "anna"]),
    ],
)
def test_a_key_hears_the_voices_of_its_patterns(
    patterns: tuple[str, ...], heard: list[str], not_heard: list[str]
) -> None:
    assert [name for name in heard + not_heard if key(voices=patterns).may_hear(name)] == heard


def test_the_secrets_hash_is_not_shown_where_a_key_is_printed() -> None:
    assert sha256_of("s" * 43) not in repr(key())


@pytest.mark.parametrize(
    "told",
    [{"qps": 0}, {"qps": 101}, {"characters_a_day": -1}, {"tenant": " "}, {"tenant": "a" * 64}, {"tenant": "a\nb"},
     {"scopes": frozenset()}, {"voices": ()}, {"voices": ("",)}, {"voices": ("a\n",)}, {"note": "x" * 201}],
    ids=str,
)  # fmt: skip
def test_values_that_a_key_cannot_have_are_named(told: dict[str, Any]) -> None:
    with pytest.raises(ConfigValueInvalid):
        replace(key(), **told)
