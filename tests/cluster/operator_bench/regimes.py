"""The regimes: each is one way to load the operator, and gives figures."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.audit import WRITES
from operator_bench.scene import CLUSTERS, JOBS, QUEUED, Scene, cpu_seconds, names_of, resident_mb
from operator_bench.witness import Seen, operator_writes, seen
from operator_process import Operator

QUIET_S = 8.0
"""Settled: so long without a write of the operator."""
STORM_CLONES, STORM_EVERY_S = 200, 5.0
NOOP = Path(__file__).with_name("noop_handler.py")


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One number of the table."""

    size: int
    subject: str
    """operator, bare RayJobs or kopf."""
    regime: str
    name: str
    value: float
    unit: str
    at_most: float | None = None
    exactly: float | None = None

    @property
    def is_met(self) -> bool | None:
        """Whether the target is; None where there is none."""
        if self.exactly is not None:
            return self.value == self.exactly
        return None if self.at_most is None else self.value <= self.at_most


@dataclass(frozen=True, kw_only=True)
class Row:
    """One clone, or bare RayJob, of the raw data."""

    size: int
    repeat: int
    subject: str
    regime: str
    name: str
    applied: float
    job: float | None = None
    first_write: float | None = None


class Regimes:
    """Of one size, on one scene; collects figures and rows."""

    def __init__(self, scene: Scene, size: int, repeat: int) -> None:
        self.scene, self.size, self.repeat = scene, size, repeat
        self.figures: list[Figure] = []
        self.rows: list[Row] = []

    def bare_burst(self) -> float | None:
        """KubeRay alone: the same RayJobs by a loop."""
        scene, namespace = self.scene, self.scene.new_namespace()
        mark = scene.plane.audit.mark()
        scene.create_bare_jobs(namespace, names_of(self.size))
        self._wait_for(CLUSTERS, namespace)
        found = seen(scene.plane, mark, namespace)
        self._rows("bare RayJobs", "burst", found.applied, {}, {})
        whole = found.to_last_cluster_s
        if whole is not None:
            self._figure("bare RayJobs", "burst", "first apply to last RayCluster", whole, "s")
        scene.empty(namespace, self.size)
        return whole

    def burst(self, operator: Operator, bare_s: float | None) -> None:
        """All at once, with KubeRay and kwok at work."""
        scene, namespace = self.scene, self.scene.new_namespace()
        mark, cpu = scene.plane.audit.mark(), cpu_seconds(operator.process.pid)
        scene.create_clones(namespace, names_of(self.size), runtime="standard")
        self._wait_for(CLUSTERS, namespace)
        found = seen(scene.plane, mark, namespace)
        self._delays("burst", found.job_delays, found.write_delays, p99_at_most=None)
        whole = found.to_last_cluster_s
        if whole is not None:
            self._figure("operator", "burst", "first apply to last RayCluster", whole, "s")
            if bare_s:
                self._figure("operator", "burst", "the same over bare RayJobs", whole / bare_s, "x", at_most=1.2)
        writes = operator_writes(scene.plane, mark)
        self._figure("operator", "burst", "writes a clone", len(writes) / self.size, "")
        self._figure("operator", "burst", "CPU a clone", (cpu_seconds(operator.process.pid) - cpu) / self.size, "s")
        self._counted("burst", found)
        self._own_rows("burst", found)
        self._emptied("burst", namespace)

    def steady(self, rate: float, count: int) -> None:
        """So many a second, whatever the answers take."""
        scene, namespace = self.scene, self.scene.new_namespace()
        mark = scene.plane.audit.mark()
        scene.create_clones(namespace, names_of(count), runtime="standard", rate=rate)
        scene.plane.wait(lambda: scene.count(JOBS, namespace) >= count, 60 + count, "the RayJobs")
        found = seen(scene.plane, mark, namespace)
        self._delays(f"steady {rate:g}/s", found.job_delays, found.write_delays, p99_at_most=2.0)
        self._own_rows(f"steady {rate:g}/s", found)
        self._emptied(f"steady {rate:g}/s", namespace)

    def at_rest(self, operator: Operator, soak_s: float) -> Operator:
        """In a queue that lets nobody in: the operator alone, then its rest, its restart and a storm of progress."""
        scene, namespace, names = self.scene, self.scene.new_namespace(), names_of(self.size)
        mark = scene.plane.audit.mark()
        scene.create_clones(namespace, names, runtime=QUEUED)
        scene.plane.wait(lambda: scene.count(JOBS, namespace) >= self.size, 120 + self.size, "the RayJobs")
        found = seen(scene.plane, mark, namespace)
        self._delays("burst, queued", found.job_delays, found.write_delays, p99_at_most=None)
        self._counted("burst, queued", found)
        self._own_rows("burst, queued", found)
        self._soak(operator, soak_s)
        operator = self._restart(operator)
        self._storm(namespace, names[:STORM_CLONES])
        self._emptied("at rest", namespace)
        return operator

    def _soak(self, operator: Operator, soak_s: float) -> None:
        self._settle()
        mark, before = self.scene.plane.audit.mark(), resident_mb(operator.process.pid)
        cpu = cpu_seconds(operator.process.pid)
        time.sleep(soak_s)
        after = resident_mb(operator.process.pid)
        regime = f"idle {soak_s:g} s"
        self._figure("operator", regime, "writes", len(operator_writes(self.scene.plane, mark)), "", exactly=0)
        leases = len(operator_writes(self.scene.plane, mark, lease=True))
        # it renews every few seconds: where the log shows none, its silence on other writes shows nothing either
        assert leases > 0, "the audit log shows no request of the operator: the witness looks for another user"
        self._figure("operator", regime, "renewals of its Lease", leases, "")
        self._figure("operator", regime, "resident memory", after, "MB", at_most=200)
        self._figure("operator", regime, "memory gained", after - before, "MB")
        used = (cpu_seconds(operator.process.pid) - cpu) / soak_s
        self._figure("operator", regime, "CPU", 100 * used, "% of a core")

    def _restart(self, operator: Operator) -> Operator:
        scene = self.scene
        scene.stop_operator(operator)
        mark, began = scene.plane.audit.mark(), time.monotonic()
        operator = scene.start_operator()
        first = everyone = 0.0
        deadline = began + 120 + self.size / 4
        while time.monotonic() < deadline and not everyone:
            visits = _visits(operator)
            now = time.monotonic() - began
            first = first or (now if visits > 0 else 0.0)
            everyone = now if visits >= self.size else 0.0
            time.sleep(0.05)
        self._figure("operator", "restart", "start to first reconcile", first or math.inf, "s", at_most=3)
        self._figure("operator", "restart", "start to every clone visited", everyone or math.inf, "s")
        writes = [event for event in operator_writes(scene.plane, mark) if event.resource != "events"]
        self._figure("operator", "restart", "writes", len(writes), "", exactly=0)
        return operator

    def _storm(self, namespace: str, names: Sequence[str]) -> None:
        """Each writes every five seconds, as a job does at most."""
        scene = self.scene
        scene.write_progress(namespace, names, 1)
        self._settle()
        mark, rounds, began = scene.plane.audit.mark(), 6, time.monotonic()
        for number in range(rounds):
            scene.write_progress(namespace, names, 10 + 10 * number)
            time.sleep(max(0.0, began + (number + 1) * STORM_EVERY_S - time.monotonic()))
        took = time.monotonic() - began
        writes = [e for e in operator_writes(scene.plane, mark) if e.resource == "voiceclones" and e.verb in WRITES]
        each = len(writes) / len(names) / (took / STORM_EVERY_S)
        self._figure("operator", "storm", "status writes a clone in 5 s", each, "", at_most=1.0)

    def kopf_burst(self) -> None:
        """What a framework costs that hears the same and does nothing. The operator must not run."""
        scene, namespace = self.scene, self.scene.new_namespace()
        heard = scene.folder / f"heard-{self.size}-{self.repeat}.txt"
        heard.touch()
        environment = {
            "PATH": os.environ["PATH"],
            "KUBECONFIG": str(scene.plane.kubeconfig("admin")),
            "BENCH_HEARD_FILE": str(heard),
            "HOME": str(scene.folder),
        }
        command = [sys.executable, "-m", "kopf", "run", "--standalone", "--all-namespaces", "--quiet", str(NOOP)]
        with (scene.folder / "kopf.log").open("ab") as log:
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            began, mark = time.monotonic(), scene.plane.audit.mark()
            scene.create_clones(namespace, ["warm"], runtime="standard")
            scene.plane.wait(lambda: "/warm " in heard.read_text(), 60, "kopf hears")
            self._figure("kopf", "start", "start to first handler", time.monotonic() - began, "s")
            cpu = cpu_seconds(process.pid)
            scene.create_clones(namespace, names_of(self.size), runtime="standard")
            scene.plane.wait(
                lambda: len(heard.read_text().split("\n")) > self.size + 1, 60 + self.size, "kopf hears all"
            )
            applied = seen(scene.plane, mark, namespace).applied
            times = dict(line.split() for line in heard.read_text().splitlines())
            delays = [float(times[f"{namespace}/{name}"]) - applied[name] for name in names_of(self.size)]
            self._quantiles("kopf", "burst", "apply to handler", delays)
            self._figure("kopf", "burst", "CPU a clone", (cpu_seconds(process.pid) - cpu) / self.size, "s")
            self._figure("kopf", "burst", "resident memory", resident_mb(process.pid), "MB")
            self._rows("kopf", "burst", applied, {}, {name: float(times[f"{namespace}/{name}"]) for name in applied})
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        scene.empty(namespace, self.size)

    def _counted(self, regime: str, found: Seen) -> None:
        self._figure("operator", regime, "RayJobs created", found.num_jobs, "", exactly=self.size)
        twice = sum(len(times) > 1 for times in found.jobs.values())
        self._figure("operator", regime, "clones with two", twice, "", exactly=0)

    def _emptied(self, regime: str, namespace: str) -> None:
        left = self.scene.empty(namespace, self.size)
        self._figure("operator", regime, "left after deleting all", sum(left.values()), "", exactly=0)

    def _settle(self) -> None:
        """Until the operator has said nothing for a while, at most two minutes."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            mark = self.scene.plane.audit.mark()
            time.sleep(QUIET_S)
            if not operator_writes(self.scene.plane, mark):
                return

    def _wait_for(self, path: str, namespace: str) -> None:
        limit = 180 + 2 * self.size
        self.scene.plane.wait(lambda: self.scene.count(path, namespace) >= self.size, limit, f"{self.size} at {path}")

    def _delays(
        self, regime: str, jobs: Sequence[float], writes: Sequence[float], *, p99_at_most: float | None
    ) -> None:
        self._quantiles("operator", regime, "apply to first write", writes)
        self._quantiles("operator", regime, "apply to RayJob", jobs, p99_at_most=p99_at_most)

    def _quantiles(
        self, subject: str, regime: str, name: str, values: Sequence[float], *, p99_at_most: float | None = None
    ) -> None:
        self._figure(subject, regime, f"{name}, p50", quantile(values, 0.50), "s")
        self._figure(subject, regime, f"{name}, p99", quantile(values, 0.99), "s", at_most=p99_at_most)

    def _figure(
        self,
        subject: str,
        regime: str,
        name: str,
        value: float,
        unit: str,
        *,
        at_most: float | None = None,
        exactly: float | None = None,
    ) -> None:
        made = Figure(
            size=self.size,
            subject=subject,
            regime=regime,
            name=name,
            value=value,
            unit=unit,
            at_most=at_most,
            exactly=exactly,
        )
        self.figures.append(made)
        print(f"  {self.size:>5}  {subject:<12} {regime:<14} {name:<34} {value:.3f} {unit}", flush=True)

    def _own_rows(self, regime: str, found: Seen) -> None:
        jobs = {name: times[0] for name, times in found.jobs.items()}
        self._rows("operator", regime, found.applied, jobs, found.first_write)

    def _rows(
        self,
        subject: str,
        regime: str,
        applied: dict[str, float],
        jobs: dict[str, float],
        first: dict[str, float],
    ) -> None:
        for name, at in applied.items():
            self.rows.append(
                Row(
                    size=self.size,
                    repeat=self.repeat,
                    subject=subject,
                    regime=regime,
                    name=name,
                    applied=at,
                    job=jobs.get(name),
                    first_write=first.get(name),
                )
            )


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share does not exceed; not a number where there are none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


def _visits(operator: Operator) -> float:
    """How many visits to clones ended well, as the operator counts them; 0 while it does not answer."""
    try:
        lines = operator.get("/metrics").splitlines()
    except OSError:
        return 0.0
    name = 'clocktrain_operator_reconciles_total{result="done"}'
    return next((float(line.split()[-1]) for line in lines if line.startswith(name)), 0.0)
