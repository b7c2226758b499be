"""Nodes that kwok plays: real objects with real capacity to the scheduler, and no machine behind them."""

from __future__ import annotations

from typing import Any

from harness.load import SCRAPED_AT, scrape_path

ACCELERATOR_LABEL = "clocktrain.dev/accelerator"
CLASSES: dict[str, dict[str, str]] = {
    "nvidia-t4": {"cpu": "8", "memory": "32Gi", "nvidia.com/gpu": "1"},
    "nvidia-a100": {"cpu": "32", "memory": "128Gi", "nvidia.com/gpu": "1"},
    "cpu": {"cpu": "16", "memory": "64Gi"},
}
"""Accelerator class → what such a node offers."""
PODS = "110"
DISK = "500Gi"


def node(accelerator: str, number: int) -> dict[str, Any]:
    """A node of a class; kwok makes it Ready and runs what is bound to it."""
    name = f"{accelerator}-{number}"
    offered = {**CLASSES[accelerator], "pods": PODS, "ephemeral-storage": DISK}
    labels = {
        ACCELERATOR_LABEL: accelerator,
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "topology.kubernetes.io/zone": f"zone-{number % 3}",
        "type": "kwok",
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": labels,
            "annotations": {"kwok.x-k8s.io/node": "fake", SCRAPED_AT: scrape_path(name)},
        },
        "status": {"capacity": offered, "allocatable": offered},
    }
