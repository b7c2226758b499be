"""Every value changes something that is rendered: one that nobody reads would be a promise that nobody keeps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from chart_tool import DATABASE, EVERYTHING, Object, render_with_notes
from pydantic import BaseModel

from chart_values import Values

OTHER: dict[str, Any] = {
    "global": {"imageRegistry": "elsewhere"},
    "operator.replicas": 1,
    "operator.deletionDeadlineSeconds": 901,
    "operator.image.digest": f"sha256:{'b' * 64}",
    "operator.image.pullPolicy": "Always",
    "operator.logLevel": "debug",
    "operator.serviceAccount.create": False,
    "mlflow.image.digest": f"sha256:{'b' * 64}",
    "mlflow.image.pullPolicy": "Never",
    "mlflow.workers": 3,
    "mlflow.artifactsDestination": "s3://other/place",
    "mlflow.externalURL": "https://mlflow.example",
    "mlflow.persistence.size": "11Gi",
    "triton.image.digest": f"sha256:{'b' * 64}",
    "triton.image.pullPolicy": "Always",
    "gateway.image.digest": f"sha256:{'b' * 64}",
    "gateway.image.pullPolicy": "Always",
    "gateway.persistence.size": "3Gi",
    "triton.resident": 9,
    "triton.voices": ["s3://clocktrain/voices/bundles/d2"],
    "gateway.accounts.url": "postgresql://ct@other/ct",
    "gateway.replicas": 2,
    "gateway.autoscaling.minReplicas": 3,
    "gateway.autoscaling.maxReplicas": 7,
    "gateway.autoscaling.targetCPUUtilizationPercentage": 50,
    "gateway.topologySpreadConstraints": [{"topologyKey": "zone"}],
    "gateway.traces": "https://other.example",
    "gateway.shipLog": "s3://other-log",
    "gateway.listening.persistence.size": "3Gi",
    "triton.persistence.size": "3Gi",
    "triton.sharedMemory": "512Mi",
    "storage.bucket": "other",
    "storage.endpointURL": "https://s3.example",
    "storage.bundled.image": "other:1",
    "storage.bundled.persistence.size": "51Gi",
    "imagePullSecrets": [{"name": "pull"}],
    "extraObjects": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "another"}}],
}
SEVERAL = {"accounts": DATABASE, "replicas": 3, "listening": {"persistence": {"existingClaim": "shared"}}}
SCALED = {**SEVERAL, "autoscaling": {"enabled": True}}
BESIDE: dict[str, Object] = {
    # each is read only beside these
    "storage.endpointURL": {"storage": {"bundled": {"enabled": False}, "secretName": "mine"}},
    "storage.bundled.enabled": {
        "mlflow": {"artifactsDestination": ""},
        "triton": {"enabled": False},
        "gateway": {"enabled": False},
    },
    "triton.enabled": {"gateway": {"enabled": False}},
    "gateway.accounts.url": {"gateway": {"accounts": {"existingSecret": "accounts"}}},
    "gateway.replicas": {"gateway": SEVERAL},
    "gateway.autoscaling.enabled": {"gateway": SEVERAL},
    "gateway.autoscaling.minReplicas": {"gateway": SCALED},
    "gateway.autoscaling.maxReplicas": {"gateway": SCALED},
    "gateway.autoscaling.targetCPUUtilizationPercentage": {"gateway": SCALED},
    "gateway.topologySpreadConstraints": {"gateway": SEVERAL},
    "triton.keysSecretName": {"gateway": {"enabled": False}},
    "triton.resident": {"gateway": {"enabled": False}},
    "storage.secretName": {
        "storage": {"bundled": {"enabled": False}},
        "mlflow": {"artifactsDestination": ""},
        "triton": {"enabled": False},
        "gateway": {"enabled": False},
    },
    "mlflow.enabled": {"gateway": {"listening": {"trackingSecretName": ""}}},
    "mlflow.externalURL": {"mlflow": {"enabled": False}, "gateway": {"listening": {"trackingSecretName": ""}}},
    "operator.serviceAccount.create": {"operator": {"serviceAccount": {"name": "mine"}}},
    "mlflow.backendStore.secretKey": {"mlflow": {"backendStore": {"secretName": "database"}}},
    "operator.image.tag": {"operator": {"image": {"digest": ""}}},
}
REFUSED = {"kuberay.bundled", "gateway.tls.plaintext"}
"""Alone, or beside what EVERYTHING has; test_chart_values.py and test_chart_rendering.py hold them."""


def leaves(section: BaseModel, path: str = "") -> Iterator[tuple[str, Any]]:
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        here = f"{path}.{field.alias or name}".lstrip(".")
        if isinstance(value, BaseModel):
            yield from leaves(value, here)
        else:
            yield here, value


def another(path: str, value: Any) -> Any:
    if path in OTHER:
        return OTHER[path]
    if isinstance(value, bool):
        return not current(path, value)
    if isinstance(value, dict):
        return {"key": "changed"}
    if isinstance(value, list):
        return [{"key": "changed"}] if path.endswith("tolerations") else ["changed"]
    return "changed"


def current(path: str, default: Any) -> Any:
    found: Any = EVERYTHING
    for word in path.split("."):
        if not isinstance(found, dict) or word not in found:
            return default
        found = found[word]
    return found


def merged(first: Object, second: Object) -> Object:
    both = {**first, **second}
    return {
        key: merged(first[key], second[key])
        if isinstance(first.get(key), dict) and isinstance(second.get(key), dict)
        else value
        for key, value in both.items()
    }


def nested(path: str, value: Any) -> Object:
    for word in reversed(path.split(".")):
        value = {word: value}
    return value


@cache
def shown(values: str) -> str:
    """Objects and notes for values in JSON, without what is random."""
    objects, said = render_with_notes(json.loads(values))
    kept = [each["metadata"]["name"] if each["kind"] == "Secret" else each for each in objects]
    return f"{kept}{said}"


PATHS = [(path, value) for path, value in leaves(Values()) if path not in REFUSED]


@pytest.mark.parametrize(("path", "value"), PATHS, ids=[path for path, _ in PATHS])
def test_a_value_changes_what_is_rendered(path: str, value: Any) -> None:
    before = merged(EVERYTHING, BESIDE.get(path, {}))
    after = merged(before, nested(path, another(path, value)))
    assert shown(json.dumps(after)) != shown(json.dumps(before))
