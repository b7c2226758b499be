"""The operator as a process beside a control plane, and clones to give it."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from clock_train.crd.schema import definitions
from harness.api import ApiError
from harness.control_plane import ControlPlane
from harness.ports import Ports

PORTS = Ports()
ROOT = Path(__file__).parents[2]
OPERATOR_NAMESPACE = "clocktrain"
OPERATOR_USER = "voiceclone-operator"
"""By which the audit log knows its requests."""
RUN_MAIN = "import sys; from voiceclone_operator.__main__ import main; sys.exit(main())"
RUNTIME: dict[str, Any] = {
    "apiVersion": "clocktrain.dev/v1alpha1",
    "kind": "VoiceTrainingRuntime",
    "metadata": {"name": "standard"},
    "spec": {
        "images": {"trainer": "registry.example/trainer:1"},
        "acceleratorClasses": [
            {"name": "cpu", "resources": {"cpu": "100m", "memory": "128Mi"}, "pricePerHour": "0.50"},
            {
                "name": "nvidia-t4",
                "nodeSelector": {"clocktrain.dev/accelerator": "nvidia-t4"},
                "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
                "resources": {"cpu": "1", "memory": "1Gi", "acceleratorResourceName": "nvidia.com/gpu"},
                "pricePerHour": "2",
            },
        ],
        "head": {"cpu": "100m", "memory": "128Mi"},
        "currency": "EUR",
        "storage": {"endpointURL": "http://127.0.0.1:9", "bucket": "clocktrain", "secretName": "storage"},
        "keys": {"secretName": "keys"},
        "retries": {"limit": 3, "backoffSeconds": 1},
    },
}


def consent(namespace: str, name: str = "anna-2026", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "clocktrain.dev/v1alpha1",
        "kind": "VoiceConsent",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "speaker": "anna",
            "purposes": ["Announcements"],
            "territories": ["DE"],
            "expirationTime": "2030-01-01T00:00:00Z",
            "statement": {"recordingURI": "s3://clocktrain/voices/consents/anna.wav", "sha256": "cd" * 32},
            **spec,
        },
    }


def clone(namespace: str, name: str = "anna", **spec: Any) -> dict[str, Any]:
    corpus = {"uri": f"s3://clocktrain/{namespace}/corpora/anna", "revision": "3f2a"}
    return {
        "apiVersion": "clocktrain.dev/v1alpha1",
        "kind": "VoiceClone",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "runtimeRef": {"name": "standard"},
            "speakers": [{"name": "anna", "corpus": corpus, "consentRef": {"name": "anna-2026"}}],
            "preset": "Demo",
            **spec,
        },
    }


class Operator:
    """One replica."""

    def __init__(
        self,
        plane: ControlPlane,
        folder: Path,
        number: int,
        *options: str,
        server: str | None = None,
        fault: str = "",
    ) -> None:
        """Start it.

        Args:
            plane: what it is the operator of.
            folder: for its log.
            number: of the replica.
            options: more words of its command line.
            server: how it reaches the API server, where not straight.
            fault: Python that its process runs first, which builds a mistake in.
        """
        self.log_path = folder / f"operator-{number}.log"
        self.port = PORTS.take()
        kubeconfig = plane.kubeconfig(OPERATOR_USER, groups=["system:masters"], server=server)
        program = ["-c", f"{fault}\n{RUN_MAIN}"] if fault else ["-m", "voiceclone_operator"]
        words = ["--namespace", OPERATOR_NAMESPACE, "--port", str(self.port), *options]
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *program, *words],
                env={
                    "PATH": os.environ["PATH"],
                    "KUBECONFIG": str(kubeconfig),
                    "PYTHONPATH": f"{ROOT / 'platform'}:{ROOT / 'operators'}",
                    "AWS_ACCESS_KEY_ID": "none",
                    "AWS_SECRET_ACCESS_KEY": "none",
                },
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def log(self) -> str:
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
            return answer.read().decode()

    def is_ready(self) -> bool:
        try:
            return self.get("/readyz") == "ok\n"
        except OSError:
            return False

    def leads(self) -> bool:
        try:
            return "clocktrain_operator_leader 1.0" in self.get("/metrics")
        except OSError:
            return False

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()


class Operators:
    """Those of one test; ended with it. Their logs hold no traceback."""

    def __init__(self, plane: ControlPlane, folder: Path) -> None:
        self.plane, self.folder = plane, folder
        self.all: list[Operator] = []

    def start(self, *options: str, server: str | None = None, fault: str = "") -> Operator:
        made = Operator(self.plane, self.folder, len(self.all), *options, server=server, fault=fault)
        self.all.append(made)
        return made

    def lose(self, replica: Operator) -> None:
        """It is killed, and the next one need not wait for its lease."""
        replica.kill()
        self.plane.kubectl("delete", "lease", "voiceclone-operator", "-n", OPERATOR_NAMESPACE, "--ignore-not-found")

    def check_logs(self) -> None:
        for each in self.all:
            assert "Traceback" not in each.log(), each.log()[-4000:]


@contextmanager
def operators(plane: ControlPlane, folder: Path) -> Iterator[Operators]:
    made = Operators(plane, folder)
    try:
        yield made
    finally:
        for each in made.all:
            if each.process.poll() is None:
                each.stop()
        with suppress(ApiError):  # the next test's operator need not wait for this one's lease
            plane.api.delete(f"/apis/coordination.k8s.io/v1/namespaces/{OPERATOR_NAMESPACE}/leases/voiceclone-operator")
    made.check_logs()


def install(plane: ControlPlane) -> None:
    """Definitions, the runtime and the operator's namespace."""
    plane.apply(list(definitions().values()))
    plane.wait(lambda: plane.kubectl("get", "crd", "voiceclones.clocktrain.dev", "-o", "name", check=False), 30)
    plane.wait(lambda: "standard" in _applied(plane, RUNTIME), 30, "the runtime is taken")
    if OPERATOR_NAMESPACE not in plane.kubectl("get", "namespaces", "-o", "name"):
        plane.new_namespace(OPERATOR_NAMESPACE)


