"""A corpus as flat arrays: what is in, what is left out and why, and the file it is kept in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clock_train.audio.writing import write_flac
from clock_train.data.manifest import Clip, Corpus, Origin
from clock_train.data.packed_file import load_packed, save_packed
from clock_train.data.packing import LONGEST_SECONDS, PackedCorpus, pack
from clock_train.data.splits import TEST, TRAIN, VALIDATION
from clock_train.errors import ConfigError, CorpusDamaged, TrainingDataTooSmall
from clock_train.text.frontend import phonemize
from clock_train.text.inventory import INVENTORY_ID, token_ids

RATE_HZ, SECONDS = 16_000, 1.5


def _buzz(seconds: float, seed: int) -> np.ndarray:
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    voice = sum(np.sin(2 * np.pi * (100 + 10 * seed) * k * t) / k for k in range(1, 10))
    return (0.2 * voice * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * t))).astype(np.float32)


def _clip(name: str, text: str = "Good morning.", **changes: Any) -> Clip:
    clip = Clip(
        id=name,
        speaker="anna",
        text=text,
        language="en",
        path=f"audio/{name}.flac",
        seconds=SECONDS,
        verdict="accepted",
        origin=Origin(file="take.wav", start_s=0.0, end_s=SECONDS),
    )
    return replace(clip, **changes)


def _corpus(folder: Path, clips: Sequence[Clip]) -> Corpus:
    (folder / "audio").mkdir(parents=True, exist_ok=True)
    for seed, clip in enumerate(clips):
        write_flac(folder / clip.path, _buzz(clip.seconds, seed), RATE_HZ)
    return Corpus(path=folder, clips=list(clips))


def _usable(count: int = 10, **changes: Any) -> list[Clip]:
    return [_clip(f"clip-{i}", **changes) for i in range(count)]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    clips = _usable()
    clips[3] = replace(clips[3], style="question", emotion="happy", text="Is it late?")
    return _corpus(tmp_path_factory.mktemp("corpus"), clips)


def test_each_clip_owns_its_samples_and_ids(corpus: Corpus) -> None:
    packed, report = pack([corpus])
    assert report.left_out == []
    assert (packed.sample_rate_hz, packed.inventory_id, packed.speakers) == (RATE_HZ, INVENTORY_ID, ["anna"])
    assert len(packed) == 10
    for i, clip in enumerate(corpus.clips):
        assert packed.clip_ids[i] == clip.id
        # two roundings to 16 bits, here and in the file
        np.testing.assert_allclose(packed.waveform(i), _buzz(SECONDS, i), atol=2 / 32768)
        np.testing.assert_array_equal(packed.ids(i), token_ids(phonemize(clip.text, "en")))
    assert (packed.styles[3], packed.emotions[3], packed.emotions[0]) == ("question", "happy", "")
    np.testing.assert_allclose(packed.seconds(), SECONDS)


def test_the_splits_share_out_all_clips(corpus: Corpus) -> None:
    packed, _ = pack([corpus])
    parts = [packed.of_split(split) for split in (TRAIN, VALIDATION, TEST)]
    assert sorted(i for part in parts for i in part) == list(range(10))
    assert all(parts)


def test_packing_twice_gives_the_same(corpus: Corpus) -> None:
    first, second = (pack([corpus], speed_copies=1)[0] for _ in range(2))
    _assert_equal(first, second)


def test_speed_copies_are_made_of_training_clips_only_and_labelled(corpus: Corpus) -> None:
    packed, _ = pack([corpus], speed_copies=2, speed_percent=20.0)
    copies = np.flatnonzero(packed.speed_percent)
    originals = [i for i in packed.of_split(TRAIN) if packed.speed_percent[i] == 0]
    assert len(copies) == 2 * len(originals) > 0
    assert (packed.split_of[copies] == TRAIN).all()
    assert np.abs(packed.speed_percent).max() <= 20.0
    assert len(np.unique(packed.speed_percent[copies])) == len(copies)
    for i in copies:
        original = packed.clip_ids.index(packed.clip_ids[i])
        expected_s = SECONDS / (1 + packed.speed_percent[i] / 100)
        # the overlap-add of the speed change works in windows of tens of milliseconds
        assert packed.seconds()[i] == pytest.approx(expected_s, abs=0.06)
        np.testing.assert_array_equal(packed.ids(int(i)), packed.ids(original))
        assert original in packed.of_split(TRAIN)


def test_several_corpora_become_one_with_all_speakers(corpus: Corpus, tmp_path: Path) -> None:
    other = _corpus(tmp_path, _usable(8, speaker="Ånne"))
    packed, _ = pack([other, corpus])
    assert packed.speakers == ["anna", "Ånne"]
    assert packed.speaker_of.tolist() == [1] * 8 + [0] * 10


def test_rejected_clips_are_not_looked_at(tmp_path: Path) -> None:
    corpus = _corpus(tmp_path, _usable())
    rejected = _clip("bad", verdict="rejected", path="")
    packed, report = pack([replace(corpus, clips=[*corpus.clips, rejected])])
    assert "bad" not in packed.clip_ids
    assert report.left_out == []


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (_clip("bad", seconds=LONGEST_SECONDS + 0.5), "longer than 12 s"),
        (_clip("bad", text="🙂🙂"), "TextEmpty"),
        (_clip("bad", text="Good morning to everybody here. " * 4), "the transcript is longer than the audio"),
    ],
    ids=["long", "unspeakable", "more phones than frames"],
)
def test_a_clip_that_cannot_be_trained_on_is_left_out_with_its_reason(tmp_path: Path, bad: Clip, reason: str) -> None:
    packed, report = pack([_corpus(tmp_path, [*_usable(), bad])])
    assert len(packed) == 10
    [(name, why)] = report.left_out
    assert name == "bad"
    assert reason in why


def test_a_clip_shorter_than_its_manifest_says_is_left_out_too(tmp_path: Path) -> None:
    corpus = _corpus(tmp_path, [*_usable(), _clip("cut off")])
    write_flac(tmp_path / "audio/cut off.flac", _buzz(0.1, 0), RATE_HZ)
    packed, report = pack([corpus])
    assert len(packed) == 10
    [(name, why)] = report.left_out
    assert name == "cut off"
    assert "phones in 0.10 s: the transcript is longer than the audio" in why


def test_no_usable_clip_names_the_first_reasons(tmp_path: Path) -> None:
    corpus = _corpus(tmp_path, [_clip("a", text="🙂"), _clip("b", text="🙂")])
    with pytest.raises(TrainingDataTooSmall, match=r'none of 2 clips of speaker "anna" can be .*\(a: TextEmpty.*b: '):
        pack([corpus])


def test_a_speaker_of_whom_nothing_is_left_is_not_missing_without_a_word(tmp_path: Path) -> None:
    lost = [_clip("a", text="🙂", speaker="ben"), _clip("b", text="🙂", speaker="ben")]
    corpus = _corpus(tmp_path, [*_usable(), *lost])
    with pytest.raises(TrainingDataTooSmall, match=r'none of 2 clips of speaker "ben" .*a: TextEmpty'):
        pack([corpus])


def test_an_empty_corpus_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataTooSmall, match=r"none of 0 clips .*no accepted clips"):
        pack([Corpus(path=tmp_path, clips=[])])


def test_a_speaker_left_with_too_few_clips_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataTooSmall, match='speaker "anna" has 7 usable clips'):
        pack([_corpus(tmp_path, [*_usable(7), _clip("bad", text="🙂")])])


def test_speeds_that_are_no_speech_are_refused(corpus: Corpus) -> None:
    with pytest.raises(ConfigError, match=r"data\.speed_percent is 60; give 0 to 50"):
        pack([corpus], speed_percent=60)


def test_progress_counts_to_the_end(corpus: Corpus) -> None:
    seen: list[tuple[int, int]] = []
    pack([corpus], progress=lambda done, total: seen.append((done, total)))
    assert seen == [(i, 10) for i in range(11)]


def _assert_equal(made: PackedCorpus, expected: PackedCorpus) -> None:
    for name, value in vars(expected).items():
        other = getattr(made, name)
        if isinstance(value, np.ndarray):
            assert other.dtype == value.dtype
            np.testing.assert_array_equal(other, value)
        else:
            assert other == value


def test_a_file_gives_back_what_was_written(corpus: Corpus, tmp_path: Path) -> None:
    packed, _ = pack([corpus])
    texts = [
        "欢迎使用钟训练",
        "two\nlines",
        "",
        "tab\tand \\n no line",
        "emoji 🙂",
        "Ünïcode\r\n",
        '"quotes"',
        "a",
        "b",
        " ",
    ]
    packed = replace(packed, texts=texts, speakers=["安娜"])
    save_packed(packed, tmp_path / "packed.npz")
    _assert_equal(load_packed(tmp_path / "packed.npz"), packed)


@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.99], ids=["empty", "a few bytes", "half", "almost all"])
def test_a_file_that_was_cut_off_is_refused_with_a_remedy(corpus: Corpus, tmp_path: Path, kept: float) -> None:
    path = tmp_path / "packed.npz"
    save_packed(pack([corpus])[0], path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept if kept > 1 else kept * len(whole))])
    with pytest.raises(CorpusDamaged, match=r"packed\.npz\" is not a whole packed corpus .* Delete it"):
        load_packed(path)


def test_an_archive_of_something_else_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "packed.npz", weights=np.zeros(3))
    with pytest.raises(CorpusDamaged, match="is not a whole packed corpus"):
        load_packed(tmp_path / "packed.npz")
