"""Mark and log together: a mark alone never accuses, since marks can be copied; both must agree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from clock_train.audit.chain import is_signed_by
from clock_train.errors import AuditDamaged


def agreeing_lines(
    segments: Sequence[Mapping[str, Any]], lines_of: Callable[[str], list[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """The lines of the log that agree with the marks in a sound: of the same payload, under the same key, and marked.

    Args:
        segments: as ``detection_json.as_plain`` gives them; a splice has several payloads.
        lines_of: gives the lines with a payload.
    """
    keys: dict[str, set[tuple[str, str]]] = {}
    for each in segments:
        if each["payload"] is not None:
            keys.setdefault(each["payload"], set()).add((each["keyId"], each["quarter"]))
    return [
        line
        for payload, under in keys.items()
        for line in lines_of(payload)
        if line.get("marked") and (line.get("keyId"), line.get("quarter")) in under
    ]


def refuse_changed(lines: Iterable[Mapping[str, Any]], public_key: str) -> None:
    """Raise ``AuditDamaged`` where a line was changed or signed by another key; its place in the log is not checked."""
    for line in lines:
        if not is_signed_by(line, public_key):
            raise AuditDamaged(
                f"line {line.get('seq')} of the log, which the mark names, was changed, or signed by another key. "
                'Compare with the shipped copy: "clocktrain audit verify --shipped ..."'
            )
