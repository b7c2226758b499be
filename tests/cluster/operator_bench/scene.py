"""A control plane with what every regime needs, and clones, bare RayJobs and progress to fill it with."""

from __future__ import annotations

import contextlib
import copy
import json
import math
import secrets
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import urllib3

from harness.api import ApiError
from harness.control_plane import ControlPlane
from operator_process import OPERATOR_NAMESPACE, RUNTIME, Operator, clone, consent, install

PODS_A_CLONE, PODS_A_NODE = 3, 110
CLONES = "/apis/clocktrain.dev/v1alpha1/namespaces/{}/voiceclones"
JOBS = "/apis/ray.io/v1/namespaces/{}/rayjobs"
CLUSTERS = "/apis/ray.io/v1/namespaces/{}/rayclusters"
MAPS = "/api/v1/namespaces/{}/configmaps"
QUEUED = "queued"
"""A runtime whose queue lets nobody in: KubeRay and kwok have nothing to do, and what is left is the operator."""


class Scene:
    """One control plane, one operator at a time."""

    def __init__(self, plane: ControlPlane, folder: Path) -> None:
        self.plane, self.folder = plane, folder
        self._operators = 0
        self._template: dict[str, Any] = {}
        install(plane)
        plane.apply({**RUNTIME, "metadata": {"name": QUEUED}, "spec": {**RUNTIME["spec"], "queueName": "closed"}})

    def start_operator(self) -> Operator:
        """Start, without waiting."""
        self._operators += 1
        return Operator(self.plane, self.folder, self._operators)

    def ready_operator(self) -> Operator:
        """Start, and wait until it acts."""
        operator = self.start_operator()
        self.plane.wait(lambda: operator.is_ready() and operator.leads(), 90, "the operator is ready")
        return operator

    def stop_operator(self, operator: Operator) -> None:
        """In order; the lease is free afterwards."""
        operator.stop()
        path = f"/apis/coordination.k8s.io/v1/namespaces/{OPERATOR_NAMESPACE}/leases/voiceclone-operator"
        try:
            self.plane.api.delete(path)
        except ApiError as error:
            if error.status != 404:
                raise

    def room_for(self, count: int) -> None:
        """Nodes for so many clones at once."""
        have = len(self.plane.ready_nodes())
        wanted = math.ceil(count * PODS_A_CLONE / PODS_A_NODE) + 8
        if wanted > have:
            self.plane.add_nodes("cpu", wanted - have)

    def new_namespace(self) -> str:
        """With the consent that clones name."""
        name = self.plane.new_namespace(f"bench-{secrets.token_hex(3)}")
        self.plane.apply(consent(name))
        return name

    def create_clones(self, namespace: str, names: Iterable[str], *, runtime: str, rate: float | None = None) -> None:
        """One client, one after another: as fast as it is answered, or so many a second whatever the answers take."""
        began = time.monotonic()
        for number, name in enumerate(names):
            if rate is not None:
                time.sleep(max(0.0, began + number / rate - time.monotonic()))
            self.plane.api.create(CLONES.format(namespace), clone(namespace, name, runtimeRef={"name": runtime}))

    def create_bare_jobs(self, namespace: str, names: Iterable[str]) -> None:
        """RayJobs as the operator makes them, by a loop of the same client."""
        account = self._template["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]["serviceAccountName"]
        self.plane.api.create(f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": account}})
        for name in names:
            manifest = copy.deepcopy(self._template)
            manifest["metadata"] = {"name": name, "namespace": namespace}
            self.plane.api.create(JOBS.format(namespace), manifest)

    def learn_template(self) -> None:
        """The RayJob that the operator makes for a clone, for the baseline to make the same."""
        namespace = self.new_namespace()
        self.create_clones(namespace, ["first"], runtime="standard")
        self.plane.wait(lambda: self.count(JOBS, namespace) == 1, 60, "a RayJob to learn from")
        found = self.plane.api.get(JOBS.format(namespace))["items"][0]
        self._template = {"apiVersion": "ray.io/v1", "kind": "RayJob", "spec": found["spec"]}
        self._template["spec"].pop("jobId", None)
        self.empty(namespace, 1)

    def count(self, path: str, namespace: str) -> int:
        """Objects at a path."""
        return len(self._names(path, namespace))

    def _names(self, path: str, namespace: str) -> list[str]:
        try:
            return [each["metadata"]["name"] for each in self.plane.api.get(path.format(namespace))["items"]]
        except urllib3.exceptions.HTTPError as error:  # a server that is slow is asked again, within the wait's bound
            raise AssertionError(str(error)) from error

    def _delete_all(self, path: str, namespace: str) -> None:
        """One by one: a whole collection takes longer than one request may."""
        for name in self._names(path, namespace):
            try:
                self.plane.api.delete(f"{path.format(namespace)}/{name}")
            except urllib3.exceptions.HTTPError:
                continue  # it was asked; whether it goes is seen afterwards
            except ApiError as error:
                if error.status != 404:
                    raise

    def empty(self, namespace: str, count: int) -> dict[str, int]:
        """Delete every clone and bare RayJob and wait for all that was theirs; what is left after that, by kind."""
        self._delete_all(CLONES, namespace)
        self.plane.wait(lambda: self.count(CLONES, namespace) == 0, 120 + count, "the clones are gone")
        self._delete_all(JOBS, namespace)
        kinds = {"RayJob": JOBS, "RayCluster": CLUSTERS, "Pod": "/api/v1/namespaces/{}/pods"}

        def left() -> dict[str, int]:
            found = {kind: self.count(path, namespace) for kind, path in kinds.items()}
            found["ConfigMap"] = sum(name != "kube-root-ca.crt" for name in self._names(MAPS, namespace))
            return {kind: number for kind, number in found.items() if number}

        with contextlib.suppress(AssertionError):
            self.plane.wait(lambda: not left(), 180 + count, "nothing is left")
        found = left()
        if not found:
            self.plane.api.delete(f"/api/v1/namespaces/{namespace}")
        return found

    def write_progress(self, namespace: str, names: Iterable[str], step: int) -> None:
        """What each clone's job would write into its mailbox."""
        letter = {"attempt": 1, "state": "running", "stage": "Pretrain", "step": step, "totalSteps": 1000}
        body = {"data": {"progress": json.dumps({**letter, "percent": step // 10, "etaSeconds": 1000 - step})}}
        for name in names:
            self.plane.api.merge(f"{MAPS.format(namespace)}/{name}-progress", body)


def names_of(count: int) -> list[str]:
    """Of clones: c0 …"""
    return [f"c{number}" for number in range(count)]


def resident_mb(pid: int) -> float:
    """Resident memory of a process now."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")) / 1000


def cpu_seconds(pid: int) -> float:
    """CPU time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
