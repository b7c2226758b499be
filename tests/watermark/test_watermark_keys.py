"""Key files, payloads and the code: what goes in comes out, and what cannot be trusted is refused."""

from __future__ import annotations

import json
import stat
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clock_train.errors import (
    WatermarkKeyExists,
    WatermarkKeyExposed,
    WatermarkKeyForeign,
    WatermarkKeyInvalid,
    WatermarkKeyMissing,
    WatermarkPayloadInvalid,
)
from clock_train.watermark.coding import bits_of, decode, encode, number_of
from clock_train.watermark.keys import new_keys, read_keys, rotated, write_keys
from clock_train.watermark.payload import Payload, day_number

DAY = date(2026, 6, 30)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_keys(tmp_path / "acme.json", new_keys("acme", DAY))
    return tmp_path / "acme.json"


def test_a_key_file_is_read_as_it_was_written_and_closed_to_others(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    keys = read_keys(path, tenant="acme")
    assert (keys.tenant, keys.embedding_key(DAY).quarter) == ("acme", "2026Q2")
    assert [item.name for item in path.parent.iterdir()] == ["acme.json"]


def test_a_secret_is_in_no_text_of_a_key(path: Path) -> None:
    secret = json.loads(path.read_text())["keys"][0]["secret"]
    keys = read_keys(path)
    for shown in (repr(keys), str(keys.secrets[0]), repr(keys.embedding_key(DAY)), f"{keys.embedding_key(DAY)}"):
        assert secret not in shown and repr(keys.secrets[0].secret) not in shown


def test_rotating_keeps_the_old_secret_for_finding(path: Path) -> None:
    before = read_keys(path)
    write_keys(path, rotated(before, DAY), replacing=True)
    after = read_keys(path)
    old, new = before.secrets[0].id, after.embedding_key(DAY).key_id
    assert old != new and new.startswith("2026-06-30-")
    found = {(key.key_id, key.quarter) for key in after.detection_keys(date(2026, 7, 2))}
    assert found == {(old, "2026Q2"), (new, "2026Q2"), (new, "2026Q3")}


def test_two_tenants_never_share_the_name_of_a_key() -> None:
    assert new_keys("acme", DAY).secrets[0].id != new_keys("other", DAY).secrets[0].id


def test_a_sound_of_a_machine_whose_clock_is_a_day_ahead_is_found() -> None:
    keys = new_keys("acme", DAY)
    assert [key.quarter for key in keys.detection_keys(DAY)] == ["2026Q2", "2026Q3"]


@pytest.mark.parametrize("first, count", [(date(2025, 1, 1), 7), (date(2025, 12, 31), 4), (date(2026, 6, 30), 2)])
def test_each_quarter_since_the_first_day_has_a_key(first: date, count: int) -> None:
    assert len(new_keys("acme", first).detection_keys(DAY)) == count


def test_no_key_is_overwritten(path: Path) -> None:
    with pytest.raises(WatermarkKeyExists, match="sounds marked with it are found only by it"):
        write_keys(path, new_keys("acme", DAY))


def test_a_missing_key_file_names_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(WatermarkKeyMissing, match=r"there is no key file .*watermark new-key .*--tenant NAME"):
        read_keys(tmp_path / "none.json")


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o620])
def test_a_key_file_that_others_may_read_or_change_is_refused(mode: int, path: Path) -> None:
    path.chmod(mode)
    with pytest.raises(WatermarkKeyExposed, match=r"chmod 600 .*rotate"):
        read_keys(path)


def test_a_key_file_of_another_tenant_is_refused(path: Path) -> None:
    with pytest.raises(WatermarkKeyForeign, match='holds the keys of "acme", not of "other"'):
        read_keys(path, tenant="other")


NO_KEYS = '{"schemaVersion": 2, "tenant": "a", "tenantNumber": 1, "keys": []}'


@pytest.mark.parametrize("content", ["", "not json", "[]", '{"schemaVersion": 1}', NO_KEYS])
def test_a_file_that_holds_no_keys_is_refused_without_showing_it(content: str, path: Path) -> None:
    path.write_text(content)
    with pytest.raises(WatermarkKeyInvalid, match="is no watermark key file") as caught:
        read_keys(path)
    assert not content or content not in str(caught.value)


def test_a_day_before_the_first_key_cannot_be_marked() -> None:
    with pytest.raises(WatermarkKeyInvalid, match='no key of "acme" is valid on 2026-06-29'):
        new_keys("acme", DAY).embedding_key(date(2026, 6, 29))


def test_a_tenant_has_a_name() -> None:
    with pytest.raises(WatermarkKeyInvalid, match="has no name"):
        new_keys(" ", DAY)


@given(st.integers(0, (1 << 48) - 1))
def test_every_payload_comes_back_from_its_digits(value: int) -> None:
    assert Payload.from_hex(f"{value:012x}").hex == f"{value:012x}"


@pytest.mark.parametrize("text", ["", "12345678901", "1234567890123", "12345678901g", "-0000000000a"])
def test_what_is_no_payload_is_refused(text: str) -> None:
    with pytest.raises(WatermarkPayloadInvalid, match="give 12 hexadecimal digits"):
        Payload.from_hex(text)


def test_a_number_that_does_not_fit_is_refused() -> None:
    with pytest.raises(WatermarkPayloadInvalid, match="voice is 4096; a mark has room for 0 to 4095"):
        Payload(tenant=0, voice=4096, consent=0, day=0)
    assert Payload(tenant=0, voice=0, consent=0, day=day_number(DAY)).date == DAY


@given(st.integers(0, (1 << 42) - 1), st.integers(0, 1000))
def test_the_code_mends_what_noise_breaks(value: int, seed: int) -> None:
    coded = encode(bits_of(value, 42))
    noisy = coded + 0.7 * np.random.default_rng(seed).standard_normal(len(coded))
    assert (np.sign(noisy) != coded).any()
    assert number_of(decode(noisy)) == value
