"""The report of a check as one HTML page that needs nothing from outside."""

from __future__ import annotations

from collections import Counter
from html import escape
from pathlib import Path

from clock_train.compliance.findings import ComplianceFinding, ComplianceReport, Severity
from clock_train.errors import ComplianceReportInvalid
from clock_train.evaluation.report_style import STYLE

_OWN_STYLE = """
.finding { background: var(--card); border: 1px solid var(--rule); border-left: 5px solid var(--faint);
  border-radius: 6px; padding: .75rem 1rem; margin: 0 0 1rem; }
.finding.blocking { border-left-color: var(--missed); } .finding.warning { border-left-color: var(--notice-rule); }
.finding h3 { font-size: 1rem; margin: 0 0 .25rem; } .finding p { margin: .25rem 0; }
.finding code { overflow-wrap: anywhere; }
.finding ul { margin: .5rem 0; padding-left: 1.25rem; max-height: 20rem; overflow: auto; }
.finding li { font: .85rem/1.5 ui-monospace, "Noto Sans Mono CJK SC", monospace; overflow-wrap: anywhere; }
.kind { display: inline-block; min-width: 5.5rem; } .blocking .kind { color: var(--missed); }
.next { font-weight: 600; }
"""
_HEADLINES = {
    "corpus": "Nothing may be trained from this corpus yet.",
    "texts": "No student may be taught these texts yet.",
    "voice": "This voice may not be served.",
    "samples": "These sounds may not be published.",
}


def write_page(report: ComplianceReport, path: Path) -> None:
    """Write the page.

    Raises:
        ComplianceReportInvalid: it cannot be written there.
    """
    try:
        path.write_text(page_of(report), encoding="utf-8")
    except OSError as error:
        raise ComplianceReportInvalid(
            f'"{path}" cannot be written ({error.strerror}); name another file with --out'
        ) from error


def page_of(report: ComplianceReport) -> str:
    """The page as text."""
    counts = Counter(one.severity for one in report.findings)
    verdict = (
        f'<p class="missed">{_HEADLINES[report.kind]}</p>' if report.blocking else '<p class="met">Nothing blocks.</p>'
    )
    told = ", ".join(f"{counts[severity]} {severity.value}" for severity in Severity)
    facts = {
        "Checked": f"{report.kind} {report.target}",
        "Time": report.time,
        "Findings": told,
        **{_spelled(name): str(value) for name, value in report.figures.items()},
        "Digest": report.digest,
    }
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts.items())
    findings = "".join(_finding(one) for one in report.findings) or "<p>Nothing was found.</p>"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Compliance: {escape(Path(report.target).name)}</title><style>{STYLE}{_OWN_STYLE}</style></head><body>"
        f'<h1>Compliance check</h1><div class="statement">{verdict}</div><dl>{rows}</dl>'
        f"<h2>Findings</h2>{findings}"
        '<p class="faint">Personal data is shown by its kind only. Who speaks and what is personal was found by rules '
        "and measures with error rates: see docs/compliance.md. A person decides.</p></body></html>\n"
    )


def _finding(one: ComplianceFinding) -> str:
    evidence = "".join(f"<li>{escape(line)}</li>" for line in one.evidence)
    return (
        f'<section class="finding {one.severity.value}"><h3><span class="kind">{one.severity.value}</span> '
        f"{escape(one.code)}</h3><p>{escape(one.what)}</p>"
        + (f"<ul>{evidence}</ul>" if evidence else "")
        + (f'<p class="next">{escape(one.next_step)}</p>' if one.next_step else "")
        + "</section>"
    )


def _spelled(name: str) -> str:
    """``registeredVoices`` as a heading."""
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name)
    return words[:1].upper() + words[1:]
