"""Helm as the tests call it: what a chart renders as objects, and what it says where it refuses."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import yaml

from assets.build import program

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "clocktrain"
LIMIT_S = 240
Object = dict[str, Any]
S3 = {"storage": {"bundled": {"enabled": True, "image": "localhost/minio:1"}}}
EVERYTHING: Object = {
    **S3,
    "operator": {"replicas": 2, "nodeSelector": {"a": "b"}, "priorityClassName": "high"},
    "mlflow": {"artifactsDestination": "s3://clocktrain/mlflow"},
    "monitoring": {
        "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
        "rules": {"enabled": True},
        "dashboard": {"enabled": True},
    },
    "gateway": {
        "enabled": True,
        "tls": {"secretName": "door-tls"},
        "lexicons": {"acme": "lexicons-of-acme", "Studio_1": "lexicons"},
        "traces": "http://collector.example:4318",
        "textPolicy": "what-may-be-said",
        "shipLog": "s3://clocktrain-log",
        "listening": {"enabled": True, "trackingSecretName": "tracking"},
    },
    "triton": {
        "enabled": True,
        "voices": ["s3://clocktrain/voices/bundles/d1"],
        "keysSecretName": "keys",
        "disruptionBudget": {"enabled": True},
    },
    "extraObjects": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "extra"}}],
}
"""Every switch that renders something."""
DATABASE = {"url": "postgresql://ct@db:5432/ct", "existingSecret": "accounts"}


def several(**gateway: Any) -> Object:
    """Gateways that share a database."""
    triton = {"enabled": True, "keysSecretName": "keys"}
    return {**S3, "triton": triton, "gateway": {"enabled": True, "tls": {"plaintext": True}, **gateway}}


class HelmRefused(AssertionError):
    """Helm failed; its text is what Helm said."""


def helm(*words: str, values: Object | None = None, kubeconfig: Path | None = None) -> str:
    """What Helm prints.

    Raises:
        HelmRefused: it failed.
    """
    given = [] if values is None else ["--values", "-"]
    environment = {**os.environ, **({"KUBECONFIG": str(kubeconfig)} if kubeconfig else {"KUBECONFIG": "/nowhere"})}
    done = subprocess.run(
        [str(program("helm")), *words, *given],
        input=None if values is None else json.dumps(values),
        env=environment,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    if done.returncode != 0:
        raise HelmRefused(done.stderr.strip())
    return done.stdout


def render(values: Object | None = None, *, release: str = "clocktrain", namespace: str = "clocktrain") -> list[Object]:
    """The objects of an install, hooks too."""
    text = helm("template", release, str(CHART), "--namespace", namespace, values=values or {})
    return [found for found in yaml.safe_load_all(text) if found]


def notes(values: Object | None = None) -> str:
    """What an install ends by saying."""
    return render_with_notes(values)[1]


def render_with_notes(values: Object | None = None) -> tuple[list[Object], str]:
    """Objects and notes; Helm tells notes to a cluster only, so that a copied chart renders them as an object."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "clocktrain"
        shutil.copytree(CHART, copy)
        text = 'kind: Notes\ntext: {{ include (print .Template.BasePath "/NOTES.txt") . | toJson }}\n'
        (copy / "templates" / "notes-as-object.yaml").write_text(text, encoding="utf-8")
        found = helm("template", "clocktrain", str(copy), "--namespace", "clocktrain", values=values or {})
    objects = [each for each in yaml.safe_load_all(found) if each]
    (said,) = [each["text"] for each in objects if each["kind"] == "Notes"]
    return [each for each in objects if each["kind"] != "Notes"], said


def one(objects: list[Object], kind: str, ending: str = "") -> Object:
    """The only object of a kind whose name ends so."""
    found = [each for each in objects if each["kind"] == kind and each["metadata"]["name"].endswith(ending)]
    assert len(found) == 1, [each["metadata"]["name"] for each in found]
    return found[0]


def pod_templates(objects: list[Object]) -> dict[str, Object]:
    """Name → pod spec, of everything that makes pods."""
    specs = {}
    for each in objects:
        if each["kind"] in ("Deployment", "Job"):
            specs[f"{each['kind']}/{each['metadata']['name']}"] = each["spec"]["template"]["spec"]
        elif each["kind"] == "Pod":
            specs[f"Pod/{each['metadata']['name']}"] = each["spec"]
    return specs
