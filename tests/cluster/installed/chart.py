"""`helm install`, as the install guide says, with what this cluster has."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from pathlib import Path
from typing import Any

from harness import kuberay
from harness.real_cluster import RealCluster
from installed.manifests import KEYS, file_secret, secret
from installed.storage import BUCKET, CREDENTIAL, ENDPOINT

ROOT = Path(__file__).parents[3]
NAMESPACE = "clocktrain"
HELM_LIMIT_S = 600.0
IMAGE_USER = 10_001
"""Of every image of ours."""
VOLUMES = ("tracker", "spoken", "handed")
"""Of MLflow, and of the logs of Triton and the gateway."""
DOORS = {"http": 8880, "grpc": 8881}
SIGN_IN = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
"""What a namespace of voices needs of it."""


def sign_in() -> dict[str, str]:
    """Of MLflow; made anew for each cluster."""
    return {
        "MLFLOW_TRACKING_USERNAME": "clocktrain",
        "MLFLOW_TRACKING_PASSWORD": secrets.token_urlsafe(24),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_urlsafe(24),
    }


def install_chart(cluster: RealCluster, tracker: dict[str, str], tracker_port: int, keys: Path) -> None:
    """Operator and MLflow, ready.

    Args:
        cluster: the nodes.
        tracker: sign-in of MLflow.
        keys: folder of what bundles are signed and sounds marked with.
        tracker_port: of this machine's loopback, where MLflow is going to be reached: it answers to exact names only.
    """
    cluster.plane.new_namespace(NAMESPACE, labels={"pod-security.kubernetes.io/enforce": "restricted"})
    cluster.plane.apply(
        [
            secret("storage", NAMESPACE, CREDENTIAL),
            secret("tracker", NAMESPACE, tracker),
            file_secret(KEYS, NAMESPACE, keys),
            secret("erasing", NAMESPACE, {**CREDENTIAL, **tracker}),
            *(part for name in VOLUMES for part in _volume(cluster, name)),
        ]
    )
    _release(cluster, "install", values(tracker_port))


def upgrade_chart(cluster: RealCluster, tracker_port: int, **operator: Any) -> None:
    """The same chart with other settings of the operator, and its pods rolled."""
    changed = values(tracker_port)
    changed["operator"] |= operator
    _release(cluster, "upgrade", changed)


def serve(cluster: RealCluster, tracker_port: int, *bundles: str, by_gateway: bool = False, **gateway: Any) -> None:
    """The same chart with Triton, and these bundles in it; returns when they can speak.

    Args:
        cluster: the nodes.
        tracker_port: as for ``install_chart``.
        bundles: by their URIs.
        by_gateway: whether a gateway stands before it.
        gateway: other values of it.
    """
    served: dict[str, Any] = {
        "triton": {
            "enabled": True,
            "image": {"repository": "localhost/clocktrain-triton", "pullPolicy": "Never"},
            "voices": list(bundles),
            "keysSecretName": KEYS,
            "persistence": {"existingClaim": VOLUMES[1]},
        },
        "gateway": {
            "enabled": by_gateway,
            "image": {"repository": "localhost/clocktrain-gateway", "pullPolicy": "Never"},
            "persistence": {"existingClaim": VOLUMES[2]},
            # of a port-forward nobody reads along
            "tls": {"plaintext": True},
            **gateway,
        },
    }
    _release(cluster, "upgrade", values(tracker_port) | served)


def values(tracker_port: int) -> dict[str, Any]:
    """What this cluster differs in from the chart's own values."""
    return {
        "operator": {
            "image": {"repository": "localhost/clocktrain-operator", "pullPolicy": "Never"},
            "cleanupSecretName": "erasing",
        },
        "mlflow": {
            "image": {"repository": "localhost/clocktrain-trainer", "pullPolicy": "Never"},
            "auth": {"existingSecret": "tracker"},
            "persistence": {"existingClaim": VOLUMES[0]},
            "allowedHosts": [f"127.0.0.1:{tracker_port}"],
            "workers": 1,
        },
        "storage": {"endpointURL": ENDPOINT, "bucket": BUCKET, "secretName": "storage"},
        "kuberay": {"namespace": kuberay.NAMESPACE},
    }


def helm(cluster: RealCluster, *words: str) -> str:
    """Stock helm; raises AssertionError with what it said."""
    program = cluster.run.folder.path / "bin" / "helm"
    done = subprocess.run(
        [str(program), *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=HELM_LIMIT_S,
        check=False,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(cluster.run.folder.path),
            "KUBECONFIG": str(cluster.plane.kubeconfig("admin")),
        },
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _release(cluster: RealCluster, verb: str, settings: dict[str, Any]) -> None:
    """Install or upgrade, and wait until its pods are ready."""
    path = cluster.run.folder.path / "values.json"
    path.write_text(json.dumps(settings), encoding="utf-8")
    words = ["-n", NAMESPACE, "-f", str(path), "--wait", f"--timeout={HELM_LIMIT_S - 20:.0f}s"]
    helm(cluster, verb, "clocktrain", "charts/clocktrain", *words)


def _volume(cluster: RealCluster, name: str) -> list[dict[str, Any]]:
    """A folder that every node sees, since there is no provisioner here."""
    folder = cluster.run.folder.path / name
    folder.mkdir()
    os.chown(folder, IMAGE_USER, IMAGE_USER)
    size = {"storage": "10Gi"}
    return [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": name},
            "spec": {
                "capacity": size,
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "",
                "hostPath": {"path": str(folder)},
                "claimRef": {"name": name, "namespace": NAMESPACE},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "",
                "volumeName": name,
                "resources": {"requests": size},
            },
        },
    ]
