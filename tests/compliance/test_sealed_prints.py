"""Prints of voices lie encrypted, open for this installation only, and survive a change of keys."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from clock_train.compliance.sealing import KEY_FILE, print_keys
from clock_train.compliance.voice_registry import register, registered, reseal
from clock_train.errors import VoiceRegistryInvalid

VECTOR = np.full(256, 1 / 16, dtype=np.float32)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    register(tmp_path / "prints", "anna", VECTOR, print_keys(tmp_path / "own"))
    return tmp_path / "own"


def test_no_number_of_a_print_is_in_its_file(own: Path, tmp_path: Path) -> None:
    content = (tmp_path / "prints" / "anna.json").read_bytes()
    assert set(json.loads(content)) == {"speaker", "judge", "nonce", "sealed"}
    assert VECTOR.tobytes()[:16] not in content and b"0.0625" not in content
    (voice,) = registered(tmp_path / "prints", own)
    assert voice.speaker == "anna" and np.array_equal(voice.vector, VECTOR)
    assert (own / KEY_FILE).stat().st_mode & 0o077 == 0


def test_the_same_print_is_never_sealed_alike(own: Path, tmp_path: Path) -> None:
    before = (tmp_path / "prints" / "anna.json").read_bytes()
    register(tmp_path / "prints", "anna", VECTOR, print_keys(own))
    assert (tmp_path / "prints" / "anna.json").read_bytes() != before


def test_another_installation_does_not_open_it(own: Path, tmp_path: Path) -> None:
    print_keys(tmp_path / "other")
    with pytest.raises(VoiceRegistryInvalid, match="no key of this installation opens it"):
        registered(tmp_path / "prints", tmp_path / "other")


def test_a_print_under_another_name_or_with_a_changed_byte_does_not_open(own: Path, tmp_path: Path) -> None:
    path = tmp_path / "prints" / "anna.json"
    values = json.loads(path.read_text())
    (tmp_path / "prints" / "ben.json").write_text(json.dumps({**values, "speaker": "ben"}))
    with pytest.raises(VoiceRegistryInvalid, match="another speaker"):
        registered(tmp_path / "prints", own)
    (tmp_path / "prints" / "ben.json").write_text(json.dumps(values))
    with pytest.raises(VoiceRegistryInvalid, match="of 'anna', by its content"):
        registered(tmp_path / "prints", own)
    (tmp_path / "prints" / "ben.json").unlink()
    path.write_text(json.dumps({**values, "sealed": "A" + values["sealed"][1:] if values["sealed"][0] != "A" else "B"}))
    with pytest.raises(VoiceRegistryInvalid, match=r"anna\.json"):
        registered(tmp_path / "prints", own)


def test_a_change_of_keys_seals_everything_anew_and_forgets_the_old_key(own: Path, tmp_path: Path) -> None:
    old = (own / KEY_FILE).read_bytes()
    copy = (tmp_path / "prints" / "anna.json").read_bytes()
    assert reseal(tmp_path / "prints", own) == 1
    assert len(print_keys(own).secrets) == 1 and (own / KEY_FILE).read_bytes() != old
    assert np.array_equal(registered(tmp_path / "prints", own)[0].vector, VECTOR)
    (tmp_path / "prints" / "anna.json").write_bytes(copy)
    with pytest.raises(VoiceRegistryInvalid, match="no key of this installation"):
        registered(tmp_path / "prints", own)


def test_a_change_of_keys_that_was_cut_off_loses_nothing(own: Path, tmp_path: Path) -> None:
    register(tmp_path / "prints", "ben", VECTOR, print_keys(own))
    (tmp_path / "prints" / "carl.json").write_text("no print")
    with pytest.raises(VoiceRegistryInvalid, match="carl"):
        reseal(tmp_path / "prints", own)
    (tmp_path / "prints" / "carl.json").unlink()
    assert [voice.speaker for voice in registered(tmp_path / "prints", own)] == ["anna", "ben"]
    assert reseal(tmp_path / "prints", own) == 2


def test_a_print_of_before_is_refused_until_it_is_encrypted(own: Path, tmp_path: Path) -> None:
    plain = {"speaker": "old", "judge": "resemblyzer-0.1", "vector": VECTOR.tolist()}
    (tmp_path / "prints" / "old.json").write_text(json.dumps(plain))
    with pytest.raises(VoiceRegistryInvalid, match="clocktrain compliance rekey"):
        registered(tmp_path / "prints", own)
    assert reseal(tmp_path / "prints", own) == 2
    assert len(registered(tmp_path / "prints", own)) == 2


@pytest.mark.parametrize("content", ["", "{}", '{"keys": []}', '{"keys": ["AAAA"]}', '{"keys": "x"}'])
def test_a_file_that_holds_no_keys_is_told_and_kept(own: Path, tmp_path: Path, content: str) -> None:
    (own / KEY_FILE).write_text(content)
    with pytest.raises(VoiceRegistryInvalid, match="holds no keys of prints"):
        registered(tmp_path / "prints", own)
    assert (own / KEY_FILE).read_text() == content


def test_keys_that_others_may_read_are_refused(own: Path, tmp_path: Path) -> None:
    (own / KEY_FILE).chmod(0o640)
    with pytest.raises(VoiceRegistryInvalid, match="chmod 600"):
        registered(tmp_path / "prints", own)
