"""Before a training: what a compliance check finds in what is trained on, as a page; a stop where it blocks.

Every training passes here, of recordings and of a student, by whichever command, stage or job it is started. Consents
are not looked at here: the training itself asks for them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from enum import Enum
from importlib.metadata import version
from pathlib import Path

from clock_train.compliance.accepted import ACCEPTED_NAME, accepted_texts
from clock_train.compliance.checking import check_corpus, registry_folder
from clock_train.compliance.findings import ComplianceReport, Severity, read_report
from clock_train.compliance.report_page import write_page
from clock_train.compliance.transcript_data import text_findings
from clock_train.data.manifest import Corpus
from clock_train.data.packed_file import PackedCorpus
from clock_train.errors import ComplianceReportInvalid
from clock_train.issuing.installation import Installation
from clock_train.orchestration.listener import Listener
from clock_train.orchestration.teaching_text import lines_of

INPUTS = "inputs"
"""In a kept report's figures: of what it was made, so that a second start of a run does not listen again."""


class Checks(Enum):
    """What is looked at before a training; consents always are."""

    ALL = "texts and voices"
    TEXTS = "texts"
    """A fraction of a second, where listening takes up to half a minute of one core for each speaker."""


def refuse_findings(
    corpora: Sequence[Corpus],
    out: Path,
    listener: Listener,
    *,
    revision: str,
    checks: Checks = Checks.ALL,
    installation: Installation | None = None,
) -> None:
    """Pass where nothing blocks.

    Args:
        corpora: about to be trained on.
        out: folder of the run; gets ``compliance-NAME.html`` and ``.json``, which a second start reads.
        listener: hears warnings.
        revision: of the corpora together, sounds and texts.
        checks: what is looked at.
        installation: whose registered voices count; by default the user's own.
    Raises:
        ComplianceBlocked: something does; the message is that of ``clocktrain compliance check``.
        ComplianceError: the registry, or what was accepted, cannot be read.
    """
    installation = installation or Installation()
    names = [corpus.path.name for corpus in corpora]
    for number, corpus in enumerate(corpora):
        # folders of one name in different places are different corpora
        name = names[number] if names.count(names[number]) == 1 else f"{names[number]}-{number + 1}"
        kept, page = out / f"compliance-{name}.json", out / f"compliance-{name}.html"
        inputs = _inputs(corpus, revision, checks, installation)
        report = _kept_report(kept, inputs)
        if report is None:
            listener.stage("compliance")
            report = check_corpus(
                corpus,
                installation,
                has_consents=True,
                with_voices=checks is Checks.ALL,
                report=lambda what, done, total: listener.advance(done / max(1, total), what),
            )
            report = replace(report, figures={**report.figures, "checks": checks.value, INPUTS: inputs})
            write_page(report, page)
            _keep(kept, report)
            listener.note(f"compliance: {checks.value} of {corpus.path.name} were checked, {_verdict(report)}; {page}")
        _settle(report, page, listener)


def refuse_taught_texts(
    packed: PackedCorpus, folder: Path, out: Path, listener: Listener, *, text_file: Path | None = None
) -> None:
    """Pass where nothing blocks in what a teacher is to speak: the texts that it was trained on, and those of a file.

    Args:
        packed: recordings of the teacher, with their texts.
        folder: where they lie, with what was accepted of them.
        out: folder of the student; gets ``compliance-texts.html``.
        listener: hears warnings.
        text_file: texts that nobody recorded.
    Raises:
        ComplianceBlocked: something does.
        TextUnreadable: the file is not there, or not UTF-8.
        ComplianceReportInvalid: what was accepted cannot be read.
    """
    texts = dict(zip(packed.clip_ids, packed.texts, strict=True))  # a clip's copies at other speeds say the same
    findings = text_findings(
        texts.items(),
        accepted_texts(folder, texts),
        next_step="Train the voice again from a corpus without them: clocktrain compliance mask CORPUS --out NEW; or, "
        "where it is nobody's: clocktrain compliance accept CORPUS CLIP --reason WHY, and train it again.",
    )
    if text_file is not None:
        lines = ((f"{text_file.name}:{number}", line) for number, line in enumerate(lines_of(text_file), 1))
        findings += text_findings(lines, {}, next_step=f'Take these lines out of "{text_file}".')
    report = ComplianceReport(
        target=str(folder),
        kind="texts",
        digest=hashlib.sha256(json.dumps(texts, sort_keys=True).encode()).hexdigest(),
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        findings=sorted(findings, key=lambda one: list(Severity).index(one.severity)),
        figures={"texts": len(texts), "checks": Checks.TEXTS.value},
    )
    page = out / "compliance-texts.html"
    write_page(report, page)
    _settle(report, page, listener)


def _settle(report: ComplianceReport, page: Path, listener: Listener) -> None:
    for one in report.findings:
        if one.severity is Severity.WARNING:
            listener.warn(f"{one.code}: {one.what}; {page}")
    report.refuse(shown_by="" if report.kind == "corpus" else str(page))


def _verdict(report: ComplianceReport) -> str:
    return f"{len(report.findings)} findings, {len(report.blocking) or 'none'} of them blocking"


def _kept_report(path: Path, inputs: str) -> ComplianceReport | None:
    try:
        report = read_report(path)
    except ComplianceReportInvalid:
        return None  # of no earlier start, or spoiled: it is made again
    return report if report.figures.get(INPUTS) == inputs else None


def _inputs(corpus: Corpus, revision: str, checks: Checks, installation: Installation) -> str:
    """Everything that the outcome hangs on: recordings, what was accepted, registered voices, and the checks."""
    files = [corpus.path / ACCEPTED_NAME, *sorted(registry_folder(installation).glob("*.json"))]
    digests = [(path.name, hashlib.sha256(path.read_bytes()).hexdigest()) for path in files if path.is_file()]
    facts = [str(corpus.path), revision, digests, checks.value, version("clock-train")]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _keep(path: Path, report: ComplianceReport) -> None:
    try:
        path.write_text(report.json(), encoding="utf-8")
    except OSError as error:
        raise ComplianceReportInvalid(
            f'"{path}" cannot be written ({error.strerror}); free some room or mend its permissions'
        ) from error
