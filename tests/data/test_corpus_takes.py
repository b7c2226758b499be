from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from corpus_making import RATE_HZ, silence, speech, syllables_of, write_wav

from clock_train.data.build import build_corpus
from clock_train.data.line_matching import match_lines
from clock_train.data.segmentation import cut_take, cut_waveforms, find_stretches, reading_lines
from clock_train.data.spoken_length import estimated_length, spoken_length
from clock_train.errors import TranscriptTooLong

LINES = (
    "The kettle is on the table.",
    "Where did you put the yellow map that my uncle drew for us last summer?",
    "Go home!",
    "Seven boats came back in the evening with fish and oranges.",
    "My brother sings while he cooks.",
    "Nobody in the house has seen the little grey cat since the storm began on Monday.",
    "Good night.",
    "The last train leaves the station at a quarter past ten.",
)


def _reading(
    rng: np.random.Generator, num_lines: int, *, skipped: tuple[int, ...] = (), extra_before: tuple[int, ...] = ()
):
    """Stretches of a made-up reader, phones and commas of the lines, and each line's true stretches."""
    phones = rng.integers(8, 70, num_lines).astype(float)
    commas = rng.poisson(phones / 30)
    stretches, truth, now_s = [], {}, 0.5
    for line in range(num_lines):
        if line in extra_before:
            stretches.append((now_s, now_s + 0.7))
            now_s += 1.9
        if line in skipped:
            continue
        length_s = 0.075 * (phones[line] + 3) * np.exp(rng.normal(0, 0.1))
        num_parts = 1 + min(commas[line], rng.poisson(0.5 * commas[line]))
        first = len(stretches)
        for part in range(num_parts):
            stretches.append((now_s, now_s + length_s / num_parts))
            now_s = stretches[-1][1] + (0.3 if part < num_parts - 1 else np.exp(rng.normal(0, 0.3)))
        truth[line] = range(first, len(stretches))
    return np.array(stretches), phones.tolist(), commas.tolist(), truth


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_lines_find_their_stretches_though_lines_are_skipped_and_noises_made(seed):
    reading = _reading(np.random.default_rng(seed), 80, skipped=(20,), extra_before=(40, 60))
    stretches, phones, commas, truth = reading
    matching = match_lines(stretches, phones, commas)
    right = [match for match in matching.matches if truth.get(match.lines[0]) == match.stretches]
    # Length alone leaves lines near a gap open; what is used must be right.
    assert len(right) >= 0.98 * len(matching.matches)
    assert len(right) >= 0.6 * len(truth)
    assert matching.seconds_per_phone == pytest.approx(0.075, rel=0.08)


def test_every_line_ends_matched_doubtful_or_missing():
    stretches, phones, commas, _ = _reading(np.random.default_rng(5), 60, skipped=(10, 11, 12))
    matching = match_lines(stretches, phones, commas)
    matched = [line for match in matching.matches for line in match.lines]
    assert sorted([*matched, *matching.doubtful_lines, *matching.missing_lines]) == list(range(60))
    used = [i for match in matching.matches for i in match.stretches]
    assert sorted([*used, *matching.unused_stretches]) == list(range(len(stretches)))


def test_two_equal_readings_of_one_line_are_doubtful_not_guessed():
    stretches = np.array([(0.5, 2.5), (3.5, 5.5), (6.5, 12.5)])
    matching = match_lines(stretches, [23.0, 77.0], [0, 0], seconds_per_phone=0.077)
    assert 0 in matching.doubtful_lines
    assert all(match.lines[0] != 0 for match in matching.matches)


def test_nothing_heard_means_every_line_is_missing():
    assert match_lines(np.zeros((0, 2)), [20.0, 30.0], [0, 0]).missing_lines == [0, 1]


def _take(folder: Path, *, pause_s: float = 0.8) -> tuple[Path, list[tuple[float, float]]]:
    parts, spans, now = [silence(1.0)], [], RATE_HZ
    for number, line in enumerate(LINES):
        sound = speech(syllables_of(line), seed=number, around_s=0.0)
        spans.append((now / RATE_HZ, (now + len(sound)) / RATE_HZ))
        parts += [sound, silence(pause_s, seed=number)]
        now += len(sound) + len(parts[-1])
    return write_wav(folder / "voice_sample.wav", np.concatenate(parts)), spans


def test_a_take_is_cut_into_its_lines(tmp_path):
    path, spans = _take(tmp_path)
    cutting = cut_take([path], LINES, [spoken_length(line, "en") for line in LINES])
    assert [piece.text for piece in cutting.pieces] == list(LINES)
    for piece, (start_s, end_s) in zip(cutting.pieces, spans, strict=True):
        assert start_s - 0.45 < piece.start_s < start_s
        assert end_s < piece.end_s < end_s + 0.55


