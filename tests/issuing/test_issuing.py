"""A sound's line in the log, its mark, and the one way to speak unmarked."""

from __future__ import annotations

import json
import logging
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from clock_train.audit.log import read_lines, verify
from clock_train.audit.signing import open_signer
from clock_train.cli.main import run
from clock_train.errors import (
    AuditUnwritable,
    ConfigValueInvalid,
    KeysNotGiven,
    WatermarkPayloadInvalid,
    WatermarkSettingInvalid,
)
from clock_train.issuing.installation import FOLDER_VARIABLE, KEYS_VARIABLE, Installation, default_folder
from clock_train.issuing.issuer import Issue, Issuer
from clock_train.issuing.sound_files import live_labels_of, write_issued
from clock_train.issuing.switch import switch_off, switch_on, unmarked
from clock_train.labels.files import check_file, read_labels
from clock_train.labels.profile import Profile
from clock_train.watermark.detect import NARROW_SEARCH, detect

RATE_HZ = 16_000
NOISE = (0.1 * np.random.default_rng(0).standard_normal(5 * RATE_HZ)).astype(np.float32)


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path / "issuing")


def begun(installation: Installation, text: str = "Good morning.", **more: object) -> Issue:
    return Issuer(installation).begin(
        text=text,
        voice="anna",
        consent_ids=["consent-7"],
        sample_rate_hz=RATE_HZ,
        **more,  # type: ignore[arg-type]
    )


