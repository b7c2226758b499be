from __future__ import annotations

import re
from pathlib import Path

import pytest
from corpus_making import message_as_ordinary_user, public_folder

from clock_train.data.layouts import recognise
from clock_train.data.recordings_folder import LayoutKind, clip_id
from clock_train.errors import (
    CorpusNotFound,
    TranscriptDuplicated,
    TranscriptEncoding,
    TranscriptMissing,
    TranscriptUnclear,
)


def _files(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return root


def _text(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def _texts(root: Path, transcripts: Path | None = None) -> dict[str, str]:
    return {recording.file: recording.text for recording in recognise(root, transcripts).recordings}


def test_a_text_beside_each_recording_is_found(tmp_path):
    _files(tmp_path, "a.wav", "b.flac")
    _text(tmp_path / "a.txt", "Good morning.\n")
    _text(tmp_path / "b.txt", "Good night.")
    assert recognise(tmp_path).kind is LayoutKind.TEXT_PER_CLIP
    assert _texts(tmp_path) == {"a.wav": "Good morning.", "b.flac": "Good night."}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("transcripts.tsv", "name\ttext\na\tGood morning.\nb\tGood night.\n"),
        ("transcripts.tsv", "a\tGood morning.\nb\tGood night.\n"),
        ("lines.csv", 'file,text\na.wav,"Good morning."\nb.wav,Good night.\n'),
        ("metadata.psv", "a|Good morning.\nb|Good night.\n"),
        ("all.txt", "a|Good morning.\nb|Good night.\n"),
        ("names.txt", "; a comment\na: Good morning.\nb: Good night.\n"),
    ],
)
def test_a_table_is_read_with_and_without_a_header(tmp_path, name, content):
    _files(tmp_path, "a.wav", "b.wav")
    _text(tmp_path / name, content)
    assert _texts(tmp_path) == {"a.wav": "Good morning.", "b.wav": "Good night."}


def test_a_table_may_name_speaker_language_and_emotion(tmp_path):
    _files(tmp_path, "a.wav")
    _text(tmp_path / "t.tsv", "name\tspeaker\tlanguage\temotion\ttext\na\tanna\ten\tHappy\tGood morning.\n")
    recording = recognise(tmp_path).recordings[0]
    assert (recording.speaker, recording.language, recording.emotion) == ("anna", "en", "happy")


def test_debians_lines_reach_into_subfolders(tmp_path):
    _files(tmp_path, "hello.g722", "digits/1.g722")
    _text(tmp_path / "core.txt", "\ufeff; Core Sounds\n\nhello: hello: Hello.\ndigits/1: one\n")
    assert recognise(tmp_path).kind is LayoutKind.NAMED_LINES
    assert _texts(tmp_path) == {"hello.g722": "Hello.", "digits/1.g722": "one"}


def test_ljspeech_gives_the_text_as_spoken(tmp_path):
    _files(tmp_path, "wavs/LJ001-0001.wav")
    _text(tmp_path / "metadata.csv", "LJ001-0001|in 1455, “books”|in fourteen fifty-five, “books”\n")
    assert recognise(tmp_path).kind is LayoutKind.LJSPEECH
    assert _texts(tmp_path) == {"wavs/LJ001-0001.wav": "in fourteen fifty-five, “books”"}


def test_vctk_gives_speakers_and_one_microphone(tmp_path):
    _files(
        tmp_path,
        "wav48_silence_trimmed/p225/p225_001_mic1.flac",
        "wav48_silence_trimmed/p225/p225_001_mic2.flac",
        "wav48_silence_trimmed/p226/p226_001_mic1.flac",
    )
    _text(tmp_path / "txt/p225/p225_001.txt", "Please call Stella.")
    _text(tmp_path / "txt/p226/p226_001.txt", "Please call Stella.")
    layout = recognise(tmp_path)
    assert layout.kind is LayoutKind.VCTK
    assert [recording.speaker for recording in layout.recordings] == ["p225", "p226"]


def test_aishell3_gives_characters_without_pinyin(tmp_path):
    _files(tmp_path, "train/wav/SSB0005/SSB00050001.wav")
    _text(tmp_path / "train/content.txt", "SSB00050001.wav\t广 guang3 州 zhou1 女 nv3 大 da4\n")
    layout = recognise(tmp_path)
    assert layout.kind is LayoutKind.AISHELL3
    assert (layout.recordings[0].text, layout.recordings[0].speaker) == ("广州女大", "SSB0005")


def test_libritts_takes_the_normalised_text(tmp_path):
    _files(tmp_path, "19/198/19_198_000000_000000.wav")
    _text(tmp_path / "19/198/19_198_000000_000000.normalized.txt", "doctor Smith")
    _text(tmp_path / "19/198/19_198_000000_000000.original.txt", "Dr. Smith")
    layout = recognise(tmp_path)
    assert layout.kind is LayoutKind.LIBRITTS
    assert (layout.recordings[0].text, layout.recordings[0].speaker) == ("doctor Smith", "19")


def test_one_recording_and_a_text_of_lines_is_a_take(tmp_path):
    _files(tmp_path, "voice_sample.wav")
    _text(tmp_path / "script.txt", "First line.\n\nSecond line.\n")
    take = recognise(tmp_path).takes[0]
    assert (take.files, take.lines) == (["voice_sample.wav"], ["First line.", "Second line."])


def test_a_file_may_be_given_instead_of_a_folder(tmp_path):
    _files(tmp_path, "voice_sample.wav")
    script = _text(tmp_path / "elsewhere.txt", "First line.\nSecond line.\n")
    assert recognise(tmp_path / "voice_sample.wav", script).takes[0].lines == ["First line.", "Second line."]


