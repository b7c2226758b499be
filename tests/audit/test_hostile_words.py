"""Names, ids and texts that try to be more than words: a line of a log, a path, a command to a terminal."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clock_train.api.desk import request_id_of
from clock_train.audit.log import AuditLog, log_files, verify
from clock_train.audit.signing import open_signer
from clock_train.bundle.card import LONGEST_NAME, VoiceCard, check_voice_name
from clock_train.cli.main import run
from clock_train.cli.terminal_text import one_line
from clock_train.errors import ConfigValueInvalid, VoiceNotFound
from clock_train.orchestration.run_log import LogFile
from clock_train.serving.voice_catalogue import ServedVoice, VoiceCatalogue
from clock_train.serving.voice_model import model_name

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
FORGED = 'anna\n{"kind":"issued","seq":99,"voice":"ben"}\r\n\x1b[2J\u2028\u202eben'
PATHS = ["..", "../anna", "a/../../b", "/etc/passwd", "a//b", "a\\b", ".", "a/.", " ", "a/ ", "x\0y"]


def line_with(folder: Path, voice: str) -> AuditLog:
    log = AuditLog(folder / "log", open_signer(folder / "signing.key"))
    log.append("issued", {"payload": "0" * 12, "voice": voice, "consentIds": [voice], "requestId": voice}, now=NOW)
    return log


def test_a_name_with_line_ends_is_one_line_of_the_log_and_verifies(tmp_path: Path) -> None:
    log = line_with(tmp_path, FORGED)
    line_with(tmp_path, "ben")
    assert verify(log.folder).num_lines == 2
    first, second = log_files(log.folder)[0].read_text(encoding="utf-8").split("\n")[:2]
    assert (json.loads(first)["voice"], json.loads(second)["seq"]) == (FORGED, 2)


def test_a_line_of_the_log_is_one_line_on_a_terminal_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = line_with(tmp_path, FORGED)
    assert run(["audit", "find", "0" * 12, "--log", str(log.folder)]) == 0
    said = capsys.readouterr().out
    assert len(said.splitlines()) == 1
    assert not {"\x1b", "\u202e", "\r"} & set(said)
    assert "anna\\n{" in said


@pytest.mark.parametrize(
    ("text", "shown"),
    [("安娜 anna-2@3", "安娜 anna-2@3"), ("a\nb\tc", "a\\nb\\tc"), ("\x1b[31m", "\\x1b[31m"), ("\u202e", "\\u202e"),
     ("a\u2028b", "a\\u2028b"), (7, "7")],
)  # fmt: skip
def test_what_moves_a_cursor_or_turns_text_around_is_written_out(text: object, shown: str) -> None:
    assert one_line(text) == shown


def test_a_message_of_several_lines_cannot_give_itself_a_time_in_a_runs_log(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "driver.log")
    log.write("a clip\n2020-01-01T00:00:00Z all is well\r\nand\x0bmore")
    log.close()
    lines = (tmp_path / "driver.log").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 4
    assert all(line[:4] != "2020" for line in lines)


@pytest.mark.parametrize("given", ["a\nb", "a b", "a" * 65, "../x", "ä", "", None, 'a"b'])
def test_a_request_keeps_an_id_of_its_own_only_where_it_is_a_plain_word(given: str | None) -> None:
    assert request_id_of(given) != given
    assert request_id_of("plain-Word_7") == "plain-Word_7"


@pytest.mark.parametrize("name", [*PATHS, FORGED, "", "a" * (LONGEST_NAME + 1), "a\u200bb"])
def test_what_leads_out_of_a_folder_or_is_not_seen_names_no_voice(name: str) -> None:
    with pytest.raises(ConfigValueInvalid, match="cannot name a voice: give letters"):
        check_voice_name(name)


@pytest.mark.parametrize("name", ["anna", "安娜", "studio/anna", "Anna B. (2026)", "anna@3", "a" * LONGEST_NAME])
def test_a_name_of_a_voice_is_what_people_write(name: str) -> None:
    assert check_voice_name(name) == name


@pytest.mark.parametrize("asked", [*PATHS, "anna/../anna", "anna@../3", "%2e%2e%2fanna", "file:///etc/passwd"])
def test_a_voice_that_is_asked_for_by_a_path_is_not_there(asked: str) -> None:
    card = VoiceCard(name="anna", speakers=["mia", "tom"])
    catalogue = VoiceCatalogue([ServedVoice(card=card, digest="d", sample_rate_hz=16_000, hop_samples=256)])
    with pytest.raises(VoiceNotFound):
        catalogue.find(asked)


@pytest.mark.parametrize("name", [*PATHS, FORGED])
def test_a_signed_card_with_such_a_name_makes_a_plain_folder_for_triton(name: str) -> None:
    made = model_name(VoiceCard(name=name))
    assert Path(made).name == made
    assert made.isascii()
    assert made.isprintable()