SHARED = ("signing.key", "watermark-key.json")


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keys as a Secret is mounted: open to the group of the pod."""
    folder = tmp_path / "keys"
    assert run(["keys", str(folder), "--tenant", "acme"]) == 0
    for name in SHARED:
        (folder / name).chmod(0o440)
    monkeypatch.setenv(KEYS_VARIABLE, str(folder))
    return folder


def test_two_programs_with_shared_keys_sign_and_mark_alike(shared: Path, tmp_path: Path) -> None:
    one, other = Installation(tmp_path / "one"), Installation(tmp_path / "other")
    assert one.signer().public_key == other.signer().public_key
    issue = begun(one)
    marked = np.concatenate([issue.push(NOISE), issue.finish()])
    assert is_marked(marked, other)
    assert not is_marked(NOISE, other)
    assert {stat.S_IMODE((one.folder / name).stat().st_mode) for name in SHARED} == {0o600}
    assert one.keys(datetime.now(UTC).date()).tenant == "acme"


def test_shared_keys_that_change_are_taken_over_and_whom_they_trust_too(shared: Path, tmp_path: Path) -> None:
    installation = Installation(tmp_path / "one")
    before = installation.signer().public_key
    (shared / "signing.key").chmod(0o600)
    (shared / "signing.key").write_bytes(bytes(range(32)))
    (shared / "trusted-keys").write_text(f"{before}  # until last week\n", encoding="utf-8")
    assert installation.signer().public_key != before
    assert before in installation.trusted_keys()
    (shared / "trusted-keys").unlink()
    assert installation.trusted_keys() == [installation.signer().public_key], "trusted no longer"


@pytest.mark.parametrize("name", SHARED)
def test_a_folder_of_keys_without_one_is_named_and_none_is_made(shared: Path, tmp_path: Path, name: str) -> None:
    (shared / name).unlink()
    installation = Installation(tmp_path / "one")
    with pytest.raises(KeysNotGiven, match=rf"CLOCKTRAIN_KEYS names .*keys.*no {name} in it; put it there"):
        begun(installation)
    assert not (installation.folder / name).exists()


def test_keys_that_are_there_are_never_written_over(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = [(shared / name).read_bytes() for name in SHARED]
    assert run(["keys", str(shared), "--tenant", "acme"]) == 2
    (shared / "signing.key").unlink()
    assert run(["keys", str(shared), "--tenant", "acme"]) == 2
    assert "is there already" in capsys.readouterr().err
    assert (shared / SHARED[1]).read_bytes() == before[1] and not (shared / SHARED[0]).exists()


def test_what_is_told_of_new_keys_is_no_secret(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["keys", str(tmp_path / "keys"), "--tenant", "acme", "--json"]) == 0
    said = capsys.readouterr().out
    assert json.loads(said)["signer"] == open_signer(tmp_path / "keys" / "signing.key").public_key
    secrets = json.loads((tmp_path / "keys" / "watermark-key.json").read_text())["keys"]
    assert all(each["secret"] not in said for each in secrets)


def lines(installation: Installation) -> list[dict[str, object]]:
    return [values for _, _, _, values in read_lines(installation.log_folder)]


def is_marked(sound: np.ndarray, installation: Installation) -> bool:
    keys = installation.keys(datetime.now(UTC).date()).detection_keys(datetime.now(UTC).date())
    return detect(sound, keys, speeds=NARROW_SEARCH, with_windows=False).is_detected


def test_the_line_stands_in_the_log_before_the_sound_leaves(installation: Installation) -> None:
    issue = begun(installation)
    (line,) = lines(installation)
    assert verify(installation.log_folder).num_lines == 1
    assert (line["kind"], line["voice"], line["consentIds"], line["marked"]) == ("issued", "anna", ["consent-7"], True)
    assert (line["payload"], line["requestId"]) == (issue.origin.payload, issue.origin.request_id)
    sound = issue.mark(NOISE)
    assert len(sound) == len(NOISE) and is_marked(sound, installation)
    assert len(lines(installation)) == 1


def test_the_text_is_not_in_the_log_and_its_hash_cannot_be_guessed_without_the_key(
    installation: Installation, tmp_path: Path
) -> None:
    begun(installation)
    begun(Installation(tmp_path / "another"))
    first, other = lines(installation)[0], lines(Installation(tmp_path / "another"))[0]
    assert "Good morning" not in json.dumps(first)
    assert first["textHmac"] != other["textHmac"]


def test_the_same_request_is_the_same_sound_and_another_begins_elsewhere(installation: Installation) -> None:
    first, again = (begun(installation, request={"seed": 1}).mark(NOISE) for _ in range(2))
    other = begun(installation, request={"seed": 2}).mark(NOISE)
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_voices_and_consents_keep_their_numbers(installation: Installation) -> None:
    assert [installation.voice_number(name) for name in ("anna", "ben", "anna")] == [1, 2, 1]
    assert [installation.consent_number(name) for name in (None, "a", "b", "a")] == [0, 1, 2, 1]


def test_numbers_that_are_used_up_are_an_error(installation: Installation) -> None:
    installation.keys(datetime.now(UTC).date())
    installation.numbers_path.write_text(json.dumps({"voices": {f"v{n}": n + 1 for n in range(4095)}}))
    with pytest.raises(WatermarkPayloadInvalid, match="4095 voices have a number"):
        installation.voice_number("one more")


def test_the_keys_are_made_at_the_first_sound_closed_to_others_and_said(
    installation: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        begun(installation)
    assert str(installation.key_path) in caplog.text and "Keep a copy" in caplog.text
    for path in (installation.key_path, installation.signing_path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(installation.folder.stat().st_mode) == 0o700
    secret = json.loads(installation.key_path.read_text())["keys"][0]["secret"]
    assert secret not in caplog.text and secret not in json.dumps(lines(installation))


def test_the_folder_is_the_users_own_unless_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(FOLDER_VARIABLE)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "clock-train" / "issuing"


def test_without_a_log_nothing_is_spoken(installation: Installation) -> None:
    installation.keys(datetime.now(UTC).date())
    installation.log_folder.write_text("a file where the folder belongs")
    with pytest.raises(AuditUnwritable, match="so nothing was spoken"):
        begun(installation)


def test_a_sound_too_short_for_its_mark_is_said_and_logged(
    installation: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    issue = begun(installation)
    issue.mark(NOISE[:4000])
    assert [line["kind"] for line in lines(installation)] == ["issued", "short"]
    assert lines(installation)[1]["presenceFits"] is False
    assert "its mark may not be found" in caplog.text


def test_of_many_short_sounds_the_first_is_said_and_all_are_logged(
    installation: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    issuer = Issuer(installation)
    for number in range(3):
        issue = issuer.begin(text=str(number), voice="anna", consent_ids=[], sample_rate_hz=RATE_HZ)
        issue.mark(NOISE[:4000])
    assert [line["kind"] for line in lines(installation)] == ["issued", "short"] * 3
    assert caplog.text.count("its mark may not be found") == 1


def test_marking_is_switched_off_by_a_signed_setting_that_is_logged_for_every_sound(
    installation: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    switch_off(installation, reason="parity tests", by="root")
    issue = begun(installation)
    assert np.array_equal(issue.mark(NOISE), NOISE) and not issue.is_marked
    assert "UNMARKED: parity tests" in caplog.text
    switch_on(installation, by="root")
    assert is_marked(begun(installation).mark(NOISE), installation)
    assert [line["kind"] for line in lines(installation)] == ["marking-off", "issued", "marking-on", "issued"]
    assert [line["reason"] for line in lines(installation)[:2]] == ["parity tests", "parity tests"]
    assert lines(installation)[1]["marked"] is False
    verify(installation.log_folder)


def test_a_setting_that_nobody_signed_is_an_error_and_not_a_default(installation: Installation, tmp_path: Path) -> None:
    begun(installation)
    installation.setting_path.write_text('{"marking": "off"}')
    with pytest.raises(WatermarkSettingInvalid, match="cannot be read"):
        begun(installation)
    another = Installation(tmp_path / "another")
    switch_off(another, reason="mine", by="me")
    installation.setting_path.write_bytes(another.setting_path.read_bytes())
    with pytest.raises(WatermarkSettingInvalid, match="is not signed by this installation"):
        begun(installation)


def test_a_setting_that_was_changed_or_is_over_is_an_error(installation: Installation) -> None:
    switch_off(installation, reason="an hour", by="me", until=datetime.now(UTC) + timedelta(hours=1))
    assert unmarked(installation) is not None
    values = json.loads(installation.setting_path.read_text())
    installation.setting_path.write_text(json.dumps({**values, "until": "2099-01-01T00:00:00+00:00"}))
    with pytest.raises(WatermarkSettingInvalid, match="is not signed"):
        unmarked(installation)
    ended = {**values, "until": "2020-01-01T00:00:00+00:00"}
    del ended["signature"]
    canonical = json.dumps(ended, ensure_ascii=False, sort_keys=True).encode()
    ended["signature"] = installation.signer().sign(canonical)
    installation.setting_path.write_text(json.dumps(ended))
    with pytest.raises(WatermarkSettingInvalid, match="ended at 2020"):
        unmarked(installation)


def test_switching_off_needs_a_reason_and_an_end_to_come(installation: Installation) -> None:
    with pytest.raises(ConfigValueInvalid, match="only with a reason"):
        switch_off(installation, reason=" ", by="me")
    with pytest.raises(ConfigValueInvalid, match="has passed"):
        switch_off(installation, reason="late", by="me", until=datetime(2020, 1, 1, tzinfo=UTC))
    assert not installation.setting_path.exists()


def test_no_argument_and_no_variable_of_a_request_switches_it_off() -> None:
    import inspect

    from clock_train.models.speech import Voice
    from clock_train.trainer import ClockTrainer

    for call in (Voice.say, Voice.say_sentences, Voice.load, ClockTrainer.synthesize, Issuer.begin):
        assert not {"mark", "marked", "unmarked", "watermark"} & set(inspect.signature(call).parameters)


def test_files_carry_the_labels_of_the_installation(installation: Installation, tmp_path: Path) -> None:
    issue = begun(installation)
    sound = issue.mark(NOISE)
    write_issued(tmp_path / "a.mp3", sound, RATE_HZ, issue)
    claim = check_file(tmp_path / "a.mp3", public_key=installation.signer().public_key).claim
    assert claim is not None and claim["requestId"] == issue.origin.request_id
    installation.labels_path.write_text('{"profile": "cn", "contentProducer": "9111", "isAudible": true}')
    write_issued(tmp_path / "b.wav", sound, RATE_HZ, issue)
    labels = read_labels(tmp_path / "b.wav")
    assert labels.aigc is not None and labels.aigc["ContentProducer"] == "9111"
    assert (tmp_path / "b.wav").stat().st_size > 2 * len(sound) + 2 * RATE_HZ  # the tones come first
    write_issued(tmp_path / "c.wav", sound, RATE_HZ, issue, profile=Profile.NONE, is_audible=False)
    assert (tmp_path / "c.wav").stat().st_size < 2 * len(sound) + 200


def test_a_request_may_ask_for_the_tones_and_never_leave_out_those_of_the_installation(
    installation: Installation,
) -> None:
    issue = begun(installation)
    assert len(live_labels_of(issue, RATE_HZ)[1]) == 0
    assert len(live_labels_of(issue, RATE_HZ, is_audible=True)[1]) > RATE_HZ
    installation.labels_path.write_text('{"isAudible": true}')
    assert len(live_labels_of(issue, RATE_HZ, is_audible=False)[1]) > RATE_HZ


@pytest.mark.parametrize("text", ["not json", '{"profile": "fr"}', '{"colour": 1}', '{"isAudible": "yes"}', "[]"])
def test_a_label_configuration_that_cannot_work_is_refused(text: str, installation: Installation) -> None:
    installation.folder.mkdir()
    installation.labels_path.write_text(text)
    with pytest.raises(ConfigValueInvalid, match="is no label configuration"):
        installation.label_config()


def test_the_commands_switch_off_and_on(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(installation.folder))
    assert run(["watermark", "off", "--reason", "parity"]) == 0
    assert "UNMARKED" in capsys.readouterr().out and unmarked(installation) is not None
    assert run(["watermark", "on"]) == 0
    assert unmarked(installation) is None