def test_lines_that_look_like_names_are_still_lines(tmp_path):
    _files(tmp_path, "take.wav")
    _text(tmp_path / "script.txt", "Note: this is read aloud.\nWarning: so is this.\n")
    assert recognise(tmp_path).takes[0].lines[0] == "Note: this is read aloud."


def test_recordings_without_text_and_texts_without_recording_keep_their_place(tmp_path):
    _files(tmp_path, "a.wav", "b.wav")
    _text(tmp_path / "t.tsv", "a\tGood morning.\nc\tGood night.\n")
    reasons = {recording.file: recording.reasons for recording in recognise(tmp_path).recordings}
    assert reasons == {"a.wav": (), "b.wav": ("TranscriptMissing",), "c": ("AudioNotFound",)}


def test_two_texts_for_one_recording_are_not_guessed(tmp_path):
    _files(tmp_path, "a.wav", "b.wav")
    _text(tmp_path / "t.tsv", "a\tGood morning.\na\tGood evening.\nb\tHello.\nb\tHello.\n")
    reasons = {recording.file: recording.reasons for recording in recognise(tmp_path).recordings}
    assert reasons == {"a.wav": ("TranscriptDuplicated",), "b.wav": ()}


def test_two_tables_are_an_error(tmp_path):
    _files(tmp_path, "a.wav")
    _text(tmp_path / "one.tsv", "a\tGood morning.\n")
    _text(tmp_path / "two.tsv", "a\tGood evening.\n")
    with pytest.raises(TranscriptDuplicated, match=r"more than one transcript.*--transcripts"):
        recognise(tmp_path)


def test_a_table_beside_single_texts_is_an_error(tmp_path):
    _files(tmp_path, "a.wav")
    _text(tmp_path / "a.txt", "Good morning.")
    _text(tmp_path / "all.tsv", "a\tGood evening.\n")
    with pytest.raises(TranscriptDuplicated, match="texts beside the recordings and a table"):
        recognise(tmp_path)


def test_recordings_without_any_transcript_are_an_error(tmp_path):
    _files(tmp_path, "a.wav", "b.wav")
    with pytest.raises(TranscriptMissing, match=r"2 recordings and no transcript.*transcripts\.tsv"):
        recognise(tmp_path)


def test_a_transcript_that_is_not_utf8_names_line_and_byte(tmp_path):
    _files(tmp_path, "a.wav", "b.wav")
    (tmp_path / "t.tsv").write_bytes("a\tHello.\nb\t你好\n".encode("gb18030"))
    with pytest.raises(TranscriptEncoding, match=r"TranscriptEncoding: .*t\.tsv.* not UTF-8 \(line 2.*iconv"):
        recognise(tmp_path)


def test_a_utf16_transcript_says_so(tmp_path):
    _files(tmp_path, "a.wav")
    (tmp_path / "t.tsv").write_bytes("a\tHello.\n".encode("utf-16"))
    with pytest.raises(TranscriptEncoding, match="is UTF-16"):
        recognise(tmp_path)


def test_one_text_that_is_not_utf8_rejects_one_clip(tmp_path):
    _files(tmp_path, "a.wav", "b.wav")
    _text(tmp_path / "a.txt", "Good morning.")
    (tmp_path / "b.txt").write_bytes(b"caf\xe9")
    reasons = {recording.file: recording.reasons for recording in recognise(tmp_path).recordings}
    assert reasons == {"a.wav": (), "b.wav": ("TranscriptEncoding",)}


def test_columns_without_names_are_not_guessed(tmp_path):
    _files(tmp_path, "a.wav")
    _text(tmp_path / "t.tsv", "a\tx\ty\tz\tGood morning.\n")
    with pytest.raises(TranscriptUnclear, match=r"5 columns and no header.*name, text"):
        recognise(tmp_path)


def test_a_header_without_text_is_unclear(tmp_path):
    _files(tmp_path, "a.wav")
    _text(tmp_path / "t.tsv", "name\tspeaker\na\tanna\n")
    with pytest.raises(TranscriptUnclear, match="no column for the file or for the text"):
        recognise(tmp_path)


def test_a_table_of_other_recordings_is_an_error_when_it_was_named(tmp_path):
    _files(tmp_path / "in", "a.wav")
    table = _text(tmp_path / "t.tsv", "x\tGood morning.\n")
    with pytest.raises(TranscriptMissing, match='the first says "x"'):
        recognise(tmp_path / "in", table)


@pytest.mark.parametrize(("name", "message"), [("nowhere", "is not there"), ("empty", "holds no recording")])
def test_a_folder_without_recordings_is_an_error(tmp_path, name, message):
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusNotFound, match=message):
        recognise(tmp_path / name)


@pytest.mark.parametrize("locked", ["in", "in/inner"])
def test_a_folder_without_read_permission_is_an_error(locked):
    with public_folder() as folder:
        _files(folder, "in/a.wav", "in/inner/b.wav")
        (folder / locked).chmod(0)
        message = message_as_ordinary_user(lambda: recognise(folder / "in"))
        (folder / locked).chmod(0o755)
    assert re.search(r"^CorpusUnreadable: .* cannot be read \(Permission denied\)\. Give the account", message), message


def test_clip_ids_are_safe_file_names():
    assert clip_id("digits/../../etc/pass wd.wav") == "digits-..-..-etc-pass-wd"
    assert clip_id("录音/第一句.wav") == "录音-第一句"
    assert clip_id("...") == "clip"
