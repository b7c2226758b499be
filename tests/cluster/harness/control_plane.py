"""A Kubernetes control plane on loopback that needs no root: what is real in it, and what kwok plays.

Real: etcd, the API server (RBAC, admission, CEL, audit), the controllers, the scheduler, KubeRay's operator. Played by
kwok: the nodes and what runs on them: a pod that is scheduled is Running and Ready at once, a Job's pod has succeeded,
and no program ever starts.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml

from assets.build import folder as asset_folder
from assets.build import program
from harness import components, kuberay, load
from harness.api import Api
from harness.audit import POLICY, AuditEvent, AuditLog
from harness.nodes import node
from harness.pki import Authority, write_kubeconfig
from harness.processes import Process
from harness.ray_dashboard import RayDashboard
from harness.run import Run
from harness.stages import write_stages
from harness.waiting import T, eventually

READY_LIMIT_S = 120.0
"""Ready takes seconds (docs/test-cluster.md); the rest is for two cores that others use as well."""
COMMAND_LIMIT_S = 120.0
NODES = {"nvidia-t4": 3, "nvidia-a100": 2, "cpu": 3}


class ControlPlane:
    """One control plane; a context manager. Several may run side by side.

    Args:
        nodes: accelerator class → how many nodes kwok plays (`add_nodes` adds to them later).
        kuberay: whether KubeRay's CRDs and operator are there; `start_kuberay` brings them later.
        run: the run to belong to; one of its own, which ends with it, unless given.
        place: the network to run in.
        load: whether a metrics-server knows what pods use, which is what their annotations say (see ``load``).
    """

    def __init__(
        self,
        *,
        nodes: Mapping[str, int] | None = None,
        kuberay: bool = True,
        run: Run | None = None,
        place: components.Place | None = None,
        load: bool = False,
    ) -> None:
        self._node_counts = dict(NODES if nodes is None else nodes)
        self._has_kuberay, self._has_load = kuberay, load
        self._given_run = run
        self._place = place or components.Place()
        self._dashboard: RayDashboard | None = None
        self.processes: dict[str, Process] = {}
        """By name: etcd, apiserver, controller-manager, scheduler, kwok, kuberay."""
        self.ready_after_s = 0.0
        """How long `start` took."""

    def __enter__(self) -> ControlPlane:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Start everything and wait until it is ready.

        Raises:
            AssetUnavailable: a program is missing and cannot be built.
            AssertionError, RuntimeError: a component is not ready in time, or ended; with the end of its log. What was
                started is stopped.
        """
        played = ["kwok"] if self._node_counts else []
        rays = ["ray-operator"] if self._has_kuberay else []
        told = ["metrics-server"] if self._has_load else []
        programs = {name: program(name) for name in [*components.PROGRAMS, *played, *rays, *told]}
        started = time.monotonic()
        self.run = self._given_run or Run()
        try:
            self._start(programs)
        except BaseException:
            self.stop()
            raise
        self.ready_after_s = time.monotonic() - started

    def stop(self) -> None:
        """End everything, without grace since nothing is kept, and its run, unless that was given; may be repeated."""
        for process in reversed(self.processes.values()):
            process.kill()
        self.processes.clear()
        if self._dashboard is not None:
            self._dashboard.close()
            self._dashboard = None
        if self._given_run is None:
            self.run.end()

    # Components

    def kill(self, name: str) -> None:
        """End a component as a crash would."""
        self.processes[name].kill()

    def stop_component(self, name: str) -> None:
        """End a component in order, as an upgrade would."""
        self.processes[name].stop()

    def start_component(self, name: str) -> None:
        """Start a component that was stopped or killed, on its old port and data, and wait until it is ready."""
        self.processes[name].start()
        self.processes[name].wait_ready(READY_LIMIT_S)

    def restart(self, name: str) -> None:
        """Stop a component in order and start it again."""
        self.stop_component(name)
        self.start_component(name)

    def pause(self, name: str) -> None:
        """Freeze a component: its connections stay open and nothing answers."""
        self.processes[name].pause()

    def resume(self, name: str) -> None:
        """Let a frozen component go on."""
        self.processes[name].resume()

    # Users

    def kubeconfig(
        self,
        user: str = "admin",
        groups: Sequence[str] | None = None,
        namespace: str = "default",
        server: str | None = None,
    ) -> Path:
        """A kubeconfig of any user, known by certificate; `admin` may do everything, others what RBAC grants them.

        Args:
            groups: the user's groups; ``system:masters`` for `admin` unless given.
            server: another way to the API server, such as a relay's port.
        """
        certificate, key = self._certificate(user, groups)
        words = {"client-certificate": str(certificate), "client-key": str(key)}
        return self._write_kubeconfig(user, words, namespace=namespace, server=server or self.server)

    def service_account_kubeconfig(self, namespace: str, name: str) -> Path:
        """A kubeconfig with a fresh token of a service account, as a pod would have it."""
        return self._write_kubeconfig(
            f"{namespace}-{name}", {"token": self.token(namespace, name)}, namespace=namespace, server=self.server
        )

    def token(self, namespace: str, name: str) -> str:
        """A token of a service account, good for an hour."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        return self.api.create(path, request)["status"]["token"]

    def api_as(self, user: str, groups: Sequence[str] | None = None, server: str | None = None) -> Api:
        """A client of any user, known by certificate; `server` as for `kubeconfig`."""
        certificate = self._certificate(user, groups)
        return Api(server or self.server, self.authority.certificate_path, certificate=certificate)

    # Objects

    def kubectl(self, *words: str, given: str | None = None, check: bool = True, kubeconfig: Path | None = None) -> str:
        """What kubectl prints.

        Args:
            given: its standard input.
            check: whether a failure raises; else what it said on standard error is returned too.
        Raises:
            AssertionError: it failed; with what it said.
        """
        run = subprocess.run(
            [self._kubectl, "--kubeconfig", str(kubeconfig or self._admin_kubeconfig), *words],
            env=self.run.environment(),
            input=given,
            capture_output=True,
            text=True,
            timeout=COMMAND_LIMIT_S,
            check=False,
        )
        if check:
            assert run.returncode == 0, f"kubectl {' '.join(words)} failed: {run.stderr.strip()}"
            return run.stdout
        return run.stdout + run.stderr

    def apply(self, manifests: Path | str | dict[str, Any] | Iterable[dict[str, Any]], *words: str) -> str:
        """Server-side apply of a file, of YAML text, of an object or of several."""
        if isinstance(manifests, Path):
            text = manifests.read_text(encoding="utf-8")
        elif isinstance(manifests, str):
            text = manifests
        else:
            several = [manifests] if isinstance(manifests, dict) else list(manifests)
            text = yaml.safe_dump_all(several, allow_unicode=True)
        return self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", *words, given=text)

    def wait(self, predicate: Callable[[], T], timeout_s: float = 30.0, what: str = "") -> T:
        """Poll until `predicate` returns something true; see `harness.waiting.eventually`."""
        return eventually(predicate, timeout_s=timeout_s, what=what)

    def pods(self, namespace: str, selector: str = "") -> list[dict[str, Any]]:
        """The pods of a namespace, by label selector."""
        query = f"?labelSelector={selector}" if selector else ""
        return self.api.get(f"/api/v1/namespaces/{namespace}/pods{query}")["items"]

    def new_namespace(self, name: str, labels: Mapping[str, str] | None = None) -> str:
        """A namespace that pods can be made in: its default service account is there."""
        self.api.create("/api/v1/namespaces", {"metadata": {"name": name, "labels": dict(labels or {})}})
        accounts = f"/api/v1/namespaces/{name}/serviceaccounts"
        eventually(
            lambda: any(account["metadata"]["name"] == "default" for account in self.api.get(accounts)["items"]),
            timeout_s=READY_LIMIT_S,
            what=f"the default service account of {name}",
        )
        return name

    def add_nodes(self, accelerator: str, count: int) -> list[str]:
        """More nodes of a class, Ready; returns their names."""
        have = self._node_totals.get(accelerator, 0)
        names = []
        for number in range(have, have + count):
            made = self.api.create("/api/v1/nodes", node(accelerator, number))
            names.append(made["metadata"]["name"])
        self._node_totals[accelerator] = have + count
        eventually(lambda: set(names) <= set(self.ready_nodes()), timeout_s=READY_LIMIT_S, what=f"nodes {names} Ready")
        return names

    def ready_nodes(self) -> list[str]:
        """The names of the nodes that are Ready."""
        return [
            found["metadata"]["name"]
            for found in self.api.get("/api/v1/nodes")["items"]
            for condition in found["status"].get("conditions", [])
            if condition["type"] == "Ready" and condition["status"] == "True"
        ]

    def audit_events(self, **words: Any) -> list[AuditEvent]:
        """What the API server was asked; see `harness.audit.AuditLog.events`."""
        return self.audit.events(**words)

    def log(self, name: str) -> str:
        """All that a component said."""
        return self.processes[name].log_path.read_text(encoding="utf-8", errors="replace")

    # KubeRay

    def start_kuberay(self) -> None:
        """KubeRay's CRDs, its own role from its own files, and its operator, which runs beside the API server.

        No Ray runs behind kwok's pods: every job is RUNNING to KubeRay until `end_ray_job`.
        """
        if self._dashboard is None:
            self._dashboard = RayDashboard()
        kuberay.apply_kinds(self.api)
        self.api.apply("/apis/rbac.authorization.k8s.io/v1/clusterroles/kuberay-operator", kuberay.role())
        self.grant("kuberay-operator", "kuberay-operator")
        kubeconfig = self.kubeconfig("kuberay-operator")
        port = self.run.ports.take()
        self._add(
            components.kuberay(
                program("ray-operator"), kubeconfig, probe_port=port, metrics_port=self.run.ports.take()
            ),
            is_ready=components.answers(f"http://127.0.0.1:{port}/readyz"),
            environment={"HTTP_PROXY": self._dashboard.url},
        )
        self.start_component("kuberay")

    def end_ray_job(self, namespace: str, name: str, status: str = "SUCCEEDED", message: str = "") -> None:
        """Play the end of a RayJob's program: Ray's dashboard says so, and the submitter that waited for it is done.

        Args:
            status: SUCCEEDED, FAILED or STOPPED; the submitter succeeds in any case, since it only followed the log.
        """
        assert self._dashboard, "KubeRay was not started"
        job = self.api.get(f"/apis/ray.io/v1/namespaces/{namespace}/rayjobs/{name}")
        self._dashboard.end(job["status"]["jobId"], status, message)
        for pod in self.pods(namespace, f"batch.kubernetes.io/job-name={name}"):
            path = f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}/status"
            self.api.merge(path, {"status": {"phase": "Succeeded"}})

    def grant(self, user: str, cluster_role: str) -> None:
        """Bind a cluster role to a user everywhere."""
        self.api.apply(
            f"/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/{user}-{cluster_role}".replace(":", "-"),
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "ClusterRoleBinding",
                "metadata": {"name": f"{user}-{cluster_role}".replace(":", "-")},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": cluster_role},
                "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
            },
        )

    # Start, step by step

    def _start(self, programs: Mapping[str, Path]) -> None:
        self._node_totals: dict[str, int] = {}
        self._certificates: dict[tuple[str, tuple[str, ...]], tuple[Path, Path]] = {}
        self._kubectl = str(programs["kubectl"])
        self.authority = Authority(self.run.folder.path / "pki")
        ports = components.PlanePorts(*(self.run.ports.take() for _ in range(5)))
        self.server = f"https://127.0.0.1:{ports.apiserver}"
        self.api_port = ports.apiserver
        self._place.expose(ports)
        self.audit = AuditLog(self.run.logs / "audit.jsonl")
        self.api = self.api_as("admin")
        self._admin_kubeconfig = self.kubeconfig("admin")
        policy = self.run.folder.path / "audit-policy.json"
        policy.write_text(json.dumps(POLICY), encoding="utf-8")
        plane = components.Plane(
            folder=self.run.folder.path,
            programs=programs,
            ports=ports,
            authority=self.authority,
            place=self._place,
            audit_policy=policy,
            audit_log=self.audit.path,
        )
        self._add(components.etcd(plane), components.answers(f"http://127.0.0.1:{ports.etcd}/readyz"))
        self.start_component("etcd")
        self._add(components.apiserver(plane), self.api.is_ready)
        self.start_component("apiserver")
        local = f"https://127.0.0.1:{ports.controller_manager}/healthz"
        self._add(
            components.controller_manager(plane, self.kubeconfig("system:kube-controller-manager")),
            components.answers(local),
        )
        self._add(
            components.scheduler(plane, self.kubeconfig("system:kube-scheduler")),
            components.answers(f"https://127.0.0.1:{ports.scheduler}/readyz"),
        )
        later = ["controller-manager", "scheduler"]
        if self._node_counts:
            kwok_port = self.run.ports.take()
            self._add(
                components.kwok(
                    plane,
                    self.kubeconfig("kwok", ["system:masters"]),
                    write_stages(self.run.folder.path / "stages.yaml", asset_folder("kwok-files")),
                    kwok_port,
                    tells_load=self._has_load,
                ),
                components.answers(f"http://127.0.0.1:{kwok_port}/healthz"),
            )
            later.append("kwok")
        if self._has_load:
            port = self.run.ports.take()
            kubeconfig = self.kubeconfig("metrics-server", ["system:masters"])
            self._add(
                components.metrics_server(plane, programs["metrics-server"], kubeconfig, port),
                components.answers(f"https://127.0.0.1:{port}/livez"),
            )
            self.apply(load.registration(port))
            later.append("metrics-server")
        for name in later:
            self.processes[name].start()
        if self._has_kuberay:
            self.start_kuberay()
        for name in later:
            self.processes[name].wait_ready(READY_LIMIT_S)
        for accelerator, count in self._node_counts.items():
            self.add_nodes(accelerator, count)

    def _add(
        self,
        started: tuple[str, list[str]],
        is_ready: Callable[[], object],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        name, command = started
        self.processes[name] = Process(
            name,
            [*self._place.enter, *command],
            log_path=self.run.logs / f"{name}.log",
            environment={**self.run.environment(), **(environment or {})},
            is_ready=is_ready,
        )

    def _certificate(self, user: str, groups: Sequence[str] | None) -> tuple[Path, Path]:
        member_of = tuple((["system:masters"] if user == "admin" else []) if groups is None else groups)
        known = (user, member_of)
        if known not in self._certificates:  # written once: running clients read the files again
            name = f"{_file_name(user)}-{len(self._certificates)}"
            self._certificates[known] = self.authority.issue(name, common_name=user, groups=member_of)
        return self._certificates[known]

    def _write_kubeconfig(self, name: str, user: dict[str, str], *, namespace: str, server: str) -> Path:
        way = server.rpartition("/")[2].replace(":", "-")
        return write_kubeconfig(
            self.run.folder.path / f"{_file_name(name)}.{namespace}.{way}.kubeconfig",
            server=server,
            authority=self.authority.certificate_path,
            user=user,
            namespace=namespace,
        )


def _file_name(user: str) -> str:
    return user.replace(":", "-").replace("/", "-")
