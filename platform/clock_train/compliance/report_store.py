"""The newest report of each voice, where whoever serves voices looks before it serves one.

A folder of the installation, a file a bundle, named by the bundle's digest: a voice that was changed is another bundle,
and has no report.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from clock_train.compliance.findings import ComplianceReport, read_report
from clock_train.errors import ComplianceReportInvalid
from clock_train.issuing.installation import Installation

_DIGEST = re.compile(r"[0-9a-f]{64}")


def report_path(digest: str, installation: Installation) -> Path:
    """Where the report of a bundle is kept."""
    if not _DIGEST.fullmatch(digest):
        raise ComplianceReportInvalid(f"{digest[:80]!r} is no digest of a bundle; give its sha256")
    return installation.folder / "compliance" / f"{digest}.json"


def keep_report(report: ComplianceReport, installation: Installation) -> Path:
    """Keep a voice's report in the place of the one before.

    Raises:
        ComplianceReportInvalid: it cannot be written.
    """
    path = report_path(report.digest, installation)
    temporary = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary.write_text(report.json(), encoding="utf-8")
        os.replace(temporary, path)
    except OSError as error:
        raise ComplianceReportInvalid(
            f'no report can be kept in "{path.parent}" ({error.strerror}), and servers look there; mend its '
            "permissions or space"
        ) from error
    return path


def refuse_blocked(digest: str, installation: Installation) -> None:
    """Pass where a bundle has no report, or one that blocks nothing.

    Raises:
        ComplianceBlocked: its report has a blocking finding.
        ComplianceReportInvalid: there is one and it cannot be read, so nobody knows.
    """
    path = report_path(digest, installation)
    if path.exists():
        read_report(path).refuse()
