"""How kwok plays nodes and pods: its own fast stages, less haste with Ray jobs, and a pod whose image cannot be had."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

MISSING_IMAGE = "registry.test/missing:1"
"""A pod with this image hangs in ImagePullBackOff, as kubelet would show it."""
SUBMITTER = "ray-job-submitter"
"""KubeRay's container that waits for a Ray job; it runs until a test ends the job, where other Jobs succeed at once."""
_OWN_STAGES = (
    "node/fast/node-initialize.yaml",
    "node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
    "pod/fast/pod-ready.yaml",
    "pod/fast/pod-complete.yaml",
    "pod/fast/pod-delete.yaml",
)
_USAGE = ("resource/metrics-resource.yaml", "usage/usage-from-annotation.yaml")
"""What kwok's nodes tell of their pods' use, which is what an annotation of the pod says."""
_IMAGE = ".spec.containers.[].image"


def write_stages(path: Path, kwok_files: Path) -> Path:
    """Write kwok's configuration from the stages that its module ships."""
    stages = [_read(kwok_files / "kustomize" / "stage" / name) for name in _OWN_STAGES]
    ready = next(stage for stage in stages if stage["metadata"]["name"] == "pod-ready")
    wanted = ready["spec"]["selector"]["matchExpressions"]
    stages.append(_image_missing(list(wanted)))
    complete = next(stage for stage in stages if stage["metadata"]["name"] == "pod-complete")
    complete["spec"]["selector"]["matchExpressions"].append(
        {"key": ".spec.containers.[].name", "operator": "NotIn", "values": [SUBMITTER]}
    )
    wanted.append({"key": _IMAGE, "operator": "NotIn", "values": [MISSING_IMAGE]})
    usage = [_read(kwok_files / "kustomize" / "metrics" / name) for name in _USAGE]
    path.write_text(yaml.safe_dump_all([*stages, *usage]), encoding="utf-8")
    return path


def _image_missing(wanted: list[dict[str, Any]]) -> dict[str, Any]:
    waiting = ".status.containerStatuses.[].state.waiting.reason"
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": "pod-image-missing"},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": "Pod"},
            "selector": {
                "matchExpressions": [
                    *wanted,
                    {"key": _IMAGE, "operator": "In", "values": [MISSING_IMAGE]},
                    {"key": waiting, "operator": "NotIn", "values": ["ImagePullBackOff"]},
                ]
            },
            "next": {"statusTemplate": _IMAGE_MISSING_STATUS},
        },
    }


_IMAGE_MISSING_STATUS = """\
containerStatuses:
{{ range .spec.containers }}
- image: {{ .image | Quote }}
  imageID: ""
  name: {{ .name | Quote }}
  ready: false
  restartCount: 0
  state:
    waiting:
      reason: ImagePullBackOff
      message: {{ printf "Back-off pulling image %q" .image | Quote }}
{{ end }}
phase: Pending
"""


def _read(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))
