"""A VoiceConsent's statement is heard in the cluster's job, against real recordings, before anything is trained."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from small_voice import Notes

sys.path.insert(0, str(Path(__file__).parents[1] / "storage"))
from minio_server import MinioServer  # pyright: ignore[reportMissingImports]

from clock_train.audio.reading import read_waveform
from clock_train.audio.writing import write_flac
from clock_train.data.build import build_corpus
from clock_train.data.sample import fetch_sample
from clock_train.errors import (
    AudioError,
    AudioTooLong,
    ClockTrainError,
    ConsentForged,
    ConsentInvalid,
    ConsentMissing,
    StatementMismatch,
    StatementSynthetic,
    StorageUnreachable,
)
from clock_train.issuing.installation import Installation
from clock_train.issuing.issuer import Issuer
from clock_train.orchestration.cluster_statements import hear_statements
from clock_train.orchestration.job import job_place, run_clone

pytestmark = [pytest.mark.ring2, pytest.mark.timeout(300)]
RATE_HZ = 16_000
SAID = ("agent-alreadyon", "vm-options", "conf-getchannel", "demo-congrats")
"""Prompts of the sample that are long, and stand for a statement."""


def prompt(name: str, language: str = "en") -> np.ndarray:
    return read_waveform(fetch_sample(language) / f"{name}.g722", sample_rate_hz=RATE_HZ)


def said_by(language: str) -> np.ndarray:
    return np.concatenate([prompt(each, language) for each in SAID])


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, sample = tmp_path_factory.mktemp("anna"), fetch_sample("en")
    lines = (sample / "transcripts.txt").read_text(encoding="utf-8").splitlines()
    texts = dict(line.split(": ", 1) for line in lines if ": " in line)
    longest = sorted(sample.glob("*.g722"), key=lambda path: -path.stat().st_size)
    for path in [each for each in longest if each.stem not in SAID][:16]:
        shutil.copy(path, folder)
        (folder / f"{path.stem}.txt").write_text(texts[path.stem], encoding="utf-8")
    build_corpus(folder, folder / "corpus", speaker="anna")
    return folder / "corpus"


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    monkeypatch.setenv("CLOCKTRAIN_ISSUING", str(tmp_path / "issuing"))
    return Installation()


def consents_of(path: Path, statement: dict[str, str] | None) -> Path:
    spec: dict[str, Any] = {
        "speaker": "anna", "purposes": ["customer-service"], "territories": ["worldwide"],
        "expirationTime": "2036-12-31T23:59:59Z",
    }  # fmt: skip
    if statement is None:
        licence = {"name": "CC0", "url": "https://example.org/cc0"}
        spec |= {"basis": "Licence", "purposes": ["Demonstration"], "licence": licence}
    else:
        spec["statement"] = statement
    metadata = {"namespace": "voices", "name": "anna-2026", "uid": "0123456789"}
    path.write_text(json.dumps([{"metadata": metadata, "spec": spec}]))
    return path


@pytest.fixture
def heard(corpus: Path, installation: Installation, tmp_path: Path) -> Callable[[np.ndarray], list[str]]:
    def hear(waveform: np.ndarray) -> list[str]:
        write_flac(tmp_path / "statement.flac", waveform, RATE_HZ)
        digest = hashlib.sha256((tmp_path / "statement.flac").read_bytes()).hexdigest()
        statement = {"recordingURI": str(tmp_path / "statement.flac"), "sha256": digest}
        notes = Notes()
        hear_statements(consents_of(tmp_path / "consents.json", statement), [corpus], installation, notes)
        return notes.notes

    return hear


def test_the_speakers_own_statement_is_taken_and_said(heard: Callable[[np.ndarray], list[str]]) -> None:
    (note,) = heard(said_by("en"))
    assert note.startswith("anna: the statement is in the voice of the recordings (0.")


def test_another_persons_statement_is_refused(heard: Callable[[np.ndarray], list[str]]) -> None:
    with pytest.raises(StatementMismatch, match="in another voice than the recordings"):
        heard(said_by("it"))


def test_a_word_is_too_little_to_tell_a_voice(heard: Callable[[np.ndarray], list[str]]) -> None:
    with pytest.raises(StatementMismatch, match="Say the whole sentence"):
        heard(prompt(SAID[0])[: RATE_HZ * 2])


def test_a_cloned_voice_gives_no_consent(heard: Callable[[np.ndarray], list[str]], installation: Installation) -> None:
    issue = Issuer(installation).begin(text="I agree.", voice="anna", consent_ids=[], sample_rate_hz=RATE_HZ)
    with pytest.raises(StatementSynthetic, match="mark of a cloned voice"):
        heard(issue.mark(said_by("en")))


def test_half_an_hour_is_no_statement(heard: Callable[[np.ndarray], list[str]]) -> None:
    with pytest.raises(AudioTooLong):
        heard(np.tile(said_by("en"), 12))


def test_a_recording_that_was_exchanged_or_is_gone_is_refused(
    corpus: Path, installation: Installation, tmp_path: Path
) -> None:
    write_flac(tmp_path / "statement.flac", said_by("en"), RATE_HZ)
    statement = {"recordingURI": f"file://{tmp_path / 'statement.flac'}", "sha256": "ab" * 32}
    with pytest.raises(ConsentForged, match="is not the recording that the VoiceConsent voices/anna-2026 names"):
        hear_statements(consents_of(tmp_path / "consents.json", statement), [corpus], installation, Notes())
    (tmp_path / "statement.flac").unlink()
    with pytest.raises(ConsentMissing, match="put the recording there"):
        hear_statements(consents_of(tmp_path / "consents.json", statement), [corpus], installation, Notes())


def test_a_text_is_no_statement(corpus: Path, installation: Installation, tmp_path: Path) -> None:
    (tmp_path / "statement.txt").write_text("I agree.")
    digest = hashlib.sha256(b"I agree.").hexdigest()
    statement = {"recordingURI": str(tmp_path / "statement.txt"), "sha256": digest}
    with pytest.raises(AudioError):
        hear_statements(consents_of(tmp_path / "consents.json", statement), [corpus], installation, Notes())


def test_a_licence_has_no_statement_to_hear(corpus: Path, installation: Installation, tmp_path: Path) -> None:
    notes = Notes()
    hear_statements(consents_of(tmp_path / "consents.json", None), [corpus], installation, notes)
    assert notes.notes == []


def test_what_the_operator_did_not_write_is_refused(corpus: Path, installation: Installation, tmp_path: Path) -> None:
    for content in ("", '{"a": 1}', '[{"metadata": {"name": "a", "namespace": "b"}, "spec": {}}]'):
        (tmp_path / "consents.json").write_text(content)
        with pytest.raises(ConsentInvalid, match="holds no VoiceConsents"):
            hear_statements(tmp_path / "consents.json", [corpus], installation, Notes())


def test_a_statement_in_a_bucket_is_fetched_and_a_store_that_is_away_is_said(
    corpus: Path, installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_flac(tmp_path / "statement.flac", said_by("en"), RATE_HZ)
    digest = hashlib.sha256((tmp_path / "statement.flac").read_bytes()).hexdigest()
    with MinioServer(tmp_path / "minio") as server:
        for variable, value in server.environment().items():
            monkeypatch.setenv(variable, value)
        bucket = server.new_bucket()
        server.storage(bucket).put("voices/consents/anna.flac", tmp_path / "statement.flac")
        uri = f"s3://{bucket}/voices/consents/anna.flac"
        consents, notes = consents_of(tmp_path / "consents.json", {"recordingURI": uri, "sha256": digest}), Notes()
        hear_statements(consents, [corpus], installation, notes)
        assert len(notes.notes) == 1
        gone = consents_of(tmp_path / "gone.json", {"recordingURI": uri.replace("anna", "ben"), "sha256": digest})
        with pytest.raises(ConsentMissing, match="put the recording there"):
            hear_statements(gone, [corpus], installation, notes)
    with pytest.raises(StorageUnreachable):
        hear_statements(consents, [corpus], installation, notes)


def test_a_job_ends_before_it_trains_where_the_statement_is_another_persons(
    corpus: Path, installation: Installation, tmp_path: Path
) -> None:
    write_flac(tmp_path / "statement.flac", said_by("it"), RATE_HZ)
    digest = hashlib.sha256((tmp_path / "statement.flac").read_bytes()).hexdigest()
    statement = {"recordingURI": str(tmp_path / "statement.flac"), "sha256": digest}
    consents = consents_of(tmp_path / "consents.json", statement)
    spec = {
        "runtimeRef": {"name": "standard"}, "preset": "Demo", "training": {"seed": 1, "epochs": 1, "batchSize": 4},
        "speakers": [{"name": "anna", "corpus": {"uri": str(corpus)}, "consentRef": {"name": "anna-2026"}}],
    }  # fmt: skip
    head = {"apiVersion": "clocktrain.dev/v1alpha1", "kind": "VoiceClone"}
    manifest = tmp_path / "anna.yaml"
    manifest.write_text(yaml.safe_dump({**head, "metadata": {"name": "anna", "namespace": "voices"}, "spec": spec}))
    with pytest.raises(ClockTrainError) as raised:
        run_clone(job_place(manifest, tmp_path / "out", consents=consents), Notes())
    assert raised.value.code == "StatementMismatch" and raised.value.exit_code == 2
    assert not list((tmp_path / "out").glob("packed-*"))
