"""All personal data of a text: every rule asked, overlaps decided.

Rules, checksums and lists that ship with the package; no model. Both languages are looked for in every text, since
people mix them. Names in other scripts than Latin and Chinese are not found.
"""

from __future__ import annotations

import re
from dataclasses import replace

from clock_train.compliance.personal_data.chinese_addresses import find_chinese_addresses
from clock_train.compliance.personal_data.chinese_names import find_chinese_names
from clock_train.compliance.personal_data.digits import digit_runs
from clock_train.compliance.personal_data.english_addresses import find_english_addresses
from clock_train.compliance.personal_data.english_names import find_english_names
from clock_train.compliance.personal_data.identity_numbers import find_identity_numbers
from clock_train.compliance.personal_data.kinds import Finding
from clock_train.compliance.personal_data.mail import find_mail
from clock_train.compliance.personal_data.phones import find_phones

LEAST_CONFIDENCE = 0.6
LONGEST_TEXT = 2_000
"""Characters that are looked at together: the time of some rules grows with the square. A longer text is cut at a space
or a full stop."""
_END = re.compile(r"[\s。！？；;]")


def find_personal_data(text: str, *, least_confidence: float = LEAST_CONFIDENCE) -> list[Finding]:
    """What in a text is personal data, in its order; findings do not overlap.

    Args:
        text: of any length; Chinese, English, or both.
        least_confidence: findings below are left out.
    """
    found: list[Finding] = []
    begin = 0
    while begin < len(text):
        part = text[begin : begin + LONGEST_TEXT]
        if begin + LONGEST_TEXT < len(text):
            ends = [end.end() for end in _END.finditer(part, LONGEST_TEXT // 2)]
            part = part[: ends[-1]] if ends else part
        found += [
            replace(each, start=each.start + begin, end=each.end + begin)
            for each in _apart(_all(part))
            if each.confidence >= least_confidence
        ]
        begin += len(part)
    return found


def _all(text: str) -> list[Finding]:
    found = [*find_mail(text), *find_chinese_names(text), *find_english_names(text)]
    found += [*find_chinese_addresses(text), *find_english_addresses(text)]
    for run in digit_runs(text):
        found += [*find_identity_numbers(text, run), *find_phones(text, run)]
    return found


def _apart(found: list[Finding]) -> list[Finding]:
    """Without overlaps: the surer stays, of equally sure ones the longer."""
    kept: list[Finding] = []
    for each in sorted(found, key=lambda one: (-one.confidence, one.start - one.end, one.start)):
        if all(each.end <= other.start or other.end <= each.start for other in kept):
            kept.append(each)
    return sorted(kept, key=lambda one: one.start)
