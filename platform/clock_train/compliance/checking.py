"""``clocktrain compliance check``: looks at a corpus, a voice, or a folder of sounds, and reports what it found."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from clock_train.bundle.card import CARD, VoiceCard, card_digest, parse_card, read_card_bytes
from clock_train.bundle.opening import is_bundle, open_bundle
from clock_train.compliance.consent_coverage import corpus_consents, voice_consents
from clock_train.compliance.findings import ComplianceFinding, ComplianceReport, Severity
from clock_train.compliance.published_samples import sample_findings, sound_files
from clock_train.compliance.transcript_data import transcript_findings
from clock_train.compliance.voice_registry import registered
from clock_train.consent.record import ConsentRecord
from clock_train.data.manifest import MANIFEST_NAME, Corpus, read_corpus
from clock_train.errors import BundleDamaged, CorpusNotFound, ExportError
from clock_train.issuing.installation import Installation

Report = Callable[[str, int, int], None]
"""Hears what is looked at, how much of it is done, and of how many."""
_ORDER = list(Severity)


def registry_folder(installation: Installation) -> Path:
    """Where prints of registered voices are, unless another folder is named."""
    return installation.folder / "voiceprints"


def check(
    target: Path,
    installation: Installation,
    *,
    registry: Path | None = None,
    now: datetime | None = None,
    report: Report = lambda what, done, total: None,
) -> ComplianceReport:
    """Look at a corpus, a voice, or a folder of sounds, whichever it is.

    Args:
        target: its folder; a sound file is a folder of one.
        installation: whose consents, keys and registered voices count.
        registry: folder of prints; by default the installation's.
        now: by default the clock.
        report: hears how far it is.
    Raises:
        CorpusNotFound: it is nothing of the kind.
        CorpusError, ExportError, ComplianceError: it cannot be read.
    """
    now = now or datetime.now(UTC)
    if (target / MANIFEST_NAME).is_file():
        return check_corpus(read_corpus(target), installation, registry=registry, now=now, report=report)
    if (target / CARD).is_file():
        return _check_voice(target, installation, now, report)
    files = sound_files(target) if target.exists() else []
    if not files:
        raise CorpusNotFound(
            f'"{target}" is no corpus ({MANIFEST_NAME}), no voice ({CARD}), and holds no sound; name one of them'
        )
    findings = sample_findings(
        files, installation, now.date(), report=lambda done, total: report("sounds", done, total)
    )
    digest = hashlib.sha256(b"".join(hashlib.sha256(path.read_bytes()).digest() for path in files)).hexdigest()
    return _report(target, "samples", digest, now, findings, {"sounds": len(files)})


def check_corpus(
    corpus: Corpus,
    installation: Installation,
    *,
    registry: Path | None = None,
    given: Sequence[ConsentRecord] | None = None,
    has_consents: bool = False,
    with_voices: bool = True,
    now: datetime | None = None,
    report: Report = lambda what, done, total: None,
) -> ComplianceReport:
    """Consents, voices and texts of a corpus.

    Args:
        corpus: with its sound.
        installation: whose consents and registered voices count.
        registry: folder of prints; by default the installation's.
        given: records of an authority that has checked them, instead of those beside the corpus.
        has_consents: whether consents are checked by who calls, and left out here.
        with_voices: whether it listens to who speaks: up to half a minute of one core for each speaker.
        now: by default the clock.
        report: hears how far it is.
    Raises:
        ComplianceError: the registry, or what was accepted before, cannot be read.
    """
    from clock_train.compliance.corpus_voices import not_compared, voice_findings  # torch

    now = now or datetime.now(UTC)
    consents = installation.consents()
    voices = registered(registry or registry_folder(installation), installation.folder)
    findings = [
        *([] if has_consents else corpus_consents(corpus, consents, consents.newest_time(now), given=given)),
        *transcript_findings(corpus),
        *(
            voice_findings(corpus, voices, report=lambda done, total: report("voices", done, total))
            if with_voices
            else [not_compared(corpus)]
        ),
    ]
    digest = hashlib.sha256((corpus.path / MANIFEST_NAME).read_bytes()).hexdigest()
    figures = {
        "clips": len(corpus.accepted()),
        "speakers": len(corpus.speakers()),
        "minutes": round(corpus.seconds() / 60, 1),
        "registeredVoices": len(voices),
    }
    return _report(corpus.path, "corpus", digest, now, findings, figures)


def _check_voice(folder: Path, installation: Installation, now: datetime, report: Report) -> ComplianceReport:
    consents = installation.consents()
    findings: list[ComplianceFinding] = []
    if is_bundle(folder):
        try:
            open_bundle(folder, trusted_keys=installation.trusted_keys())
        except ExportError as error:
            findings.append(
                ComplianceFinding(
                    code=error.code,
                    severity=Severity.BLOCKING,
                    what=str(error).partition(": ")[2],
                    next_step="Export the voice again, or trust the key that signed it.",
                )
            )
    card = _card_of(folder)
    findings += voice_consents(folder, card.consent_ids, consents, consents.newest_time(now))
    files = sound_files(folder)
    findings += sample_findings(
        files, installation, now.date(), report=lambda done, total: report("sounds", done, total)
    )
    figures = {"speakers": len(card.speakers), "consents": len(card.consent_ids), "sounds": len(files)}
    return _report(folder, "voice", card_digest(folder), now, findings, figures)


def _card_of(folder: Path) -> VoiceCard:
    values = parse_card(folder, read_card_bytes(folder))
    try:
        return VoiceCard.read(values)
    except (KeyError, TypeError) as error:
        raise BundleDamaged(f'the {CARD} in "{folder}" lacks {error}; export or train the voice again') from error


def _report(
    target: Path,
    kind: str,
    digest: str,
    now: datetime,
    findings: Sequence[ComplianceFinding],
    figures: Mapping[str, object],
) -> ComplianceReport:
    return ComplianceReport(
        target=str(target),
        kind=kind,
        digest=digest,
        time=now.astimezone(UTC).isoformat(timespec="seconds"),
        findings=sorted(findings, key=lambda one: _ORDER.index(one.severity)),
        figures=dict(figures),
    )
