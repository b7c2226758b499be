from __future__ import annotations

import errno
import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from corpus_making import (
    RATE_HZ,
    SENTENCES,
    clips_with_texts,
    message_as_ordinary_user,
    public_folder,
    silence,
    speech,
    syllables_of,
    write_wav,
)

from clock_train.data import build as building
from clock_train.data import clip_cutting
from clock_train.data.build import build_corpus
from clock_train.data.clip_cutting import style_of
from clock_train.data.manifest import Clip, Corpus, read_corpus
from clock_train.data.replacing import held
from clock_train.errors import (
    ConfigError,
    CorpusDiskFull,
    CorpusNotFound,
    CorpusTooShort,
    CorpusUnwritable,
    TranscriptLanguageMismatch,
)

SENTENCE = "The kettle is on the table."


def _built(tmp_path: Path, **options) -> Corpus:
    return build_corpus(tmp_path / "in", tmp_path / "out", speaker="anna", language="en", **options)


def _clip(corpus: Corpus, clip_id: str) -> Clip:
    return next(clip for clip in corpus.clips if clip.id == clip_id)


def _add(folder: Path, name: str, waveform: np.ndarray, text: str = SENTENCE, **sound) -> None:
    write_wav(folder / f"{name}.wav", waveform, **sound)
    (folder / f"{name}.txt").write_text(text, encoding="utf-8")


def _one(tmp_path: Path, waveform: np.ndarray, text: str = SENTENCE, **sound) -> Clip:
    _add(tmp_path / "in", "one", waveform, text, **sound)
    return _clip(_built(tmp_path), "one")


def _digest(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(str(path).encode() + path.read_bytes() for path in files)).hexdigest()


@pytest.fixture
def sentence_sound() -> np.ndarray:
    return speech(syllables_of(SENTENCE), seed=1)


def test_good_clips_become_trimmed_flac_with_their_figures(tmp_path):
    clips_with_texts(tmp_path / "in")
    corpus = _built(tmp_path)
    assert [clip.text for clip in corpus.accepted()] == list(SENTENCES)
    for clip in corpus.accepted():
        info = soundfile.info(corpus.audio_path(clip))
        assert (info.samplerate, info.channels, info.subtype, info.format) == (16_000, 1, "PCM_16", "FLAC")
        assert info.duration == pytest.approx(clip.seconds, abs=0.001)
        assert 150 < (clip.quality.f0_median_hz or 0) < 215
        assert (clip.quality.snr_db or 0) > 30
        assert clip.origin.end_s - clip.origin.start_s == pytest.approx(clip.seconds, abs=0.01)


def test_the_silence_around_a_clip_is_cut_to_a_tenth_of_a_second(tmp_path):
    sound = np.concatenate([silence(1.5), speech(syllables_of(SENTENCE), seed=1, around_s=0.0), silence(2.0)])
    clip = _one(tmp_path, sound)
    assert clip.origin.start_s == pytest.approx(1.4, abs=0.06)
    assert clip.origin.end_s == pytest.approx(len(sound) / RATE_HZ - 1.9, abs=0.1)


def test_styles_follow_the_last_sign(tmp_path):
    clips_with_texts(tmp_path / "in")
    styles = {clip.text[-1]: clip.style for clip in _built(tmp_path).clips}
    assert styles == {".": "statement", "?": "question", "!": "exclamation"}
    assert style_of("你好吗？”") == "question"


def test_emotions_of_a_table_reach_the_manifest(tmp_path, sentence_sound):
    write_wav(tmp_path / "in/a.wav", sentence_sound)
    (tmp_path / "in/t.tsv").write_text(f"name\ttext\temotion\na\t{SENTENCE}\thappy\n")
    corpus = _built(tmp_path)
    assert corpus.clips[0].emotion == "happy"
    assert corpus.quality["speakers"]["anna"]["emotions"] == {"happy": 1}


