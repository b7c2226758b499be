"""The sample recordings: a second person in a corpus, a voice under another name, and a word that is covered."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from clock_train.audio.reading import read_waveform
from clock_train.audio.writing import write_flac
from clock_train.compliance.accepted import accept
from clock_train.compliance.checking import check_corpus
from clock_train.compliance.corpus_voices import heard_clips
from clock_train.compliance.personal_data.kinds import Finding, Kind
from clock_train.compliance.personal_data.word_times import spoken_spans
from clock_train.compliance.sealing import print_keys
from clock_train.compliance.voice_registry import print_of, register
from clock_train.data.manifest import MANIFEST_NAME, Clip, Corpus, Origin, read_corpus, write_manifest
from clock_train.data.sample import fetch_sample
from clock_train.issuing.installation import Installation

pytestmark = pytest.mark.ring2
NOW = datetime(2026, 6, 1, tzinfo=UTC)
RATE_HZ = 16_000


def recordings(language: str, count: int) -> list[np.ndarray]:
    """The first recordings of about three seconds."""
    found: list[np.ndarray] = []
    for path in sorted(fetch_sample(language).glob("vm-*.g722")):
        waveform = read_waveform(path, sample_rate_hz=RATE_HZ)
        if 1.6 * RATE_HZ <= len(waveform) <= 5 * RATE_HZ:
            found.append(waveform)
        if len(found) == count:
            break
    return found


def corpus_of(folder: Path, speaker: str, waveforms: list[np.ndarray]) -> Corpus:
    (folder / "audio").mkdir(parents=True)
    clips = []
    for number, waveform in enumerate(waveforms):
        path = f"audio/c{number}.flac"
        write_flac(folder / path, waveform, RATE_HZ)
        seconds = len(waveform) / RATE_HZ
        origin = Origin(file=path, start_s=0.0, end_s=seconds)
        clips.append(
            Clip(
                id=f"c{number}", speaker=speaker, text="Hello.", language="en", path=path, seconds=seconds,
                verdict="accepted", origin=origin,
            )
        )  # fmt: skip
    write_manifest(folder / MANIFEST_NAME, clips)
    return read_corpus(folder)


def test_a_second_person_and_a_registered_voice_are_found(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "issuing")
    own, other = recordings("en", 12), recordings("it", 4)
    corpus = corpus_of(tmp_path / "mixed", "anna", [*own, *other])
    report = check_corpus(corpus, installation, has_consents=True, now=NOW)
    (finding,) = report.blocking
    assert finding.code == "VoiceWithoutConsent"
    assert {line.split()[0] for line in finding.evidence} == {"c12", "c13", "c14", "c15"}

    accept(corpus, ["c12", "c13", "c14", "c15"], reason="heard by two of us", by="officer", now=NOW)
    assert not check_corpus(corpus, installation, has_consents=True, now=NOW).blocking

    alone = corpus_of(tmp_path / "alone", "anna", own)
    _, vectors = heard_clips(alone, "anna")
    register(tmp_path / "prints", "beth", print_of(vectors), print_keys(installation.folder))
    report = check_corpus(alone, installation, registry=tmp_path / "prints", has_consents=True, now=NOW)
    assert [one.code for one in report.blocking] == ["VoiceOfAnother"]


def test_the_time_of_a_word_is_covered_and_not_much_more() -> None:
    text = "Please enter your password followed by the pound key."
    folder = fetch_sample("en")
    lines = (folder / "transcripts.txt").read_text(encoding="utf-8").splitlines()
    name = next(line.partition(":")[0] for line in lines if line.partition(":")[2].strip() == text)
    waveform = read_waveform(folder / f"{name}.g722", sample_rate_hz=RATE_HZ)
    begin = text.index("password")
    finding = Finding(kind=Kind.NAME, start=begin, end=begin + len("password"), confidence=1.0)
    spans = spoken_spans(text, [finding], waveform, language="en")
    assert spans is not None
    ((start_s, end_s),) = spans
    assert 0.2 < start_s < end_s < len(waveform) / RATE_HZ - 0.5
    assert 0.4 < end_s - start_s < 1.2
    assert spoken_spans(text, [finding], waveform, language="zh") is None
