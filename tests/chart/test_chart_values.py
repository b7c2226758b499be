"""Values that make no sense are refused before anything is installed, with the place and the reason."""

from __future__ import annotations

from typing import Any

import pytest
from chart_tool import CHART, EVERYTHING, HelmRefused, helm, one, render

BAD: list[tuple[dict[str, Any], str]] = [
    ({"operatr": {}}, "operatr"),
    ({"operator": {"replica": 2}}, "replica"),
    ({"operator": {"replicas": 3}}, "replicas"),
    ({"operator": {"replicas": "1"}}, "replicas"),
    ({"operator": {"logLevel": "loud"}}, "logLevel"),
    ({"operator": {"image": {"digest": "latest"}}}, "digest"),
    ({"operator": {"deletionDeadlineSeconds": 5}}, "deletionDeadlineSeconds"),
    ({"kuberay": {"namespace": "Kube Ray"}}, "namespace"),
    ({"storage": {"bucket": "My_Bucket"}}, "bucket"),
    ({"storage": {"endpointURL": "store:9000"}}, "endpointURL"),
    ({"mlflow": {"persistence": {"size": "much"}}}, "size"),
    ({"mlflow": {"artifactsDestination": "/tmp"}}, "artifactsDestination"),
    ({"crds": {"enabled": "yes"}}, "enabled"),
    ({"storage": {"bundled": {"enabled": True}}}, "storage.bundled.image must name an image"),
    ({"mlflow": {"artifactsDestination": "s3://clocktrain/mlflow"}}, "needs storage.secretName"),
    ({"mlflow": {"externalURL": "https://mlflow.example"}}, "exclude each other"),
    (
        {"storage": {"endpointURL": "http://s3:9000", "bundled": {"enabled": True, "image": "a:1"}}},
        "exclude each other",
    ),
    ({"kuberay": {"bundled": True}}, "vendor it, or install KubeRay by itself"),
    ({"operator": {"serviceAccount": {"create": False}}}, "operator.serviceAccount.name must name an account"),
]
GOOD: list[dict[str, Any]] = [
    {},
    EVERYTHING,
    # what parent charts put there
    {"global": {"imageRegistry": "registry.example", "storageClass": "fast", "anything": {"at": ["all"]}}},
    {"enabled": True},
    {"mlflow": {"enabled": False, "externalURL": "https://mlflow.example"}},
    {"crds": {"keep": False}, "roles": {"create": False}, "networkPolicy": {"enabled": False}},
    {"storage": {"endpointURL": "https://s3.example", "secretName": "platform"}},
    {"policies": {"namespaces": {"enabled": False}, "consentDeletion": {"enabled": False}}, "test": {"enabled": False}},
    {"operator": {"serviceAccount": {"create": False, "name": "mine"}}},
]


@pytest.mark.parametrize(("values", "said"), BAD, ids=[str(values)[:60] for values, _ in BAD])
def test_a_bad_value_is_refused_by_name(values: dict[str, Any], said: str) -> None:
    with pytest.raises(HelmRefused) as refused:
        render(values)
    assert said in str(refused.value)


@pytest.mark.parametrize("values", GOOD, ids=[str(values)[:60] for values in GOOD])
def test_a_good_value_lints_and_renders(values: dict[str, Any]) -> None:
    helm("lint", str(CHART), "--strict", values=values)
    assert one(render(values), "Deployment", "operator")