def test_the_same_recordings_give_the_same_corpus(tmp_path):
    clips_with_texts(tmp_path / "in")
    for out in ("one", "two"):
        build_corpus(tmp_path / "in", tmp_path / out, speaker="anna", language="en")
    for name in ("manifest.jsonl", "quality.json", "audio/clip-1.flac", "report.html"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_recordings_are_never_changed(tmp_path):
    before = _digest(clips_with_texts(tmp_path / "in"))
    _built(tmp_path)
    assert _digest(tmp_path / "in") == before


def test_attribution_goes_with_the_corpus(tmp_path):
    clips_with_texts(tmp_path / "in")
    (tmp_path / "in/ATTRIBUTION").write_text("Spoken by A. N. Other, CC-BY-4.0")
    attribution = (_built(tmp_path).path / "ATTRIBUTION").read_text()
    assert "A. N. Other, CC-BY-4.0" in attribution
    assert "Changed for this corpus" in attribution


def test_clipped_sound_is_rejected(tmp_path, sentence_sound):
    assert "Clipped" in _one(tmp_path, np.clip(sentence_sound * 6, -1, 1)).reasons


def test_silence_is_rejected(tmp_path):
    assert _one(tmp_path, silence(2.0)).reasons == ["Silent"]


def test_digital_silence_is_rejected(tmp_path):
    assert _one(tmp_path, np.zeros(2 * RATE_HZ, dtype=np.float32)).reasons == ["Silent"]


def test_a_noisy_room_is_rejected(tmp_path):
    assert "TooNoisy" in _one(tmp_path, speech(syllables_of(SENTENCE), seed=1, noise_db=-36.0)).reasons


def test_a_room_louder_than_the_voice_is_rejected(tmp_path):
    assert _one(tmp_path, speech(syllables_of(SENTENCE), seed=1, noise_db=-12.0)).reasons == ["NoVoice"]


def test_a_whisper_of_a_level_is_rejected(tmp_path):
    sound = speech(syllables_of(SENTENCE), seed=1, noise_db=-100.0) * 0.02
    assert "TooQuiet" in _one(tmp_path, sound).reasons


def test_8_khz_is_rejected_and_not_upsampled_into_the_corpus(tmp_path, sentence_sound):
    clip = _one(tmp_path, sentence_sound[::2], rate_hz=8000)
    assert clip.reasons[0] == "SampleRateTooLow"
    assert clip.quality.sample_rate_hz == 8000


def test_8_bits_are_rejected(tmp_path, sentence_sound):
    assert "BitDepthTooLow" in _one(tmp_path, sentence_sound, bytes_per_sample=1).reasons


def test_stereo_of_one_microphone_is_taken_and_of_two_persons_is_not(tmp_path, sentence_sound):
    other = speech(syllables_of(SENTENCE), seed=9, f0_hz=110.0)
    length = min(len(other), len(sentence_sound))
    write_wav(tmp_path / "in/same.wav", sentence_sound, sentence_sound)
    write_wav(tmp_path / "in/different.wav", sentence_sound[:length], other[:length])
    for name, text in (("same", SENTENCE), ("different", "My brother sings.")):
        (tmp_path / f"in/{name}.txt").write_text(text)
    corpus = _built(tmp_path)
    assert _clip(corpus, "same").is_accepted
    assert "ChannelsDiffer" in _clip(corpus, "different").reasons


def test_a_wrong_extension_is_read_by_its_content(tmp_path, sentence_sound):
    write_wav(tmp_path / "in/one.wav", sentence_sound).rename(tmp_path / "in/one.mp3")
    (tmp_path / "in/one.txt").write_text(SENTENCE)
    assert _clip(_built(tmp_path), "one").is_accepted


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "AudioEmpty"), (b"PK\x03\x04 this is no sound" * 50, "AudioNotAudio")],
)
def test_files_without_sound_are_rejected_and_the_others_stay(tmp_path, content, reason):
    clips_with_texts(tmp_path / "in", SENTENCES[:2])
    (tmp_path / "in/bad.wav").write_bytes(content)
    (tmp_path / "in/bad.txt").write_text(SENTENCE)
    corpus = _built(tmp_path)
    assert _clip(corpus, "bad").reasons == [reason]
    assert len(corpus.accepted()) == 2