def test_pieces_carry_the_sound_of_their_place(tmp_path):
    path, _ = _take(tmp_path)
    cutting = cut_take([path], LINES, [spoken_length(line, "en") for line in LINES])
    import soundfile

    whole, _ = soundfile.read(path, dtype="float32")
    for piece, waveform in zip(cutting.pieces, cut_waveforms(path, cutting.pieces), strict=True):
        start = round(piece.start_s * RATE_HZ)
        np.testing.assert_allclose(waveform, whole[start : start + len(waveform)], atol=1e-4)


def test_stretches_are_the_same_however_the_take_is_streamed(tmp_path, monkeypatch):
    path, spans = _take(tmp_path)
    whole, seconds = find_stretches(path)
    monkeypatch.setattr("clock_train.data.segmentation.BLOCK_S", 5.0)
    streamed, streamed_seconds = find_stretches(path)
    assert len(whole) == len(streamed) == len(spans)
    assert seconds == pytest.approx(streamed_seconds)
    for one, other in zip(whole, streamed, strict=True):
        assert one.start_s == pytest.approx(other.start_s, abs=0.05)
        assert one.end_s == pytest.approx(other.end_s, abs=0.05)


def test_a_take_and_its_lines_become_a_corpus(tmp_path):
    path, _ = _take(tmp_path / "in")
    lines = tmp_path / "lines.txt"
    lines.write_text("\n".join(LINES) + "\n")
    corpus = build_corpus(path, tmp_path / "out", speaker="anna", transcripts=lines)
    assert [clip.text for clip in corpus.accepted()] == list(LINES)
    assert corpus.accepted()[0].id == "voice_sample-0001"
    take = json.loads((tmp_path / "out/quality.json").read_text())["takes"][0]
    assert (take["lines"], take["matched"], take["doubtful_lines"]) == (len(LINES), len(LINES), [])


def test_lines_that_were_not_read_are_reported_and_left_out(tmp_path):
    _take(tmp_path / "in")
    lost = "This long sentence about mountains, rivers and bridges was never read by anybody at all."
    (tmp_path / "in/voice_sample.txt").write_text("\n".join([*LINES[:4], lost, *LINES[4:]]))
    corpus = build_corpus(tmp_path / "in", tmp_path / "out", speaker="anna")
    texts = {clip.text for clip in corpus.accepted()}
    assert lost not in texts
    assert texts <= set(LINES)
    assert {clip.reasons[0] for clip in corpus.clips if clip.text == lost} <= {"LineNotFound", "LineDoubtful"}


def test_a_text_longer_than_the_take_is_an_error(tmp_path):
    path, _ = _take(tmp_path)
    lines = LINES * 20
    with pytest.raises(TranscriptTooLong, match=r"about \d+ phones, \d+ s of sound hold at most \d+"):
        cut_take([path], lines, [spoken_length(line, "en") for line in lines])


def test_a_long_clip_of_several_sentences_is_cut_at_pauses(tmp_path):
    _take(tmp_path / "in")
    for number in range(12):
        line = LINES[number % len(LINES)]
        write_wav(tmp_path / f"in/short-{number}.wav", speech(syllables_of(line), seed=50 + number))
        (tmp_path / f"in/short-{number}.txt").write_text(line)
    (tmp_path / "in/voice_sample.txt").write_text(" ".join(LINES))
    corpus = build_corpus(tmp_path / "in", tmp_path / "out", speaker="anna", language="en")
    pieces = [clip for clip in corpus.accepted() if clip.origin.file == "voice_sample.wav"]
    assert len(pieces) >= 5
    assert all(clip.seconds <= 12 for clip in pieces)
    assert all(any(line in clip.text for line in LINES) for clip in pieces)


def test_long_texts_break_at_sentences_then_at_commas():
    assert reading_lines("Go home! It is late.") == ["Go home!", "It is late."]
    assert reading_lines("回家吧！天黑了。") == ["回家吧！", "天黑了。"]
    assert reading_lines("It costs 3.50 at www.example.org today.") == ["It costs 3.50 at www.example.org today."]
    long = ", ".join(["the committee considered another proposal"] * 8) + "."
    lines = reading_lines(long)
    assert len(lines) > 1
    assert " ".join(lines) == long


def test_length_is_counted_in_phones_and_pauses():
    length = spoken_length("Go home, now.", "en")
    assert (length.num_phones, length.num_pauses, length.is_estimated) == (7, 1, False)
    assert estimated_length("你好，世界").num_phones == 10
    assert spoken_length("dobry den", "xx-unknown").is_estimated
