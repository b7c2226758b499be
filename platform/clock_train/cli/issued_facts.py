"""What a command prints as JSON of a sound that it issued to a file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clock_train.issuing.issuer import Issue


def issued_facts(
    out: Path, issue: Issue, *, samples: int, sample_rate_hz: int, cpu_seconds: float, voice: str, labels: Iterable[str]
) -> dict[str, object]:
    """File, length, cost, voice, mark and labels, as plain values."""
    return {
        "out": str(out),
        "seconds": round(samples / sample_rate_hz, 3),
        "sampleRate": sample_rate_hz,
        "cpuSeconds": round(cpu_seconds, 3),
        "voice": voice,
        "marked": issue.is_marked,
        "payload": issue.origin.payload,
        "requestId": issue.origin.request_id,
        "labels": sorted(labels),
    }
