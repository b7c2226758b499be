"""The chart as it is installed in a real control plane, where kwok plays the pods."""

from __future__ import annotations

from pathlib import Path

from chart_tool import CHART, S3, Object, helm

from harness.control_plane import ControlPlane

RELEASE = NAMESPACE = "clocktrain"
WAIT = ("--wait", "--timeout", "180s")


class Release:
    """The chart as it is installed in a real control plane, where kwok plays the pods."""

    def __init__(self, plane: ControlPlane) -> None:
        self.plane = plane
        self.kubeconfig = plane.kubeconfig("admin")

    def upgrade(self, values: Object | None = None, *, chart: Path = CHART) -> str:
        """Install, or change to these values over the bundled store; returns what Helm says."""
        words = ["upgrade", "--install", RELEASE, str(chart), "--namespace", NAMESPACE, *WAIT]
        return self.helm(*words, values={**S3, **(values or {})})

    def helm(self, *words: str, values: Object | None = None) -> str:
        """Helm against this cluster."""
        return helm(*words, values=values, kubeconfig=self.kubeconfig)

    def get(self, path: str) -> Object:
        """An object."""
        return self.plane.api.get(path)

    def mine(self, kind: str, name: str, group: str = "api/v1") -> Object:
        """An object of the release's namespace."""
        return self.get(f"/{group}/namespaces/{NAMESPACE}/{kind}/{name}")

    def passwords(self) -> dict[str, dict[str, str]]:
        """Secret → what is in it."""
        names = ("clocktrain-mlflow", "clocktrain-storage")
        return {name: self.mine("secrets", name)["data"] for name in names}

    def log_level(self) -> str:
        """What the operator is started with."""
        found = self.mine("deployments", "clocktrain-operator", "apis/apps/v1")
        args = found["spec"]["template"]["spec"]["containers"][0]["args"]
        return next(word.partition("=")[2] for word in args if word.startswith("--log-level"))
