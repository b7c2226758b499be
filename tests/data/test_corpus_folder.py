from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from corpus_making import SENTENCES, clips_with_texts, message_as_ordinary_user, public_folder, silence, write_wav

from clock_train.consent.record import licence_record, write_record
from clock_train.data.build import build_corpus
from clock_train.data.check import check_corpus, require_basic
from clock_train.data.manifest import Corpus, read_corpus
from clock_train.data.report_plots import histogram, waveform_thumbnail
from clock_train.errors import ConsentInvalid, CorpusDamaged, CorpusNotFound, CorpusTooShort


@pytest.fixture
def corpus(tmp_path) -> Corpus:
    clips_with_texts(tmp_path / "in")
    write_wav(tmp_path / "in/empty.wav", silence(1.0))
    (tmp_path / "in/empty.txt").write_text('bread & "butter"')
    return build_corpus(tmp_path / "in", tmp_path / "out", speaker="anna <i> ben", language="en")


def _change_manifest(corpus: Corpus, change) -> None:
    path = corpus.path / "manifest.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps(change(line)) + "\n" for line in lines))


def test_a_corpus_reads_back_as_it_was_written(corpus):
    again = read_corpus(corpus.path)
    assert again.clips == corpus.clips
    assert again.quality == corpus.quality
    assert again.speakers() == ["anna <i> ben"]
    assert again.seconds() == pytest.approx(sum(clip.seconds for clip in again.accepted()))


def test_fields_of_a_later_version_are_passed_over(corpus):
    _change_manifest(corpus, lambda line: {**line, "prosody": [1, 2]})
    assert read_corpus(corpus.path).clips == corpus.clips


def test_a_folder_without_a_manifest_is_no_corpus(tmp_path):
    with pytest.raises(CorpusNotFound, match=r"has no manifest\.jsonl.*clocktrain corpus build"):
        read_corpus(tmp_path)


def test_a_broken_line_is_named(corpus):
    path = corpus.path / "manifest.jsonl"
    path.write_text(path.read_text().replace('{"id": "clip-2"', '{"id: "clip-2"', 1))
    with pytest.raises(CorpusDamaged, match=r"manifest\.jsonl:\d+ is not a clip"):
        read_corpus(corpus.path)


def test_a_verdict_that_makes_no_sense_is_refused(corpus):
    _change_manifest(corpus, lambda line: {**line, "verdict": "maybe"})
    with pytest.raises(CorpusDamaged, match="verdict or seconds make no sense"):
        read_corpus(corpus.path)


def test_one_id_twice_is_refused(corpus):
    _change_manifest(corpus, lambda line: {**line, "id": "same"})
    with pytest.raises(CorpusDamaged, match='clip id "same" twice'):
        read_corpus(corpus.path)


@pytest.mark.parametrize("path", ["/etc/passwd", "../../secret.flac"])
def test_a_manifest_cannot_point_out_of_its_folder(corpus, path):
    _change_manifest(corpus, lambda line: {**line, "path": path})
    with pytest.raises(CorpusDamaged, match="points out of the corpus"):
        read_corpus(corpus.path)


def test_a_missing_sound_file_is_named(corpus):
    corpus.audio_path(corpus.accepted()[0]).unlink()
    with pytest.raises(CorpusDamaged, match=r'clip "clip-1" .* has no file audio/clip-1\.flac'):
        read_corpus(corpus.path)


def test_a_manifest_that_may_not_be_read_is_an_error():
    with public_folder() as folder:
        (folder / "manifest.jsonl").write_text("")
        (folder / "manifest.jsonl").chmod(0)
        message = message_as_ordinary_user(lambda: read_corpus(folder))
    assert re.search(r"^CorpusUnreadable: .*manifest\.jsonl.* cannot be read \(Permission denied\)", message), message


def test_checking_finds_damaged_and_exchanged_sound(corpus):
    first, second = (corpus.audio_path(clip) for clip in corpus.accepted()[:2])
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    with pytest.raises(CorpusDamaged, match=r'clip "clip-1" is \d\.\d\d s long, its manifest says'):
        check_corpus(corpus.path)
    first.write_bytes(b"not a flac file at all, but long enough to be read as a head" * 4)
    with pytest.raises(CorpusDamaged, match='clip "clip-1" cannot be read: AudioNotAudio'):
        check_corpus(corpus.path)
    first.write_bytes(content)
    assert check_corpus(corpus.path).figures["clips_accepted"] == len(SENTENCES)


def test_checking_tells_of_the_consent_record(corpus):
    assert check_corpus(corpus.path).consent == "missing"
    for digest in (corpus.quality["recordings_sha256"], "0" * 64):
        record = licence_record(
            speaker_id="anna",
            licence="CC0-1.0",
            licence_uri="https://creativecommons.org/publicdomain/zero/1.0/",
            attribution="anna",
            recordings_sha256=digest,
        )
        write_record(corpus.path, record)
        if digest != "0" * 64:
            assert check_corpus(corpus.path).consent == "licence"
    with pytest.raises(ConsentInvalid, match="is for other recordings"):
        check_corpus(corpus.path)


def test_less_than_ten_minutes_is_too_short_and_says_by_how_much(corpus):
    with pytest.raises(CorpusTooShort, match=r"holds 0\.2 usable minutes, 9\.8 fewer than the 10.*--allow-short"):
        require_basic(corpus)


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.open: list[str] = []
        self.scripts = 0

    def handle_starttag(self, tag, attrs):
        self.scripts += tag == "script"
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "line", "rect", "polygon", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in ("line", "rect", "polygon"):
            return
        assert self.open.pop() == tag


def test_the_page_is_whole_plays_local_files_and_trusts_no_text(corpus):
    page = _Page()
    text = (corpus.path / "report.html").read_text()
    page.feed(text)
    assert page.open == []
    assert page.scripts == 0
    assert "bread &amp; &quot;butter&quot;" in text
    assert "anna &lt;i&gt; ben" in text
    assert len(page.sources) == len(SENTENCES) + 1
    assert all((corpus.path / source).is_file() for source in page.sources)
    assert "prefers-color-scheme:dark" in text


def test_plots_hold_every_value_and_the_limit():
    plot = histogram([1.0, 2.0, 2.1, 9.0], title="Length", unit="s", limit=15.0)
    assert sum(int(count) for count in re.findall(r": (\d+) clips</title>", plot)) == 4
    assert 'class="limit"' in plot
    assert "nothing measured" in histogram([], title="Length", unit="s")
    assert "<rect" in histogram([3.0], title="Length", unit="s")


def test_a_thumbnail_shows_the_envelope():
    thumbnail = waveform_thumbnail(np.sin(np.arange(16000) / 10).astype(np.float32))
    heights = [float(point.split(",")[1]) for point in re.findall(r"\d+,[\d.]+", thumbnail)]
    assert min(heights) < 1.0
    assert max(heights) > 35.0
    assert waveform_thumbnail(np.zeros(0, dtype=np.float32)) == ""