def _applied(plane: ControlPlane, manifest: dict[str, Any]) -> str:
    try:
        return plane.apply(copy.deepcopy(manifest))
    except Exception as error:
        return str(error)[:0]


class Clones:
    """The clones of one namespace, as a person with kubectl sees them, and jobs that the test plays."""

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        self.plane, self.namespace = plane, namespace
        plane.apply(consent(namespace))

    def apply(self, name: str = "anna", **spec: Any) -> None:
        self.plane.apply(clone(self.namespace, name, **spec))

    def get(self, name: str = "anna") -> dict[str, Any]:
        text = self.plane.kubectl("get", "vc", name, "-n", self.namespace, "-o", "json", check=False)
        return json.loads(text) if text.strip().startswith("{") else {}

    def condition(self, kind: str, name: str = "anna") -> tuple[str, str]:
        for each in (self.get(name).get("status") or {}).get("conditions", []):
            if each["type"] == kind:
                return each["status"], each["reason"]
        return "", ""

    def jobs(self) -> list[dict[str, Any]]:
        return json.loads(self.plane.kubectl("get", "rayjobs", "-n", self.namespace, "-o", "json"))["items"]

    def wait(self, predicate: Callable[[], Any], seconds: float = 60, what: str = "") -> Any:
        return self.plane.wait(predicate, seconds, what)

    def wait_for(self, kind: str, status: str, reason: str, name: str = "anna", seconds: float = 60) -> None:
        self.wait(lambda: self.condition(kind, name) == (status, reason), seconds, f"{name}: {kind} {status} {reason}")

    def write(self, attempt: int, name: str = "anna", **values: Any) -> None:
        """The job writes into its mailbox."""
        letter = json.dumps({"attempt": attempt, "state": "running", **values})
        patch = json.dumps({"data": {"progress": letter}})
        self.plane.kubectl("patch", "configmap", f"{name}-progress", "-n", self.namespace, "--type=merge", "-p", patch)

    def saved(self, attempt: int, step: int, name: str = "anna", **more: Any) -> None:
        uid = self.get(name)["metadata"]["uid"]
        key = f"{self.namespace}/runs/{uid}/attempt-{attempt}/checkpoints/step-{step}"
        saved = {"key": key, "step": step, "saveTime": "2026-11-24T12:00:00+00:00"}
        self.write(attempt, name, stage="Pretrain", step=step, totalSteps=100, percent=step, checkpoint=saved, **more)

    def finished(self, attempt: int, name: str = "anna", digest: str = "ab" * 32) -> None:
        bundle = {"key": f"{self.namespace}/bundles/{digest}", "digest": digest}
        metrics = {"speaker_similarity/speech": 0.8}
        self.write(attempt, name, stage="Export", state="finished", bundle=bundle, metrics=metrics, gate=[])
        self.end_job(attempt, "SUCCEEDED", name)

    def end_job(self, attempt: int, status: str, name: str = "anna") -> None:
        """Ray says how the job ended; KubeRay asks nobody here, since no Ray runs behind kwok's pods."""
        deployment = "Complete" if status == "SUCCEEDED" else "Failed"
        patch = json.dumps({"status": {"jobStatus": status, "jobDeploymentStatus": deployment}})
        uid = self.get(name)["metadata"]["uid"].replace("-", "")[:8]
        job = f"{name}-{uid}-{attempt}"
        self.plane.kubectl(
            "patch", "rayjob", job, "-n", self.namespace, "--subresource=status", "--type=merge", "-p", patch
        )

    def control(self, name: str = "anna") -> str:
        text = self.plane.kubectl(
            "get", "configmap", f"{name}-progress", "-n", self.namespace, "-o", "jsonpath={.data.control}", check=False
        )
        return text.strip()


def consistently(predicate: Callable[[], Any], seconds: float, what: str) -> None:
    """What must not come does not."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert predicate(), what
        time.sleep(0.5)
