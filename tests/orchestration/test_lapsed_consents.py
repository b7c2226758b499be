"""A consent that has ended stays so whatever a clock says, and one that lapses ends a student's training too."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from small_distillation import distill_request, small_distillation
from small_voice import Notes, with_tiny_preset, write_corpus

from clock_train.compliance.checking import check_corpus
from clock_train.consent.record import ConsentRecord, read_record, write_record
from clock_train.data.build import built_from
from clock_train.data.manifest import read_corpus
from clock_train.errors import ConsentExpired, ConsentRevoked
from clock_train.issuing.installation import Installation
from clock_train.orchestration.consents import require_consents
from clock_train.orchestration.distillation import distill
from clock_train.orchestration.presets import PRESETS
from clock_train.orchestration.training_preparation import TrainRequest
from clock_train.orchestration.training_session import train

ENDS = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.fixture
def tiny_preset() -> Iterator[None]:
    with_tiny_preset()
    yield
    del PRESETS["Tiny"]


def corpus_until(folder: Path, ends: datetime, installation: Installation) -> Path:
    """A corpus whose speaker agreed until then."""
    corpus = write_corpus(folder)
    record = ConsentRecord(
        id="anna-2026", kind="statement", speaker_id="anna", purposes=["private"], territories=["worldwide"],
        expiration_time=ends.isoformat(), text_version="statement-1", statement="I agree.",
        statement_sha256="ab" * 32, recordings_sha256=built_from(read_corpus(corpus)),
    )  # fmt: skip
    write_record(corpus, installation.consents().keep(record))
    return corpus


def test_a_clock_that_is_moved_back_revives_no_consent_for_a_training_or_its_check(tmp_path: Path) -> None:
    installation = Installation(tmp_path / "issuing")
    corpus = read_corpus(corpus_until(tmp_path / "corpus", ENDS, installation))
    registry, before = installation.consents(), ENDS - timedelta(days=1)
    assert require_consents([corpus], registry=registry, now=before)
    with pytest.raises(ConsentExpired, match="ended on 2027-01-01"):
        require_consents([corpus], registry=registry, now=ENDS + timedelta(days=1))
    with pytest.raises(ConsentExpired):
        require_consents([corpus], registry=registry, now=before)
    codes = {one.code for one in check_corpus(corpus, installation, now=before, with_voices=False).blocking}
    assert codes == {"ConsentExpired", "ConsentMissing"}
    with pytest.raises(ConsentExpired):  # of another process: the newest time is kept on the disk
        require_consents([corpus], registry=Installation(tmp_path / "issuing").consents(), now=before)


def test_a_consent_that_is_taken_back_in_the_middle_stops_a_student_too(tmp_path: Path, tiny_preset: None) -> None:
    corpus = write_corpus(tmp_path / "corpus", pitch_hz=157.0)
    voice = train(TrainRequest(corpora=[corpus], output=tmp_path / "out", preset="Tiny"), Notes()).voice_path
    registry, consent = Installation().consents(), read_record(corpus)

    class Revoking(Notes):
        def advance(self, fraction: float, detail: str = "", eta_seconds: float | None = None) -> None:
            if detail.startswith("step") and consent.id not in registry.revoked():
                registry.revoke(consent.id, now=datetime.now(UTC))

    request = distill_request(voice, tmp_path / "student", config=small_distillation(max_steps=400, checkpoint_every=2))
    with pytest.raises(ConsentRevoked, match="was taken back"):
        distill(request, Revoking())
    assert not (tmp_path / "student" / "voice").exists()
    with pytest.raises(ConsentRevoked):
        distill(request, Notes())
