"""Mail addresses, written or read out.

``anna.lee@example.com``, ``anna dot lee at example dot com`` and ``anna艾特example点com`` are the same to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from clock_train.compliance.personal_data.kinds import Finding, Kind

_WRITTEN = re.compile(
    r"(?<![A-Za-z0-9._%+\-])[A-Za-z0-9][A-Za-z0-9._%+\-]{0,63}\s?[@＠]\s?[A-Za-z0-9][A-Za-z0-9\-]{0,62}"
    r"(?:\s?[.．]\s?[A-Za-z0-9\-]{2,63})+"
)
_DOT = r"(?:\s*(?:点|[.．])\s*|\s+(?:dot|point|period)\s+)"
_AT = r"(?:\s*(?:艾特|爱特|圈[aA]|at符号|小老鼠|[@＠])\s*|\s+(?:at(?:\s+sign)?)\s+)"
_JOIN = rf"(?:{_DOT}|\s*(?:下划线|横杠|减号|杠|[_\-])\s*|\s+(?:underscore|dash|hyphen|minus)\s+)"
_DIGIT_WORDS = r"zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\d+|[零一二三四五六七八九幺〇]"
_PART = rf"[A-Za-z0-9]{{1,40}}(?:\s*(?:{_DIGIT_WORDS})\b|[零一二三四五六七八九幺〇])*"
_SPELLED = r"[A-Za-z0-9](?:[\s,，]+[A-Za-z0-9]\b){2,}"
_TOP = (
    r"(?:com|net|org|edu|gov|info|biz|io|ai|me|cn|uk|us|de|fr|es|it|ru|jp|hk|tw|eu|au|ca|nz|in|co|cc|"
    r"c\s+o\s+m|c\s+n|n\s+e\s+t)"
)
_SPOKEN = re.compile(
    rf"(?<![A-Za-z0-9])(?:{_SPELLED}|{_PART})(?:{_JOIN}(?:{_PART}))*{_AT}"
    rf"(?:{_SPELLED}|[A-Za-z0-9\-]{{1,63}}|{_PART})(?:{_DOT}[A-Za-z0-9\-]+)*?{_DOT}{_TOP}(?![A-Za-z])(?:{_DOT}{_TOP}(?![A-Za-z]))?",
    re.IGNORECASE,
)


def find_mail(text: str) -> Iterator[Finding]:
    """Written addresses, and those that are read out."""
    for found in _WRITTEN.finditer(text):
        yield Finding(kind=Kind.MAIL, start=found.start(), end=found.end(), confidence=0.98)
    if re.search(r"艾特|爱特|圈a|at符号|小老鼠|[@＠]|\bat\b", text, re.IGNORECASE):
        for found in _SPOKEN.finditer(text):
            yield Finding(kind=Kind.MAIL, start=found.start(), end=found.end(), confidence=0.95)
