"""What a check found: how grave it is, what shows it, and what to do next; and the report that holds all of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from clock_train.errors import ComplianceBlocked, ComplianceReportInvalid

SCHEMA_VERSION = 1
MOST_EVIDENCE = 200
"""Lines of one finding; how many more there are is said."""


class Severity(Enum):
    """How grave a finding is."""

    BLOCKING = "blocking"
    """Nothing is trained from it or served until it is settled."""
    WARNING = "warning"
    """A person should look."""
    NOTE = "note"


@dataclass(frozen=True, kw_only=True)
class ComplianceFinding:
    """One thing that was found. Evidence never repeats the personal data that it is about."""

    code: str
    severity: Severity
    what: str
    evidence: Sequence[str] = ()
    next_step: str = ""


@dataclass(frozen=True, kw_only=True)
class ComplianceReport:
    """Everything that one check found."""

    target: str
    kind: str
    """``corpus``, ``voice`` or ``samples``."""
    digest: str
    """Of what was checked, so that a report of something else is not taken for its own."""
    time: str
    """RFC 3339."""
    findings: Sequence[ComplianceFinding] = ()
    figures: dict[str, Any] = field(default_factory=dict)
    """What was looked at: clips, speakers, lines, sounds."""

    @property
    def blocking(self) -> list[ComplianceFinding]:
        """The findings that stop a training or a voice."""
        return [one for one in self.findings if one.severity is Severity.BLOCKING]

    def refuse(self, *, shown_by: str = "") -> None:
        """Pass where nothing blocks.

        Args:
            shown_by: what shows all findings; by default the check of the target.
        Raises:
            ComplianceBlocked: something does; the message names the first and the command that shows all.
        """
        if not self.blocking:
            return
        shown_by = shown_by or f'clocktrain compliance check "{self.target}"'
        first, more = self.blocking[0], len(self.blocking) - 1
        raise ComplianceBlocked(
            f'"{self.target}" has {len(self.blocking)} blocking findings: {first.code}: {first.what}'
            f"{f', and {more} more' if more else ''}. {first.next_step} All of them: {shown_by}"
        )

    def json(self) -> str:
        """As a file or a script has it."""
        values = {
            "schemaVersion": SCHEMA_VERSION, "target": self.target, "kind": self.kind, "digest": self.digest,
            "time": self.time, "isBlocked": bool(self.blocking), "figures": self.figures,
            "findings": [
                {
                    "code": one.code, "severity": one.severity.value, "what": one.what,
                    "evidence": list(one.evidence), "nextStep": one.next_step,
                }
                for one in self.findings
            ],
        }  # fmt: skip
        return json.dumps(values, ensure_ascii=False, indent=1) + "\n"


def read_report(path: Path) -> ComplianceReport:
    """A report that was kept.

    Raises:
        ComplianceReportInvalid: it cannot be read.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values["schemaVersion"] != SCHEMA_VERSION:
            raise ValueError(f"schema version {values['schemaVersion']}")
        findings = [
            ComplianceFinding(
                code=str(one["code"]),
                severity=Severity(one["severity"]),
                what=str(one["what"]),
                evidence=[str(line) for line in one["evidence"]],
                next_step=str(one["nextStep"]),
            )
            for one in values["findings"]
        ]
        return ComplianceReport(
            target=str(values["target"]),
            kind=str(values["kind"]),
            digest=str(values["digest"]),
            time=str(values["time"]),
            findings=findings,
            figures=dict(values["figures"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ComplianceReportInvalid(
            f'the compliance report "{path}" cannot be read ({error}); make it again with "clocktrain compliance check"'
        ) from error


def shortened(lines: Sequence[str]) -> list[str]:
    """The first lines of evidence, and how many more there are."""
    left = len(lines) - MOST_EVIDENCE
    return [*lines[:MOST_EVIDENCE], *([f"and {left} more"] if left > 0 else [])]
