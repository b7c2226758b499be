"""Whether every voice in a corpus, or every consent that a voice was made under, counts today."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from clock_train.compliance.findings import ComplianceFinding, Severity
from clock_train.consent.record import ConsentRecord, read_record, record_paths
from clock_train.consent.registry import ConsentRegistry
from clock_train.consent.rules import check_in_force
from clock_train.data.build import built_from
from clock_train.data.manifest import QUALITY_NAME, Corpus
from clock_train.errors import ClockTrainError, ConsentInvalid, ConsentMissing

DEMONSTRATION_ONLY, UNKNOWN = "DemonstrationOnly", "ConsentUnknown"


def corpus_consents(
    corpus: Corpus, registry: ConsentRegistry, now: datetime, *, given: Sequence[ConsentRecord] | None = None
) -> list[ComplianceFinding]:
    """What is wrong with the records beside a corpus.

    Args:
        corpus: with its accepted clips.
        registry: of the installation.
        now: the newest time that is known.
        given: records of an authority that has checked them, instead of those beside the corpus.
    """
    findings: list[ComplianceFinding] = []
    counting: list[ConsentRecord] = list(given or [])
    revoked = registry.revoked()
    if given is None:
        findings += _without_origin(corpus)
    for path in record_paths(corpus.path) if given is None else ():
        try:
            record = read_record(path, recordings_sha256=corpus.quality.get("recordings_sha256"))
            registry.check(record)
            check_in_force(record, now, is_revoked=record.id in revoked)
            counting.append(record)
        except ClockTrainError as error:
            findings.append(_refused(error, path))
    findings += _uncovered(corpus, counting)
    findings += [_licence(record) for record in counting if record.is_licence]
    return findings


def voice_consents(
    place: Path, consent_ids: Sequence[str], registry: ConsentRegistry, now: datetime
) -> list[ComplianceFinding]:
    """What is wrong with the consents that a voice names."""
    if not consent_ids:
        return [
            ComplianceFinding(
                code="ConsentMissing",
                severity=Severity.BLOCKING,
                what=f'the voice in "{place}" names no consent',
                next_step="Record the speaker's consent, and train the voice again under it.",
            )
        ]
    findings, revoked = [], registry.revoked()
    for consent_id in consent_ids:
        try:
            record = registry.find(consent_id)
            registry.check(record)
            check_in_force(record, now, is_revoked=consent_id in revoked)
        except ConsentMissing:
            findings.append(
                ComplianceFinding(
                    code=UNKNOWN,
                    severity=Severity.WARNING,
                    what=f'the consent "{consent_id}" is not kept here, so nobody here knows whether it counts',
                    next_step="Check where the voice was trained, or bring its record here.",
                )
            )
            continue
        except ClockTrainError as error:
            findings.append(_refused(error, place))
            continue
        if record.is_licence:
            findings.append(_licence(record))
    return findings


def _without_origin(corpus: Corpus) -> list[ComplianceFinding]:
    """What a training refuses too: a record fits exact recordings, and this corpus does not say which are its own."""
    try:
        built_from(corpus)
    except ConsentInvalid as error:
        return [
            ComplianceFinding(
                code=error.code,
                severity=Severity.BLOCKING,
                what=str(error).partition(": ")[2],
                evidence=[str(corpus.path / QUALITY_NAME)],
                next_step=f'Build it from its recordings: clocktrain corpus build RECORDINGS --out "{corpus.path}".',
            )
        ]
    return []


def _uncovered(corpus: Corpus, records: Sequence[ConsentRecord]) -> list[ComplianceFinding]:
    clips = Counter(clip.speaker for clip in corpus.accepted())
    if any(record.is_licence for record in records) and len(records) == 1:
        return []  # of published recordings, whoever speaks in them
    missing = sorted(set(clips) - {record.speaker_id for record in records})
    if not missing:
        return []
    return [
        ComplianceFinding(
            code="ConsentMissing",
            severity=Severity.BLOCKING,
            what=f"{len(missing)} of {len(clips)} speakers have no consent that counts",
            evidence=[f"{speaker}: {clips[speaker]} clips" for speaker in missing],
            next_step=f'Ask them: clocktrain consent record "{corpus.path}" --speaker {missing[0]}, or leave their '
            "recordings out.",
        )
    ]


def _refused(error: ClockTrainError, place: Path) -> ComplianceFinding:
    message = str(error).partition(": ")[2]
    return ComplianceFinding(
        code=error.code,
        severity=Severity.BLOCKING,
        what=message,
        evidence=[str(place)],
        next_step="Ask the speaker for a new consent, or restore the record that was given.",
    )


def _licence(record: ConsentRecord) -> ComplianceFinding:
    return ComplianceFinding(
        code=DEMONSTRATION_ONLY,
        severity=Severity.NOTE,
        what=f'"{record.id}" is a licence ({record.licence}), not the speaker\'s consent',
        next_step="Use the voice for demonstrations only.",
    )
