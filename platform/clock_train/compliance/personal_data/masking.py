"""Personal data in a text, replaced by what kind it was: ``我叫[NAME]，电话[PHONE]``.

The brackets are what the corpus builder calls a note, so that a masked line is never trained on by mistake.
"""

from __future__ import annotations

from collections.abc import Sequence

from clock_train.compliance.personal_data.kinds import Finding, Kind


def placeholder(kind: Kind) -> str:
    """What stands for a kind."""
    return f"[{kind.value.upper()}]"


def masked(text: str, findings: Sequence[Finding]) -> str:
    """A text without what was found in it."""
    kept: list[str] = []
    place = 0
    for finding in sorted(findings, key=lambda one: one.start):
        kept += [text[place : finding.start], placeholder(finding.kind)]
        place = max(place, finding.end)
    return "".join([*kept, text[place:]])
