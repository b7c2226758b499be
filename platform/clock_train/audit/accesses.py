"""Who spoke with a voice or read it, out of the log's lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from clock_train.audit.chain import Chain, read_lines

SPEAK = "speak"
"""What the line of a sound stands for."""
UNNAMED = "not recorded"
"""Who spoke, in lines that are older than the field."""


@dataclass(frozen=True, kw_only=True)
class AccessLine:
    """One use of a voice or of recordings."""

    time: datetime
    by: str
    access: str
    voice: str | None
    speakers: tuple[str, ...]
    consent_ids: tuple[str, ...]
    request_id: str | None
    """Of a sound."""

    def concerns(self, name: str) -> bool:
        """Whether it is of a voice of that name, of any version or speaker of it, or of that speaker."""
        own = (self.voice or "").partition("@")[0]
        return name in (self.voice, own, *own.split("/"), *self.speakers)

    def as_plain(self) -> dict[str, object]:
        """For scripts."""
        return {
            "time": self.time.isoformat(timespec="milliseconds"),
            "by": self.by,
            "access": self.access,
            "voice": self.voice,
            "speakers": list(self.speakers),
            "consentIds": list(self.consent_ids),
            "requestId": self.request_id,
        }


def accesses_of(
    chains: Iterable[Chain], *, name: str | None = None, by: str | None = None, since: datetime | None = None
) -> Iterator[AccessLine]:
    """Every use that the chains tell of, chain after chain.

    Args:
        chains: of one installation.
        name: only of this voice or speaker.
        by: only of this user, key or server.
        since: only from then on.
    Raises:
        AuditDamaged: a line is no line of a log.
    """
    for chain in chains:
        for _, _, _, values in read_lines(chain):
            line = _access_of(values)
            if line is None or (since is not None and line.time < since):
                continue
            if (name is None or line.concerns(name)) and by in (None, line.by):
                yield line


def _access_of(values: dict[str, Any]) -> AccessLine | None:
    if values.get("kind") not in ("issued", "access"):
        return None
    return AccessLine(
        time=datetime.fromisoformat(values["time"]),
        by=str(values.get("by", UNNAMED)),
        access=SPEAK if values["kind"] == "issued" else str(values["access"]),
        voice=values.get("voice"),
        speakers=tuple(values.get("speakers", ())),
        consent_ids=tuple(values.get("consentIds", ())),
        request_id=values.get("requestId"),
    )
