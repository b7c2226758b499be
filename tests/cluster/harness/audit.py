"""What an API server was asked, read back from its audit log: the witness for who wrote what, and how often."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}
"""Each finished request once, watches also at their start; who, what and when, without bodies."""


@dataclass(frozen=True, kw_only=True)
class AuditEvent:
    """One request."""

    verb: str
    user: str
    group: str
    resource: str
    subresource: str
    namespace: str
    name: str
    status: int
    """HTTP status of the answer."""
    stage: str
    received: str
    """When it arrived, RFC 3339 in microseconds; sorts as text."""
    user_agent: str


class AuditLog:
    """The log file of one API server. It writes before it answers, so that a caller finds its own requests in it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def mark(self) -> int:
        """The present end of the log, to give to `events` as `since`."""
        return self.path.stat().st_size if self.path.exists() else 0

    def events(
        self,
        *,
        since: int = 0,
        user: str | None = None,
        verbs: Collection[str] | None = None,
        resource: str | None = None,
        namespace: str | None = None,
    ) -> list[AuditEvent]:
        """The finished requests after the mark `since` that match every given word."""
        if not self.path.exists():
            return []
        with open(self.path, "rb") as log:
            log.seek(since)
            lines = log.read().split(b"\n")[:-1]  # the last has no end yet, or is empty
        found = []
        for line in lines:
            event = _event(json.loads(line))
            if (
                event.stage == "ResponseComplete"
                and (user is None or event.user == user)
                and (verbs is None or event.verb in verbs)
                and (resource is None or event.resource == resource)
                and (namespace is None or event.namespace == namespace)
            ):
                found.append(event)
        return found


def _event(entry: dict) -> AuditEvent:
    target = entry.get("objectRef", {})
    return AuditEvent(
        verb=entry["verb"],
        user=entry["user"].get("username", ""),
        group=target.get("apiGroup", ""),
        resource=target.get("resource", ""),
        subresource=target.get("subresource", ""),
        namespace=target.get("namespace", ""),
        name=target.get("name", ""),
        status=entry.get("responseStatus", {}).get("code", 0),
        stage=entry["stage"],
        received=entry["requestReceivedTimestamp"],
        user_agent=entry.get("userAgent", ""),
    )
