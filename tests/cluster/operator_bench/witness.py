"""What the audit log says of one namespace: when each clone was asked for, and when each child was made."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime

from harness.audit import WRITES, AuditEvent
from harness.control_plane import ControlPlane
from operator_process import OPERATOR_USER

_JOB = re.compile(r"(?P<clone>.+)-[0-9a-f]{8}-\d+")


@dataclass
class Seen:
    """Times of arrival at the API server, in seconds since the epoch."""

    applied: dict[str, float] = field(default_factory=dict)
    """Clone, or bare RayJob → when its creation was asked for."""
    jobs: dict[str, list[float]] = field(default_factory=dict)
    """Clone → every RayJob of it that was created."""
    clusters: list[float] = field(default_factory=list)
    """Every RayCluster that was created."""
    first_write: dict[str, float] = field(default_factory=dict)
    """Clone → the operator's first write to it."""

    @property
    def job_delays(self) -> list[float]:
        """Seconds from a clone's creation to its first RayJob's."""
        return [times[0] - self.applied[name] for name, times in self.jobs.items() if name in self.applied]

    @property
    def write_delays(self) -> list[float]:
        """Seconds from a clone's creation to the operator's first write to it."""
        return [at - self.applied[name] for name, at in self.first_write.items() if name in self.applied]

    @property
    def num_jobs(self) -> int:
        """RayJobs that were created."""
        return sum(len(times) for times in self.jobs.values())

    @property
    def to_last_cluster_s(self) -> float | None:
        """From the first creation to the last RayCluster's."""
        return max(self.clusters) - min(self.applied.values()) if self.clusters and self.applied else None


def seen(plane: ControlPlane, since: int, namespace: str) -> Seen:
    """Everything that happened in a namespace after a mark in the log."""
    found = Seen()
    for event in plane.audit_events(since=since, verbs=WRITES, namespace=namespace):
        at = datetime.fromisoformat(event.received).timestamp()
        is_created = event.verb == "create" and event.status == 201
        is_ours = event.user == OPERATOR_USER
        if event.resource == "voiceclones" and is_created:
            found.applied[event.name] = at
        elif event.resource == "voiceclones" and is_ours:
            found.first_write.setdefault(event.name, at)
        elif event.resource == "rayjobs" and is_created:
            match = _JOB.fullmatch(event.name)
            if is_ours and match:
                found.jobs.setdefault(match["clone"], []).append(at)
            else:
                found.applied[event.name] = at
        elif event.resource == "rayclusters" and is_created:
            found.clusters.append(at)
    return found


def operator_writes(plane: ControlPlane, since: int, *, lease: bool = False) -> list[AuditEvent]:
    """Writes of the operator after a mark: those to its Lease, or all others."""
    events = plane.audit_events(since=since, verbs=WRITES)
    return [event for event in events if event.user == OPERATOR_USER and (event.resource == "leases") == lease]
