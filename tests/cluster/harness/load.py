"""The load of pods as a cluster knows it: a real metrics-server, which asks the nodes that kwok plays.

What a pod uses is what its annotation says; everything above it is real: scraping, rates, the aggregated API, and who
asks it, such as an autoscaler.
"""

from __future__ import annotations

from typing import Any

USAGE = "kwok.x-k8s.io/usage-cpu"
"""Annotation of a pod: the CPU that it uses, such as ``500m``."""
SCRAPED_AT = "metrics.k8s.io/resource-metrics-path"
"""Annotation of a node: where metrics-server asks for what its pods use."""
GROUP, VERSION = "metrics.k8s.io", "v1beta1"
NAMESPACE, SERVICE = "kube-system", "metrics-server"


def scrape_path(node: str) -> str:
    """Of a node that kwok plays, as its own configuration of metrics has it."""
    return f"/metrics/nodes/{node}/metrics/resource"


def registration(port: int) -> list[dict[str, Any]]:
    """A service that is this machine's port, and the API group that the API server hands on to it."""
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": SERVICE, "namespace": NAMESPACE},
        # endpoints may not be on loopback; a name may
        "spec": {"type": "ExternalName", "externalName": "localhost"},
    }
    group = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": f"{VERSION}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "version": VERSION,
            "service": {"name": SERVICE, "namespace": NAMESPACE, "port": port},
            "insecureSkipTLSVerify": True,
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
        },
    }
    return [service, group]