def test_a_file_of_no_samples_is_rejected(tmp_path):
    assert _one(tmp_path, np.zeros(0, dtype=np.float32)).reasons == ["AudioEmpty"]


def test_a_truncated_file_is_rejected(tmp_path, sentence_sound):
    path = write_wav(tmp_path / "in/one.wav", sentence_sound)
    path.write_bytes(path.read_bytes()[: len(sentence_sound)])
    (tmp_path / "in/one.txt").write_text(SENTENCE)
    assert _clip(_built(tmp_path), "one").reasons == ["AudioTruncated"]


def test_a_huge_file_is_rejected_before_it_is_decoded(tmp_path, sentence_sound, monkeypatch):
    monkeypatch.setattr(clip_cutting, "MAX_FILE_SECONDS", 1.0)
    assert _one(tmp_path, sentence_sound).reasons == ["AudioTooLong"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("😀🎉", "TextEmpty"),
        ("word " * 10_000, "TextTooLong"),
        ("[sound of monkeys screaming]", "NotSpeech"),
        ("IAX (does not say two)", "TextHasNote"),
        ("", "TranscriptMissing"),
        ("Чайник стоит на столе.", "TranscriptLanguageMismatch"),
        ("the kettle is on the table " * 12, "TranscriptTooLong"),
    ],
)
def test_texts_that_cannot_be_used_reject_their_clip(tmp_path, sentence_sound, text, reason):
    clips_with_texts(tmp_path / "in")
    _add(tmp_path / "in", "one", sentence_sound, text)
    corpus = _built(tmp_path)
    assert reason in _clip(corpus, "one").reasons
    assert len(corpus.accepted()) == len(SENTENCES)


def test_a_text_of_digits_is_spoken(tmp_path):
    assert _one(tmp_path, speech(6, seed=3), "1984").is_accepted


def test_signs_in_brackets_are_dropped(tmp_path):
    clip = _one(tmp_path, speech(3, seed=3), "dollar [$]")
    assert (clip.text, clip.verdict) == ("dollar", "accepted")


def test_a_second_copy_of_a_recording_is_left_out(tmp_path):
    clips_with_texts(tmp_path / "in")
    _add(tmp_path / "in", "copy", speech(syllables_of(SENTENCES[0]), seed=1), SENTENCES[0])
    corpus = _built(tmp_path)
    assert sorted(clip.id for clip in corpus.clips if clip.reasons == ["Duplicate"]) in (["copy"], ["clip-1"])
    assert len(corpus.accepted()) == len(SENTENCES)


def test_one_recording_under_two_texts_is_left_out_altogether(tmp_path):
    clips_with_texts(tmp_path / "in")
    _add(tmp_path / "in", "copy", speech(syllables_of(SENTENCES[0]), seed=1), "The sparrow is in the garden.")
    corpus = _built(tmp_path)
    assert {clip.id for clip in corpus.clips if clip.reasons == ["TextConflict"]} == {"copy", "clip-1"}
    assert (corpus.path / "rejected/copy.flac").is_file()


def test_transcripts_in_another_language_than_named_stop_the_build(tmp_path):
    clips_with_texts(tmp_path / "in")
    with pytest.raises(TranscriptLanguageMismatch, match=r'6 of 6 texts are not in "zh".*--language en'):
        build_corpus(tmp_path / "in", tmp_path / "out", speaker="anna", language="zh")
    assert not (tmp_path / "out").exists()


def test_a_speaker_must_be_named_unless_the_layout_does(tmp_path):
    clips_with_texts(tmp_path / "in")
    with pytest.raises(ConfigError, match="--speaker"):
        build_corpus(tmp_path / "in", tmp_path / "out")


