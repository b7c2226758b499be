"""Giving a consent: the sentence that is asked, the statement that is heard, and the record that is kept."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from clock_train.audio.reading import read_waveform
from clock_train.compliance.speaker_match import NUM_CLIPS, Voiceprints, corpus_voiceprints, voiceprints_of
from clock_train.compliance.statement import check_statement
from clock_train.consent.challenge import Challenge
from clock_train.consent.record import CONSENT_NAME, ConsentRecord, write_record
from clock_train.data.build import built_from, recordings_to_build
from clock_train.data.manifest import MANIFEST_NAME, read_corpus
from clock_train.evaluation.judged_waveform import JUDGE_RATE_HZ
from clock_train.issuing.installation import Installation


@dataclass(frozen=True, kw_only=True)
class AgreedRecordings:
    """What a speaker agrees to the use of."""

    digest: str
    voice: Voiceprints
    record_path: Path
    """Where the record goes: beside them."""


def recordings_of(place: Path, speaker: str, transcripts: Path | None = None) -> AgreedRecordings:
    """The recordings of a folder, a file or a corpus, as a consent pins them.

    Args:
        place: a corpus, or what ``corpus build`` takes.
        speaker: pseudonym; a corpus of several must have this one.
        transcripts: as for ``corpus build``, where they lie elsewhere.
    Raises:
        CorpusError: one of its leaves, for what recordings can be.
        JudgeMissing, WaveformUnjudgeable: the voice cannot be told.
    """
    if (place / MANIFEST_NAME).exists():
        corpus = read_corpus(place)
        return AgreedRecordings(
            digest=built_from(corpus), voice=corpus_voiceprints(corpus, speaker), record_path=place / CONSENT_NAME
        )
    paths, digest = recordings_to_build(place, transcripts)
    longest = sorted(paths, key=lambda path: -path.stat().st_size)[:NUM_CLIPS]
    voice = voiceprints_of([read_waveform(path, sample_rate_hz=JUDGE_RATE_HZ) for path in longest])
    beside = place if place.is_dir() else place.parent
    return AgreedRecordings(digest=digest, voice=voice, record_path=beside / CONSENT_NAME)


def give_consent(
    recordings: AgreedRecordings,
    challenge: Challenge,
    statement: Path,
    *,
    consent_id: str | None = None,
    installation: Installation | None = None,
    now: datetime | None = None,
) -> ConsentRecord:
    """Hear a statement, and where it is what was asked, sign the record, keep it, and put it beside the recordings.

    Args:
        recordings: what is agreed to.
        challenge: the sentence that was asked; it counts once.
        statement: sound file of the speaker who says it.
        consent_id: by default the speaker's name and the day.
        installation: by default the user's own.
        now: by default the clock.
    Raises:
        AudioError, StatementSynthetic, StatementUnheard, StatementMismatch, StatementReplayed: the statement is none.
        ConsentInvalid: the id is taken.
    """
    installation, now = installation or Installation(), now or datetime.now(UTC)
    registry = installation.consents()
    challenge = registry.asked(challenge.id, now=now)
    keys = installation.keys(now.date()).detection_keys(now.date())
    evidence = check_statement(statement, challenge, recordings.voice, keys)
    record = ConsentRecord(
        id=consent_id or f"{challenge.speaker_id}-{now:%Y%m%d}-{challenge.id}",
        kind="statement",
        speaker_id=challenge.speaker_id,
        purposes=challenge.purposes,
        territories=challenge.territories,
        expiration_time=challenge.expiration_time,
        text_version=challenge.text_version,
        statement=challenge.sentence,
        statement_sha256=hashlib.sha256(statement.read_bytes()).hexdigest(),
        recordings_sha256=recordings.digest,
        consent_time=now.isoformat(timespec="seconds"),
        speaker_similarity=round(evidence.speaker_similarity, 4),
        word_error_rate=evidence.word_error_rate,
    )
    record = registry.keep(record)
    registry.answered(challenge.id)
    write_record(recordings.record_path, record)
    return record
