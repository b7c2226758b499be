"""Takes secrets out of what goes into a report: by the name of a field, and by their look in any text."""

from __future__ import annotations

import re
from typing import Any

REDACTED = "REDACTED"
NOISE = ("managedFields",)
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""A copy of the whole object, which would have to be redacted again."""
_SECRET_WORD = r"(?:passw(?:or)?d|secret|token|credential|api[_-]?key|access[_-]?key|private[_-]?key|authorization)"
_SECRET_KEY = re.compile(rf"(?i){_SECRET_WORD}(?!.*name$)")
"""``secretName`` and ``secretKeyRef.name`` only say where a secret lies."""
_TEXTS = (
    (re.compile(r"-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----", re.DOTALL), REDACTED),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), rf"\1 {REDACTED}"),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"), REDACTED),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), REDACTED),
    (re.compile(r"(?i)(\w+://)[^\s/@:]*:[^\s/@]+@"), rf"\1{REDACTED}@"),
    (re.compile(r"(?i)(x-amz-(?:signature|credential|security-token)=)[^\s&\"']+"), rf"\1{REDACTED}"),
    (
        re.compile(rf"(?i)([\"']?[\w-]*{_SECRET_WORD}[\w-]*[\"']?\s*[:=]\s*)(\"[^\"]*\"|'[^']*'|[^\s,;}}\"']+)"),
        rf"\1{REDACTED}",
    ),
)


def redacted(value: Any) -> Any:
    """The same value without secrets and without the API server's own bookkeeping."""
    if isinstance(value, str):
        return redacted_text(value)
    if isinstance(value, list):
        return [redacted(each) for each in value]
    if not isinstance(value, dict):
        return value
    is_setting = set(value) >= {"name", "value"} and isinstance(value["name"], str)
    if is_setting and _SECRET_KEY.search(value["name"]):
        return {**value, "value": REDACTED}
    return {
        name: REDACTED if isinstance(each, str) and _SECRET_KEY.search(str(name)) else redacted(each)
        for name, each in value.items()
        if name not in NOISE and name != LAST_APPLIED
    }


def redacted_text(text: str) -> str:
    """A text without what looks like a key, a token or a password."""
    for pattern, instead in _TEXTS:
        text = pattern.sub(instead, text)
    return text
