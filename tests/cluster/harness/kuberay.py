"""KubeRay from its own module's files: its kinds, its role, and its operator as a pod of a real cluster."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from assets.build import folder as asset_folder
from harness.api import Api, ApiError
from harness.waiting import eventually

NAMESPACE = "ray-system"
SERVED_LIMIT_S = 120.0
_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def apply_kinds(api: Api) -> None:
    """Apply KubeRay's CRDs and wait until they are served; an operator that starts earlier looks again after 10 s."""
    plurals = set()
    for path in sorted((_files() / "crd" / "bases").glob("ray.io_*.yaml")):
        plural = path.stem.removeprefix("ray.io_")
        api.apply(f"{_DEFINITIONS}/{plural}.ray.io", path.read_bytes())
        plurals.add(plural)
    eventually(lambda: plurals <= _served(api), timeout_s=SERVED_LIMIT_S, what=f"{sorted(plurals)} of ray.io served")


def role() -> bytes:
    """What its operator may do, as YAML."""
    return (_files() / "rbac" / "role.yaml").read_bytes()


def write_overlay(folder: Path, image: str) -> Path:
    """Write a kustomization of the module's own manifests, changed only where an image from nothing asks for it.

    Args:
        image: holds the operator as ``/bin/ray-operator``.
    """
    for name in ("manager", "rbac"):
        shutil.copytree(_files() / name, folder / name)
    name, _, tag = image.rpartition(":")
    container = "/spec/template/spec/containers/0"
    changes: list[dict[str, Any]] = [
        {"op": "replace", "path": f"{container}/command", "value": ["/bin/ray-operator"]},
        {"op": "add", "path": f"{container}/imagePullPolicy", "value": "Never"},
        # runAsNonRoot needs a number where the image names no user.
        {"op": "add", "path": "/spec/template/spec/securityContext/runAsUser", "value": 65532},
        # A limit of a tenth of a core would make a cluster of two cores wait for it.
        {
            "op": "replace",
            "path": f"{container}/resources",
            "value": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
        },
    ]
    target = {"kind": "Deployment", "name": "kuberay-operator"}
    overlay = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": NAMESPACE,
        "resources": ["rbac", "manager"],
        "images": [{"name": "kuberay/operator", "newName": name, "newTag": tag}],
        "patches": [{"target": target, "patch": json.dumps(changes)}],
    }
    (folder / "kustomization.yaml").write_text(json.dumps(overlay), encoding="utf-8")
    return folder


def _files() -> Path:
    return asset_folder("kuberay-files") / "config"


def _served(api: Api) -> set[str]:
    try:
        return {resource["name"] for resource in api.get("/apis/ray.io/v1")["resources"]}
    except ApiError:
        return set()
