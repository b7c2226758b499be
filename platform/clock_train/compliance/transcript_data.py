"""Personal data in texts that are trained on, as findings: masked, by clip or line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from clock_train.compliance.accepted import accepted_clips
from clock_train.compliance.findings import ComplianceFinding, Severity, shortened
from clock_train.compliance.personal_data.finding import find_personal_data
from clock_train.compliance.personal_data.kinds import Finding, Kind
from clock_train.compliance.personal_data.masking import masked
from clock_train.data.manifest import Corpus

PERSONAL_DATA = "PersonalDataInTranscript"
SURE = 0.9
"""From this confidence on a number blocks: it has a checksum, a form of its own, or a word beside it that names it."""
_NUMBERS = (Kind.PHONE, Kind.ID_CARD, Kind.BANK_CARD, Kind.PASSPORT, Kind.MAIL)


def transcript_findings(corpus: Corpus) -> list[ComplianceFinding]:
    """What is personal in the texts of accepted clips; what was looked at and accepted is a note.

    Raises:
        ComplianceReportInvalid: what was accepted cannot be read.
    """
    texts = ((clip.id, clip.text) for clip in corpus.accepted())
    return text_findings(texts, accepted_clips(corpus), next_step=_next_step(corpus))


def text_findings(
    texts: Iterable[tuple[str, str]], accepted: Mapping[str, str], *, next_step: str
) -> list[ComplianceFinding]:
    """What is personal in texts.

    Args:
        texts: id and text of each.
        accepted: id → why its text may stay.
        next_step: for what may not.
    """
    lines: dict[Severity, list[str]] = {severity: [] for severity in Severity}
    kinds: dict[Severity, Counter[str]] = {severity: Counter() for severity in Severity}
    for text_id, text in texts:
        found = find_personal_data(text)
        if not found:
            continue
        severity = Severity.NOTE if text_id in accepted else _severity(found)
        told = f" (accepted: {accepted[text_id]})" if text_id in accepted else ""
        lines[severity].append(f"{text_id}: {masked(text, found)}{told}")
        kinds[severity].update(one.kind.value for one in found)
    return [
        ComplianceFinding(
            code=PERSONAL_DATA,
            severity=severity,
            what=f"{len(told)} texts hold personal data: "
            + ", ".join(f"{count} {kind}" for kind, count in kinds[severity].most_common()),
            evidence=shortened(told),
            next_step="" if severity is Severity.NOTE else next_step,
        )
        for severity, told in lines.items()
        if told
    ]


def _severity(found: list[Finding]) -> Severity:
    is_sure = any(one.kind in _NUMBERS and one.confidence >= SURE for one in found)
    return Severity.BLOCKING if is_sure else Severity.WARNING


def _next_step(corpus: Corpus) -> str:
    return (
        f'Leave these clips out: clocktrain compliance mask "{corpus.path}" --out NEW; or, where it is nobody\'s: '
        f'clocktrain compliance accept "{corpus.path}" CLIP --reason WHY.'
    )
