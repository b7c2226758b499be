"""The lines to read cover the language; what was read is safe on the disk after each line."""

from __future__ import annotations

import errno
import os
from collections import Counter

import numpy as np
import pytest

from clock_train.data.prompts import LANGUAGES, Pace, prompts, prompts_from, style_of
from clock_train.data.recorded_lines import RecordedLines
from clock_train.errors import ConfigError, CorpusDamaged, CorpusDiskFull, CorpusUnwritable, TranscriptMissing
from clock_train.text.frontend import phonemize

RATE_HZ = 16_000
ENGLISH_PHONES = "i ɪ eɪ ɛ æ ɑ ɔ oʊ ʊ u ʌ ɝ aɪ aʊ ɔɪ pʰ b tʰ d kʰ ɡ tʃ dʒ f v θ ð s z ʃ ʒ h m n ŋ l ɹ w j"
INITIALS = "b p m f d t n l g k h j q x zh ch sh r z c s"
FINALS = (
    "a o e i u v ai ei ao ou an en ang eng er ia ie iao iou ian in iang ing iong ong ua uo uai uei uan uen uang "
    "ve van vn"
)
TAKE = np.zeros(1600, dtype=np.float32)


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_are_enough_lines_of_every_kind_and_pace_for_the_basic_tier(language):
    lines = prompts(language)
    assert len(lines) >= 100
    assert len({line.text for line in lines}) == len({line.name for line in lines}) == len(lines)
    styles = Counter(line.style for line in lines)
    assert min(styles["statement"], styles["question"], styles["exclamation"]) >= 25
    assert min(Counter(line.pace for line in lines)[pace] for pace in Pace) >= 20
    # The article's smallest tier is ten minutes.
    assert sum(line.expected_seconds for line in lines) >= 600
    # The corpus takes clips of up to 12 s.
    assert max(line.expected_seconds for line in lines) < 10


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_last_mark_of_each_line_says_its_style(language):
    assert all(style_of(line.text) == line.style for line in prompts(language))


def test_who_stops_early_has_some_of_every_kind():
    for language in LANGUAGES:
        kinds = {(line.style, line.pace) for line in prompts(language)}
        assert {(line.style, line.pace) for line in prompts(language)[:30]} == kinds


def test_the_english_lines_hold_every_english_phone():
    found = Counter(phone for line in prompts("en") for phone in phonemize(line.text, "en").phones)
    assert {phone: found[phone] for phone in ENGLISH_PHONES.split() if found[phone] < 5} == {}


def test_the_mandarin_lines_hold_every_initial_final_and_tone():
    from pypinyin import Style, lazy_pinyin

    text = "".join(line.text for line in prompts("zh"))
    initials = Counter(lazy_pinyin(text, style=Style.INITIALS, strict=True))
    finals = Counter(lazy_pinyin(text, style=Style.FINALS, strict=True))
    assert {each: initials[each] for each in INITIALS.split() if initials[each] < 5} == {}
    assert {each: finals[each] for each in FINALS.split() if finals[each] < 5} == {}
    tones = Counter(token.tone for line in prompts("zh") for token in phonemize(line.text, "zh").tokens)
    assert all(tones[tone] > 200 for tone in range(1, 6))


def test_ones_own_lines_keep_their_order_and_get_their_style(tmp_path):
    (tmp_path / "own.txt").write_text("# a note\nHow are you?\n\nFine.\nGreat!\n", encoding="utf-8")
    lines = prompts_from(tmp_path / "own.txt", "en")
    assert [(line.name, line.text, line.style) for line in lines] == [
        ("line-0001", "How are you?", "question"),
        ("line-0002", "Fine.", "statement"),
        ("line-0003", "Great!", "exclamation"),
    ]


@pytest.mark.parametrize("content", [None, "", "\n# only a note\n"])
def test_no_lines_of_ones_own_are_refused(content, tmp_path):
    if content is not None:
        (tmp_path / "own.txt").write_text(content)
    with pytest.raises(TranscriptMissing, match=r"has no lines to read. Write one sentence a line"):
        prompts_from(tmp_path / "own.txt", "en")


def test_a_language_without_lines_names_those_that_have_some():
    with pytest.raises(ConfigError, match="Choose zh or en, or bring your own"):
        prompts("fr")


def test_a_saved_line_is_found_again(tmp_path):
    RecordedLines(tmp_path / "new" / "folder").save("a", "one\ttwo\n three", TAKE, RATE_HZ)
    again = RecordedLines(tmp_path / "new" / "folder")
    assert "a" in again and len(again) == 1
    assert (tmp_path / "new/folder/transcripts.tsv").read_text() == "name\ttext\na\tone two three\n"


def test_a_deleted_recording_is_to_be_read_again(tmp_path):
    recorded = RecordedLines(tmp_path)
    recorded.save("a", "one", TAKE, RATE_HZ)
    recorded.path("a").unlink()
    assert "a" not in RecordedLines(tmp_path)


@pytest.mark.parametrize("content", ["file|text\nx|y\n", "name\ttext\none\ttwo\tthree\n"])
def test_a_table_of_another_kind_is_not_overwritten(content, tmp_path):
    (tmp_path / "transcripts.tsv").write_text(content)
    with pytest.raises(CorpusDamaged, match='was not made by "clocktrain corpus record" and would be overwritten'):
        RecordedLines(tmp_path)
    assert (tmp_path / "transcripts.tsv").read_text() == content


def test_a_full_disk_keeps_the_lines_before(tmp_path, monkeypatch):
    recorded = RecordedLines(tmp_path)
    recorded.save("a", "one", TAKE, RATE_HZ)

    def full(_descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CorpusDiskFull, match="the disk is full; what was recorded before is kept"):
        recorded.save("b", "two", TAKE, RATE_HZ)
    monkeypatch.undo()
    assert "b" not in recorded
    assert (tmp_path / "transcripts.tsv").read_text() == "name\ttext\na\tone\n"


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CorpusUnwritable, match=r"cannot be written .* Choose a folder that you may write"):
        RecordedLines(tmp_path / "file" / "folder")
