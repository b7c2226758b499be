"""What Prometheus reads. Series of a clone go with the clone; labels are namespaces, stages and reasons only."""

from __future__ import annotations

import time
from collections import Counter as Tally
from collections.abc import Iterable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from clock_train.crd.names import is_paused
from voiceclone_operator.kinds import CLONES
from voiceclone_operator.mirror import Mirror
from voiceclone_operator.observed import Object, time_of

RECONCILE_BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15)
WAIT_BUCKETS = (1, 5, 15, 60, 300, 900, 3_600, 4 * 3_600, 24 * 3_600)


class Metrics:
    """The operator's own figures, and gauges that are read from the mirror when somebody asks."""

    def __init__(self, mirror: Mirror, version: str) -> None:
        self.registry = CollectorRegistry()
        prefix = "clocktrain_operator"
        self.reconcile_seconds = Histogram(
            f"{prefix}_reconcile_seconds",
            "Time of one visit to a clone.",
            buckets=RECONCILE_BUCKETS,
            registry=self.registry,
        )
        self.reconciles = Counter(f"{prefix}_reconciles", "Visits to clones.", ["result"], registry=self.registry)
        self.requests = Counter(f"{prefix}_writes", "Writes to the API server.", ["action"], registry=self.registry)
        self.conflicts = Counter(
            f"{prefix}_conflicts", "Writes that somebody else was faster than.", registry=self.registry
        )
        self.watch_starts = Counter(f"{prefix}_watch_starts", "Watches opened.", ["kind"], registry=self.registry)
        self.last_change = Gauge(
            f"{prefix}_last_change_timestamp_seconds",
            "When a watch last said something.",
            ["kind"],
            registry=self.registry,
        )
        self.left_out = Gauge(
            f"{prefix}_voices_left_out", "Voices that the serving tables have no room for.", registry=self.registry
        )
        self.queue_depth = Gauge(f"{prefix}_queue_depth", "Clones that wait for a visit.", registry=self.registry)
        self.loop_lag = Gauge(f"{prefix}_loop_lag_seconds", "How late the event loop is.", registry=self.registry)
        self.is_leader = Gauge(f"{prefix}_leader", "1 where this replica acts.", registry=self.registry)
        self.admission_wait = Histogram(
            "clocktrain_admission_wait_seconds",
            "From making an attempt's job to its first word.",
            ["namespace"],
            buckets=WAIT_BUCKETS,
            registry=self.registry,
        )
        self.attempts = Counter(
            "clocktrain_attempts", "Attempts that ended.", ["namespace", "reason"], registry=self.registry
        )
        Info(f"{prefix}_build", "Of this operator.", registry=self.registry).info({"version": version})
        self.registry.register(_Clones(mirror))

    def ended(self, namespace: str, before: Object, after: Object) -> None:
        """Count what a status write says for the first time."""
        old = {attempt["number"]: attempt for attempt in before.get("attempts") or []}
        for attempt in after.get("attempts") or []:
            known = old.get(attempt["number"], {})
            if "reason" in attempt and "reason" not in known:
                self.attempts.labels(namespace, attempt["reason"]).inc()
            made, began = time_of(attempt.get("createTime")), time_of(attempt.get("startTime"))
            if began is not None and made is not None and "startTime" not in known:
                self.admission_wait.labels(namespace).observe(max(0.0, (began - made).total_seconds()))

    def heard(self, kind: str) -> None:
        """A watch said something."""
        self.last_change.labels(kind).set(time.time())


class _Clones(Collector):
    """Gauges of all clones, made anew at each scrape, so that nothing outlives its object."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror

    def collect(self) -> Iterable[Metric]:
        clones = list(self._mirror.of(CLONES).values())
        yield _gauge("clocktrain_clones", "Clones by stage.", ["namespace", "stage"], _tally(clones, _stage))
        yield _gauge(
            "clocktrain_clones_condition",
            "Clones by condition and its status.",
            ["namespace", "type", "status"],
            Tally(
                (clone["metadata"]["namespace"], condition["type"], condition["status"])
                for clone in clones
                for condition in (clone.get("status") or {}).get("conditions") or []
            ),
        )
        erased = [clone for clone in clones if _erasure(clone) is not None]
        yield _gauge(
            "clocktrain_clones_erasures",
            "Clones with a revoked consent, by the reason of the condition Erased.",
            ["namespace", "reason"],
            _tally(erased, _erasure),
        )
        paused = [clone for clone in clones if is_paused(clone)]
        yield _gauge("clocktrain_clones_paused", "Clones that are left alone.", ["namespace"], _tally(paused))
        seconds: dict[tuple[str, ...], float] = {}
        cost: dict[tuple[str, ...], float] = {}
        for clone in clones:
            found: dict[str, Any] = (clone.get("status") or {}).get("cost") or {}
            place = clone["metadata"]["namespace"]
            seconds[(place,)] = seconds.get((place,), 0.0) + float(found.get("acceleratorSeconds", 0))
            if "amount" in found:
                key = (place, found["currency"])
                cost[key] = cost.get(key, 0.0) + float(found["amount"])
        yield _gauge("clocktrain_accelerator_seconds", "Used by the clones that there are.", ["namespace"], seconds)
        yield _gauge("clocktrain_cost", "Of the clones that there are.", ["namespace", "currency"], cost)


def _stage(clone: Object) -> str:
    return (clone.get("status") or {}).get("stage") or "None"


def _erasure(clone: Object) -> str | None:
    status = clone.get("status") or {}
    reasons = [each["reason"] for each in status.get("conditions") or [] if each["type"] == "Erased"]
    return reasons[0] if reasons and status.get("erasures") else None


def _tally(clones: list[Object], *labels: Any) -> dict[tuple[str, ...], float]:
    return dict(Tally((clone["metadata"]["namespace"], *(label(clone) for label in labels)) for clone in clones))


def _gauge(name: str, text: str, labels: list[str], values: Any) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=labels)
    for key, value in values.items():
        family.add_metric([str(part) for part in key], float(value))
    return family
