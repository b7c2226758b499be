"""What a check finds in corpora, voices and sounds, what it tells of it, and who refuses then."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from clock_train.audio.writing import write_flac, write_wav
from clock_train.bundle.card import VoiceCard, card_digest, write_card
from clock_train.cli.main import run
from clock_train.compliance.accepted import accept
from clock_train.compliance.checking import check, check_corpus
from clock_train.compliance.findings import ComplianceFinding, ComplianceReport, Severity, read_report
from clock_train.compliance.masked_corpus import mask_corpus
from clock_train.compliance.other_voices import other_voices
from clock_train.compliance.personal_data.sound_masking import SoundMask, masked_sound
from clock_train.compliance.report_page import page_of
from clock_train.compliance.report_store import keep_report, refuse_blocked
from clock_train.compliance.sealing import print_keys
from clock_train.compliance.transcript_data import transcript_findings
from clock_train.compliance.voice_registry import alike, print_of, register, registered
from clock_train.consent.record import licence_record
from clock_train.data.manifest import MANIFEST_NAME, QUALITY_NAME, Clip, Corpus, Origin, read_corpus, write_manifest
from clock_train.errors import ComplianceBlocked, ComplianceReportInvalid, CorpusNotFound, VoiceRegistryInvalid
from clock_train.issuing.installation import Installation
from clock_train.issuing.issuer import Issuer
from clock_train.issuing.sound_files import write_issued

TEXTS = ["今天天气很好。", "我的电话是13800138000。", "你好，我叫王小明。", "We had a good time at the lake."]
NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path / "issuing")


def corpus_of(folder: Path, texts: list[str] = TEXTS) -> Corpus:
    folder.mkdir()
    (folder / "audio").mkdir()
    clips = []
    for number, text in enumerate(texts):
        write_flac(folder / f"audio/c{number}.flac", np.full(16_000, 0.25, dtype=np.float32), 16_000)
        origin = Origin(file=f"c{number}.wav", start_s=0.0, end_s=1.0)
        language = "en" if text.isascii() else "zh"
        clips.append(
            Clip(
                id=f"c{number}",
                speaker="anna",
                text=text,
                language=language,
                path=f"audio/c{number}.flac",
                seconds=1.0,
                verdict="accepted",
                origin=origin,
            )
        )
    write_manifest(folder / MANIFEST_NAME, clips)
    quality = {"recordings_sha256": hashlib.sha256(b"r").hexdigest(), "takes": [{"text": TEXTS[1]}]}
    (folder / QUALITY_NAME).write_text(json.dumps(quality), encoding="utf-8")
    return read_corpus(folder)


def test_personal_data_blocks_by_number_warns_by_name_and_is_never_repeated(tmp_path: Path) -> None:
    findings = transcript_findings(corpus_of(tmp_path / "corpus"))
    assert [(one.severity, one.code) for one in findings] == [
        (Severity.BLOCKING, "PersonalDataInTranscript"),
        (Severity.WARNING, "PersonalDataInTranscript"),
    ]
    told = str(findings)
    assert "13800138000" not in told
    assert "王小明" not in told
    assert "c1: 我的电话是[PHONE]。" in findings[0].evidence


def test_what_a_person_accepted_is_a_note_until_the_text_changes(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path / "corpus")
    accept(corpus, ["c1"], reason="an example number", by="officer", now=NOW)
    assert Severity.BLOCKING not in {one.severity for one in transcript_findings(corpus)}
    changed = replace(corpus, clips=[replace(corpus.clips[1], text="电话13900139000"), *corpus.clips[2:]])
    assert Severity.BLOCKING in {one.severity for one in transcript_findings(changed)}


def test_a_corpus_without_consent_is_blocked(tmp_path: Path, installation: Installation) -> None:
    report = check_corpus(corpus_of(tmp_path / "corpus"), installation, now=NOW)
    assert {"ConsentMissing", "PersonalDataInTranscript"} <= {one.code for one in report.blocking}
    assert "VoicesNotCompared" in {one.code for one in report.findings}
    with pytest.raises(ComplianceBlocked, match="ConsentMissing"):
        report.refuse()


def test_a_corpus_that_does_not_say_its_recordings_is_blocked(tmp_path: Path, installation: Installation) -> None:
    corpus = corpus_of(tmp_path / "corpus")
    assert "ConsentInvalid" not in {one.code for one in check_corpus(corpus, installation, now=NOW).findings}
    (corpus.path / QUALITY_NAME).write_text("{}", encoding="utf-8")
    blocking = check_corpus(read_corpus(corpus.path), installation, now=NOW).blocking
    found = next(one for one in blocking if one.code == "ConsentInvalid")
    assert "no consent fits it" in found.what
    assert f'clocktrain corpus build RECORDINGS --out "{corpus.path}"' in found.next_step


def test_a_masked_corpus_holds_nothing_of_it_in_text_or_sound(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path / "corpus")
    made = mask_corpus(corpus, tmp_path / "masked", sound=SoundMask.SILENCE)
    assert made.clips == ["c1", "c2"]
    assert made.whole == ["c1", "c2"], "nothing aligns Chinese"
    masked = read_corpus(tmp_path / "masked")
    assert [clip.id for clip in masked.accepted()] == ["c0", "c3"]
    assert masked.clips[1].reasons == ["PersonalData"]
    whole = b"".join(path.read_bytes() for path in (tmp_path / "masked").rglob("*") if path.is_file())
    assert b"13800138000" not in whole
    assert "王小明".encode() not in whole
    assert not transcript_findings(masked)


def test_masked_sound_keeps_the_rest() -> None:
    waveform = np.linspace(-0.5, 0.5, 16_000, dtype=np.float32)
    for mask in SoundMask:
        covered = masked_sound(waveform, 16_000, [(0.25, 0.5), (0.9, 2.0), (-1.0, 0.01)], mask)
        assert np.array_equal(covered[160:4000], waveform[160:4000])
        assert np.array_equal(covered[8000:14_400], waveform[8000:14_400])
        assert np.abs(covered[4000:8000]).max() <= 0.1 + 1e-6
        assert (np.abs(covered[4500:7500]).max() > 0.05) == (mask is SoundMask.TONE)


def directions(count: int, around: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    vectors = around + 0.02 * rng.standard_normal((count, 256))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_a_second_voice_is_found_and_an_odd_clip_is_none() -> None:
    rng = np.random.default_rng(0)
    first, second = np.eye(256)[0], 0.6 * np.eye(256)[0] + 0.8 * np.eye(256)[1]
    own, other = directions(60, first, rng), directions(8, second, rng)
    (group,) = other_voices(np.concatenate([own, other]), np.full(68, 2.0))
    assert sorted(group.clips) == list(range(60, 68))
    assert group.seconds == 16.0
    assert other_voices(np.concatenate([own, other[:1]]), np.full(61, 2.0)) == []
    assert other_voices(own[:3], np.full(3, 2.0)) == []


def test_a_registered_voice_is_known_under_another_name(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    vector = print_of(directions(30, np.eye(256)[3], rng))
    keys = print_keys(tmp_path / "own")
    register(tmp_path / "prints", "anna", vector, keys)
    voices = registered(tmp_path / "prints", tmp_path / "own")
    assert [voice.speaker for voice, _ in alike(vector, voices, but="eve")] == ["anna"]
    assert alike(vector, voices, but="anna") == []
    assert alike(print_of(directions(30, np.eye(256)[9], rng)), voices, but="eve") == []
    assert (tmp_path / "prints" / "anna.json").stat().st_mode & 0o077 == 0
    with pytest.raises(VoiceRegistryInvalid):
        register(tmp_path / "prints", "../anna", vector, keys)
    (tmp_path / "prints" / "bad.json").write_text('{"speaker": "x", "judge": "resemblyzer-0.1", "vector": [1]}')
    with pytest.raises(VoiceRegistryInvalid, match=r"bad\.json"):
        registered(tmp_path / "prints", tmp_path / "own")


def test_a_published_sound_without_mark_and_label_is_blocked(tmp_path: Path, installation: Installation) -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(32_000).astype(np.float32)
    (tmp_path / "sounds").mkdir()
    write_wav(tmp_path / "sounds" / "a.wav", noise, 16_000)
    report = check(tmp_path / "sounds", installation, now=NOW)
    assert {one.code for one in report.blocking} == {"WatermarkMissing", "LabelMissing"}
    with pytest.raises(CorpusNotFound):
        check(tmp_path / "nowhere", installation, now=NOW)


def blocked(digest: str) -> ComplianceReport:
    finding = ComplianceFinding(
        code="ConsentRevoked", severity=Severity.BLOCKING, what="taken <back>", evidence=["<b>x</b>"], next_step="Ask."
    )
    return ComplianceReport(
        target="/voices/anna", kind="voice", digest=digest, time="2026-06-01T00:00:00+00:00", findings=[finding],
        figures={"sounds": 2},
    )  # fmt: skip


def test_a_kept_report_refuses_its_voice_and_no_other(installation: Installation) -> None:
    digest = "a" * 64
    path = keep_report(blocked(digest), installation)
    assert read_report(path) == blocked(digest)
    with pytest.raises(ComplianceBlocked, match="ConsentRevoked"):
        refuse_blocked(digest, installation)
    refuse_blocked("b" * 64, installation)
    path.write_text("{", encoding="utf-8")
    with pytest.raises(ComplianceReportInvalid):
        refuse_blocked(digest, installation)
    with pytest.raises(ComplianceReportInvalid):
        refuse_blocked("../etc", installation)


def test_the_page_shows_findings_as_text() -> None:
    page = page_of(blocked("a" * 64))
    assert "This voice may not be served." in page
    assert "&lt;b&gt;x&lt;/b&gt;" in page
    assert "<b>x</b>" not in page
    assert "http" not in page.replace("</html>", "")


def test_the_command_ends_with_2_where_something_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CLOCKTRAIN_ISSUING", str(tmp_path / "issuing"))
    corpus_of(tmp_path / "corpus")
    assert run(["compliance", "check", str(tmp_path / "corpus"), "--json", "--out", str(tmp_path / "r.html")]) == 2
    told = json.loads(capsys.readouterr().out)
    assert told["isBlocked"]
    assert (tmp_path / "r.html").is_file()
    assert run(["compliance", "mask", str(tmp_path / "corpus"), "--out", str(tmp_path / "masked")]) == 0
    assert run(["compliance", "accept", str(tmp_path / "corpus"), "c1", "--reason", "example"]) == 0
    assert run(["compliance", "accept", str(tmp_path / "corpus"), "none", "--reason", "example"]) == 2


def test_a_voice_is_held_to_the_consents_that_it_names(tmp_path: Path, installation: Installation) -> None:
    folder = tmp_path / "voice"
    folder.mkdir()
    write_card(folder, VoiceCard(name="anna", speakers=["anna"]).values(), [])
    assert [one.code for one in check(folder, installation, now=NOW).blocking] == ["ConsentMissing"]
    write_card(folder, VoiceCard(name="anna", speakers=["anna"], consent_ids=["elsewhere"]).values(), [])
    report = check(folder, installation, now=NOW)
    assert [(one.severity, one.code) for one in report.findings] == [(Severity.WARNING, "ConsentUnknown")]
    record = licence_record(
        speaker_id="anna", licence="CC-BY-4.0", licence_uri="https://example.org", attribution="anna",
        recordings_sha256="0" * 64,
    )  # fmt: skip
    installation.consents().keep(record)
    write_card(folder, VoiceCard(name="anna", speakers=["anna"], consent_ids=[record.id]).values(), [])
    assert [one.code for one in check(folder, installation, now=NOW).findings] == ["DemonstrationOnly"]
    installation.consents().revoke(record.id, now=NOW)
    report = check(folder, installation, now=NOW)
    assert [one.code for one in report.blocking] == ["ConsentRevoked"]
    assert report.digest == card_digest(folder)


def test_a_sound_that_was_spoken_here_passes_and_a_changed_one_does_not(
    tmp_path: Path, installation: Installation
) -> None:
    rate_hz = 16_000
    issue = Issuer(installation).begin(text="Good morning.", voice="anna", consent_ids=["c"], sample_rate_hz=rate_hz)
    noise = 0.1 * np.random.default_rng(0).standard_normal(8 * rate_hz).astype(np.float32)
    marked = issue.mark(noise)
    (tmp_path / "sounds").mkdir()
    path = tmp_path / "sounds" / "a.wav"
    write_issued(path, marked, rate_hz, issue)
    assert check(path.parent, installation).findings == []
    content = bytearray(path.read_bytes())
    content[40_000:40_400] = bytes(400)
    path.write_bytes(bytes(content))
    assert [one.code for one in check(path.parent, installation).blocking] == ["LabelInvalid"]
