"""pretrain, finetune and synthesize, run for real on a corpus of tones and for two steps."""

from __future__ import annotations

import io
import json
import types
from pathlib import Path

import pytest

from clock_train.audio.reading import probe
from clock_train.cli.main import run

SHORT = ("--preset", "Demo", "--max-steps", "2", "--batch-size", "2", "--device", "cpu", "--progress", "none", "--json")


@pytest.fixture(scope="session")
def base(tone_corpora: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("base")
    assert run(["pretrain", *map(str, tone_corpora), "--out", str(out), *SHORT]) == 0
    return out / "voice"


def test_pretrain_makes_a_base_of_all_speakers(base: Path) -> None:
    card = json.loads((base / "voice.json").read_text(encoding="utf-8"))
    assert card["kind"] == "base"
    assert card["speakers"] == ["anna", "carlo"]


def test_finetune_makes_a_voice_and_prints_where_it_is(
    base: Path, tone_corpora: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run(["finetune", str(tone_corpora[0]), "--base", str(base), "--out", str(tmp_path), *SHORT]) == 0
    captured = capsys.readouterr()
    result = json.loads(captured.out)
    assert captured.err == ""
    assert result["step"] == 2
    assert result["ending"] == "steps"
    assert result["resumedFrom"] is None
    card = json.loads((Path(result["voice"]) / "voice.json").read_text(encoding="utf-8"))
    assert card["kind"] == "voice"
    assert card["speakers"] == ["anna"]
    assert Path(result["history"]).is_file()


def test_several_corpora_become_voices_of_their_own_and_one_that_fails_keeps_no_other(
    base: Path, tone_corpora: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    anna, carlo = tone_corpora[:2]
    named = [str(anna), str(tmp_path / "nowhere"), str(carlo)]
    assert run(["finetune", *named, "--base", str(base), "--out", str(tmp_path / "out"), *SHORT]) == 2
    captured = capsys.readouterr()
    done = json.loads(captured.out)
    assert list(done) == [anna.name, "nowhere", carlo.name]
    assert done["nowhere"]["error"].startswith("CorpusNotFound: ")
    for corpus, speaker in ((anna, "anna"), (carlo, "carlo")):
        card = json.loads((tmp_path / "out" / corpus.name / "voice" / "voice.json").read_text(encoding="utf-8"))
        assert card["speakers"] == [speaker] and done[corpus.name]["step"] == 2


def test_several_corpora_need_folders_and_names_of_their_own(
    tone_corpora: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    twice = [str(tone_corpora[0]), str(tone_corpora[0])]
    assert run(["finetune", *twice, "--out", str(tmp_path), *SHORT]) == 2
    assert "two corpora are in folders called" in capsys.readouterr().err
    assert run(["finetune", *map(str, tone_corpora[:2]), "--name", "both", "--out", str(tmp_path), *SHORT]) == 2
    assert "--name is one voice's" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_voice_of_conditions_is_slimmed_and_whole_again(
    base: Path, tone_corpora: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained = ["--trained", "conditions", "--base", str(base), "--out", str(tmp_path / "out")]
    assert run(["finetune", str(tone_corpora[0]), *trained, *SHORT]) == 0
    capsys.readouterr()
    voice, kept, again = str(tmp_path / "out" / "voice"), str(tmp_path / "kept"), str(tmp_path / "again")
    assert run(["voices", "slim", voice, "--base", str(base), "--out", kept]) == 0
    assert "of its base; " in capsys.readouterr().out
    assert run(["voices", "slim", voice, "--base", str(base), "--out", kept, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert 0 < facts["changed"] < 0.2 * facts["of"] and facts["shareOfBase"] < 0.2
    assert run(["voices", "restore", kept, "--base", str(base), "--out", again]) == 0
    assert capsys.readouterr().out == f'{again}: the voice "anna"\n'
    assert run(["voices", "restore", voice, "--base", str(base), "--out", again]) == 2
    assert "BundleDamaged: " in capsys.readouterr().err


def test_the_same_command_says_that_it_goes_on(
    tone_corpora: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["pretrain", str(tone_corpora[0]), "--out", str(tmp_path), *SHORT]
    assert run(command) == 0
    capsys.readouterr()
    assert run(command) == 0
    assert json.loads(capsys.readouterr().out)["resumedFrom"] == 2


def test_people_are_told_how_to_speak_with_the_voice(
    tone_corpora: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["pretrain", str(tone_corpora[0]), "--out", str(tmp_path), *SHORT[:-1]]) == 0
    page = capsys.readouterr().out
    assert f"Voice:   {tmp_path / 'voice'}" in page
    assert f"clocktrain synthesize --voice {tmp_path / 'voice'}" in page


def test_a_missing_corpus_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["pretrain", str(tmp_path / "nowhere"), "--out", str(tmp_path / "out"), *SHORT]) == 2
    message = capsys.readouterr().err
    assert message.startswith("CorpusNotFound: ")
    assert "nowhere" in message


def test_an_unknown_preset_is_named_with_the_known_ones(
    tone_corpora: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["pretrain", str(tone_corpora[0]), "--out", str(tmp_path), "--preset", "Best"]) == 2
    message = capsys.readouterr().err
    assert 'ConfigError: there is no preset "Best"' in message
    assert "Demo, Base, Basic, Professional, Pretrain" in message


def test_synthesize_writes_a_sound_file_and_says_its_length(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "speech.wav"
    command = ["synthesize", "--voice", str(base), "--text", "欢迎, one two.", "--out", str(out), "--json"]
    assert run(command) == 0
    facts = json.loads(capsys.readouterr().out)
    info = probe(out)
    assert facts["out"] == str(out)
    assert facts["sampleRate"] == info.sample_rate_hz == 16_000
    assert facts["marked"] is True and facts["labels"] == ["CLOCKTRAIN_CLAIM"]
    assert facts["seconds"] == pytest.approx(info.seconds, abs=0.001)


def test_synthesize_reads_a_file_and_writes_flac(base: Path, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("\ufeffOne two three.\n", encoding="utf-8")
    out = tmp_path / "speech.flac"
    command = ["synthesize", "--voice", str(base), "--file", str(tmp_path / "text.txt"), "--out", str(out)]
    assert run([*command, "--speaker", "carlo", "--speed", "1.5", "--style", "question"]) == 0
    assert probe(out).codec.lower().startswith("flac")


def test_synthesize_reads_standard_input(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", types.SimpleNamespace(buffer=io.BytesIO("一二三。".encode())))
    out = tmp_path / "speech.wav"
    assert run(["synthesize", "--voice", str(base), "--file", "-", "--out", str(out)]) == 0
    assert out.stat().st_size > 1_000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--text", "one", "--speaker", "nobody"], 'VoiceNotFound: the voice "anna-carlo" has no speaker "nobody"'),
        (["--text", "one", "--speed", "9"], "ConfigError: speed is 9.0"),
        (["--text", "😀😀"], "TextEmpty: "),
        (["--file", "nowhere.txt"], 'TextUnreadable: "nowhere.txt" cannot be read (No such file or directory)'),
        ([], "give either --text or --file"),
        (["--text", "one", "--file", "two.txt"], "give either --text or --file"),
    ],
)
def test_what_cannot_be_spoken_ends_with_2_and_a_reason(
    options: list[str], message: str, base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["synthesize", "--voice", str(base), "--out", str(tmp_path / "speech.wav"), *options]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "speech.wav").exists()


def test_a_text_file_that_is_not_utf8_is_named_with_the_byte(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "latin.txt").write_bytes("über".encode("latin-1"))
    command = ["synthesize", "--voice", str(base), "--out", str(tmp_path / "speech.wav")]
    assert run([*command, "--file", str(tmp_path / "latin.txt")]) == 2
    assert "TextUnreadable: " in (message := capsys.readouterr().err)
    assert "is not UTF-8 at byte 0; save it as UTF-8, or convert it with iconv" in message


def test_a_sound_format_that_is_not_written_is_refused(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["synthesize", "--voice", str(base), "--out", str(tmp_path / "a.wma"), "--text", "one"]) == 2
    assert (
        "is no kind of file that carries labels; give one of wav, flac, mp3, opus, aac, m4a" in capsys.readouterr().err
    )