def test_a_table_of_many_speakers_gives_one_or_all(tmp_path):
    for name in "ab":
        write_wav(tmp_path / f"in/{name}.wav", speech(8, seed=ord(name)))
    (tmp_path / "in/t.tsv").write_text(f"name\tspeaker\ttext\na\tanna\t{SENTENCES[0]}\nb\tben\t{SENTENCES[4]}\n")
    assert build_corpus(tmp_path / "in", tmp_path / "all").speakers() == ["anna", "ben"]
    assert build_corpus(tmp_path / "in", tmp_path / "ben", speaker="ben").speakers() == ["ben"]
    with pytest.raises(CorpusNotFound, match=r'no speaker "carl"; it has 2: anna, ben'):
        build_corpus(tmp_path / "in", tmp_path / "carl", speaker="carl")


def test_an_older_corpus_is_replaced_only_by_a_whole_one(tmp_path, monkeypatch):
    clips_with_texts(tmp_path / "in")
    _built(tmp_path)
    before = _digest(tmp_path / "out")
    clips_with_texts(tmp_path / "in", tuple(reversed(SENTENCES)))

    def fail(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(building, "write_manifest", fail)
        with pytest.raises(CorpusDiskFull, match=r"CorpusDiskFull: no room left .* nothing there was changed"):
            _built(tmp_path)
    assert _digest(tmp_path / "out") == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    assert _built(tmp_path).clips[0].text == SENTENCES[-1]


def test_a_disk_that_fills_up_while_sound_is_written_loses_nothing(tmp_path, monkeypatch):
    import os

    clips_with_texts(tmp_path / "in")
    real_fsync, count = os.fsync, [0]

    def full(handle):
        count[0] += 1
        if count[0] > 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        real_fsync(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CorpusDiskFull, match="Free some room"):
        _built(tmp_path)
    assert not (tmp_path / "out").exists()


def test_no_usable_clip_keeps_the_older_corpus(tmp_path):
    clips_with_texts(tmp_path / "in")
    _built(tmp_path)
    for path in (tmp_path / "in").glob("*.wav"):
        write_wav(path, silence(1.0))
    with pytest.raises(CorpusTooShort, match=r"no clip of 6 is usable \(Silent 6\).*was kept"):
        _built(tmp_path)
    assert len(read_corpus(tmp_path / "out").accepted()) == len(SENTENCES)


def test_a_folder_that_is_no_corpus_is_not_overwritten(tmp_path):
    clips_with_texts(tmp_path / "in")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/thesis.txt").write_text("the only copy")
    with pytest.raises(CorpusUnwritable, match="holds something that is no corpus"):
        _built(tmp_path)
    assert (tmp_path / "out/thesis.txt").read_text() == "the only copy"


def test_what_a_killed_build_left_is_cleared(tmp_path):
    clips_with_texts(tmp_path / "in")
    (tmp_path / ".out.building/corpus/audio").mkdir(parents=True)
    assert len(_built(tmp_path).accepted()) == len(SENTENCES)
    assert not (tmp_path / ".out.building").exists()


def test_two_builds_of_one_corpus_do_not_mix(tmp_path):
    clips_with_texts(tmp_path / "in")
    (tmp_path / ".out.building").mkdir()
    with held(tmp_path / ".out.building"), pytest.raises(CorpusUnwritable, match="another build is writing"):
        _built(tmp_path)


def test_a_folder_without_write_permission_is_an_error():
    with public_folder() as folder:
        clips_with_texts(folder / "in", SENTENCES[:1])
        (folder / "locked").mkdir(mode=0o555)
        message = message_as_ordinary_user(
            lambda: build_corpus(folder / "in", folder / "locked/out", speaker="anna", language="en")
        )
    assert re.search(r"^CorpusUnwritable: .* cannot be written \(Permission denied\)\. Choose a folder", message), (
        message
    )


def test_quality_json_holds_what_scripts_need(tmp_path):
    clips_with_texts(tmp_path / "in")
    _built(tmp_path)
    quality = json.loads((tmp_path / "out/quality.json").read_text())
    assert quality["tier"] == "below basic"
    assert quality["layout"] == "one text per clip"
    assert re.fullmatch("[0-9a-f]{64}", quality["recordings_sha256"])
    assert quality["speakers"]["anna"]["styles"] == {"statement": 4, "question": 1, "exclamation": 1}
