"""No voice without a consent: the one place that every training passes, and how a record follows its recordings."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from clock_train.consent.record import (
    CONSENT_NAME,
    ConsentRecord,
    licence_record,
    read_record,
    record_paths,
    write_record,
)
from clock_train.consent.registry import ConsentRegistry
from clock_train.consent.rules import Grant, check_in_force, check_speakers
from clock_train.consent.watch import ConsentWatch
from clock_train.data.build import built_from, recordings_to_build
from clock_train.data.manifest import MANIFEST_NAME, Corpus, read_corpus
from clock_train.data.sample import SAMPLE_NAME, SAMPLES, Sample
from clock_train.errors import ConsentError, ConsentMissing, TrainingStopped
from clock_train.issuing.installation import Installation


def require_consents(
    corpora: Sequence[Corpus],
    *,
    given: Sequence[ConsentRecord] | None = None,
    registry: ConsentRegistry | None = None,
    now: datetime | None = None,
) -> list[ConsentRecord]:
    """The records under which these recordings may be trained on.

    Args:
        corpora: about to be trained on.
        given: one a corpus, from an authority that has checked them: the resources of a cluster. Without them each
            corpus has its own beside it, signed.
        registry: by default the installation's.
        now: by default the clock.
    Raises:
        ConsentMissing, ConsentInvalid, ConsentUnsigned, ConsentForged, ConsentMismatch, ConsentExpired, ConsentRevoked:
            there is none that counts; the message says what to do.
    """
    registry = registry or Installation().consents()
    newest, revoked = registry.newest_time(now or datetime.now(UTC)), registry.revoked()
    found: list[ConsentRecord] = []
    for number, corpus in enumerate(corpora):
        records = [given[number]] if given is not None else _records_of(corpus, registry)
        speakers = {clip.speaker for clip in corpus.accepted()}
        for record in records:
            check_in_force(record, newest, is_revoked=record.id in revoked)
        if given is None:
            _check_coverage(corpus, records, speakers)
        found += records
    return found


@contextmanager
def stopping_with_consents(
    grants: Sequence[Grant], what: str, stop_requested: Callable[[], bool]
) -> Iterator[Callable[[], bool]]:
    """A wish to stop that comes as well when a consent is taken back or ends, in the middle of a run.

    Args:
        grants: of the speakers.
        what: is made with them, such as ``the voice "anna"``.
        stop_requested: the wish that there is already.
    Yields:
        What the run is to ask often.
    Raises:
        ConsentRevoked, ConsentExpired: at once, or in the place of ``TrainingStopped``: the run has saved and stopped.
    """
    watch = ConsentWatch(Installation().consents())
    watch.check(grants, what)
    lapsed: list[ConsentError] = []

    def is_wanted() -> bool:
        try:
            watch.check(grants, what)
        except ConsentError as error:
            lapsed.append(error)
        return bool(lapsed) or stop_requested()

    try:
        yield is_wanted
    except TrainingStopped as stopped:
        if lapsed:
            raise lapsed[0] from stopped
        raise


def carry_consent(recordings: Path, corpus: Path) -> ConsentRecord | None:
    """Put the record that lies beside recordings beside the corpus that was built from them.

    Published samples get their licence as a record, signed here; it says that it is no consent.

    Args:
        recordings: a folder, or one file.
        corpus: as built from them.
    Raises:
        ConsentInvalid: the record cannot be read, or is for other recordings.
    """
    beside = recordings if recordings.is_dir() else recordings.parent
    digest = built_from(read_corpus(corpus))
    for path in record_paths(beside):
        record = read_record(path, recordings_sha256=digest)
        place = corpus / path.relative_to(beside)
        place.parent.mkdir(exist_ok=True)
        write_record(place, record)
    if (corpus / CONSENT_NAME).exists():
        return read_record(corpus)
    sample = _sample_of(beside)
    if sample is None:
        return None
    return keep_licence(corpus, licence=sample.licence, licence_uri=sample.licence_uri, attribution=sample.credit)


def keep_licence(
    place: Path,
    *,
    licence: str,
    licence_uri: str,
    attribution: str,
    speaker: str | None = None,
    transcripts: Path | None = None,
) -> ConsentRecord:
    """Sign and keep the record of published recordings, and put it beside them.

    Args:
        place: a corpus, or what ``corpus build`` takes.
        licence: its name, such as CC-BY-4.0.
        licence_uri: where its text is.
        attribution: whom it asks to name.
        speaker: pseudonym; by default the corpus' first.
        transcripts: as for ``corpus build``, where they lie elsewhere.
    Raises:
        CorpusError: one of its leaves, for what recordings can be.
        AuditUnwritable: the record cannot be kept.
    """
    if (place / MANIFEST_NAME).exists():
        corpus = read_corpus(place)
        digest, speakers = built_from(corpus), {clip.speaker for clip in corpus.accepted()}
    else:
        digest, speakers = recordings_to_build(place, transcripts)[1], set[str]()
    record = licence_record(
        speaker_id=speaker or min(speakers, default="speaker"),
        licence=licence,
        licence_uri=licence_uri,
        attribution=attribution,
        recordings_sha256=digest,
    )
    record = Installation().consents().keep(record)
    write_record(place if place.is_dir() else place.parent, record)
    return record


def missing(place: Path, speaker: str) -> ConsentMissing:
    """The refusal, with the one command that makes what is missing."""
    return ConsentMissing(
        f'no consent record beside "{place}", so no voice is made of "{speaker}". With the speaker at the microphone: '
        f'clocktrain consent record "{place}" --speaker {speaker} --purpose PURPOSE --territory worldwide --until '
        "YEAR-MONTH-DAY; for recordings published under a licence, to try the software: clocktrain consent licence "
        f'"{place}" --speaker {speaker} --licence NAME --uri ADDRESS'
    )


def _records_of(corpus: Corpus, registry: ConsentRegistry) -> list[ConsentRecord]:
    records = [read_record(path, recordings_sha256=built_from(corpus)) for path in record_paths(corpus.path)]
    for record in records:
        registry.check(record)
    return records


def _check_coverage(corpus: Corpus, records: list[ConsentRecord], speakers: set[str]) -> None:
    if not records:
        raise missing(corpus.path, min(speakers, default="NAME"))
    if len(records) == 1:
        check_speakers(records[0], speakers)
        return
    covered = {record.speaker_id for record in records}
    uncovered = sorted(speakers - covered)
    if uncovered:
        raise missing(corpus.path, uncovered[0])


def _sample_of(folder: Path) -> Sample | None:
    try:
        return SAMPLES.get(json.loads((folder / SAMPLE_NAME).read_text(encoding="utf-8"))["language"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
