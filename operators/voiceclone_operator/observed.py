"""What was seen of one clone and of everything that it depends on, as plain values; nothing here asks a server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from clock_train.crd.names import RUN

Object = dict[str, Any]
"""A Kubernetes object as JSON."""


@dataclass(frozen=True, kw_only=True)
class StoredFacts:
    """What the store says of an attempt."""

    bundle_key: str | None = None
    bundle_digest: str | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    checkpoint_key: str | None = None
    checkpoint_step: int | None = None
    checkpoint_time: str | None = None


@dataclass(frozen=True, kw_only=True)
class Observed:
    """Everything that a plan is made from."""

    clone: Object
    runtime: Object | None = None
    consents: Mapping[str, Object] = field(default_factory=dict)
    """By name; those that are missing are not in it."""
    base: Object | None = None
    """The clone of ``spec.base.cloneRef``."""
    jobs: tuple[Object, ...] = ()
    """RayJobs that belong to the clone."""
    clusters: tuple[Object, ...] = ()
    """Their RayClusters."""
    pods: tuple[Object, ...] = ()
    children: Mapping[tuple[str, str], Object] = field(default_factory=dict)
    """(kind, name) → what the operator applied."""
    cleanup: Object | None = None
    """The Job that erases what the clone made, once it is deleted."""
    erasers: Mapping[str, Object] = field(default_factory=dict)
    """By name, Jobs of the clone that erase a speaker whose consent was revoked."""
    retired_bases: Mapping[str, str] = field(default_factory=dict)
    """Digest → time, of voices of the namespace's clones that contain a speaker who was erased."""
    has_kuberay: bool = True
    is_namespace_ending: bool = False
    has_demonstrations: bool = False
    """Whether its namespace is labelled for voices that nobody consented to."""
    left_out: tuple[str, str] | None = None
    """Why the serving tables have no room for its voice, as reason and message."""
    stored: Mapping[int, StoredFacts] = field(default_factory=dict)
    """Attempt → what the store says, where it was asked."""

    @property
    def name(self) -> str:
        """Of the clone."""
        return self.clone["metadata"]["name"]

    @property
    def namespace(self) -> str:
        """Of the clone."""
        return self.clone["metadata"]["namespace"]

    @property
    def uid(self) -> str:
        """Of the clone."""
        return self.clone["metadata"]["uid"]

    @property
    def generation(self) -> int:
        """Of the clone's spec."""
        return self.clone["metadata"].get("generation", 0)

    @property
    def annotations(self) -> Mapping[str, str]:
        """Of the clone."""
        return self.clone["metadata"].get("annotations") or {}

    @property
    def status(self) -> Object:
        """As it was written last."""
        return self.clone.get("status") or {}

    def mailbox(self, name: str) -> Letter:
        """The letter in the ConfigMap of this name."""
        return Letter.of(self.children.get(("ConfigMap", name)))


@dataclass(frozen=True, kw_only=True)
class Letter:
    """What the job wrote last. A job is not trusted with more than its own words: anything odd reads as nothing."""

    control: str = RUN
    attempt: int = 0
    state: str = ""
    """running, finished, stopped or failed."""
    values: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, config_map: Object | None) -> Letter:
        """From the mailbox, where there is one."""
        data = (config_map or {}).get("data") or {}
        try:
            values = json.loads(data.get("progress") or "{}")
        except ValueError:
            values = {}
        values = values if isinstance(values, dict) else {}
        return cls(
            control=data.get("control") or RUN,
            attempt=whole(values.get("attempt")) or 0,
            state=str(values.get("state", "")),
            values=values,
        )

    def whole(self, name: str) -> int | None:
        """A count of the letter."""
        return whole(self.values.get(name))

    @property
    def error(self) -> Mapping[str, Any]:
        """Code, message and exit code, where it ended with one."""
        error = self.values.get("error")
        return error if isinstance(error, dict) else {}

    def whole_of_error(self) -> int | None:
        """The exit code that it ended with."""
        return whole(self.error.get("exitCode"))

    @property
    def metrics(self) -> dict[str, float]:
        """Figures of the evaluation."""
        found = self.values.get("metrics")
        if not isinstance(found, dict):
            return {}
        return {str(name): float(v) for name, v in found.items() if isinstance(v, int | float) and isfinite(v)}


def whole(value: Any) -> int | None:
    """A count up to what JavaScript holds; None for anything else."""
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53
    return value if is_count else None


def time_of(text: Any) -> datetime | None:
    """A time of RFC 3339 with its zone; None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def spelled(time: datetime) -> str:
    """A time as Kubernetes writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def spelled_micro() -> str:
    """The time now as an event carries it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
