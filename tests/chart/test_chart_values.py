"""Values that make no sense are refused before anything is installed, with the place and the reason."""

from __future__ import annotations

from typing import Any

import pytest
from chart_tool import CHART, DATABASE, EVERYTHING, HelmRefused, helm, one, render, several
from deployment_values import PRIVATE_CLOUD, SERVICE

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
    ({"gateway": {"enabled": True}}, "gateway.enabled needs triton.enabled"),
    (
        {
            "storage": {"secretName": "s"},
            "triton": {"enabled": True, "voices": ["s3://b/bundles/d"]},
            "gateway": {"enabled": True, "tls": {"plaintext": True}},
        },
        "gateway.enabled needs triton.keysSecretName",
    ),
    ({"triton": {"enabled": True}, "storage": {"secretName": "s"}}, "needs gateway.tls.secretName, or gateway.tls.pl"),
    ({"gateway": {"tls": {"plaintext": True, "secretName": "tls"}}}, "exclude each other"),
    ({"gateway": {"accounts": {"url": "postgresql://ct@db/ct"}}}, "gateway.accounts.existingSecret"),
    ({"gateway": {"accounts": {"url": "postgresql://ct:password@db/ct", "existingSecret": "s"}}}, "url"),
    ({"gateway": {"accounts": {"url": "mysql://ct@db/ct", "existingSecret": "s"}}}, "url"),
    (
        {"triton": {"enabled": True, "voices": ["s3://b/bundles/d"]}, "gateway": {"tls": {"plaintext": True}}},
        "triton.secretName or storage.secretName",
    ),
    ({"triton": {"enabled": True, "voices": ["voices/d"]}}, "voices"),
    (several(replicas=2), "gateway.replicas above 1 and gateway.autoscaling need gateway.accounts.url"),
    (several(autoscaling={"enabled": True}), "gateway.replicas above 1 and gateway.autoscaling need gateway.accounts"),
    (several(replicas=33), "replicas"),
    (
        several(accounts=DATABASE, autoscaling={"enabled": True, "minReplicas": 4, "maxReplicas": 3}),
        "gateway.autoscaling.minReplicas is above maxReplicas",
    ),
    (several(autoscaling={"targetCPUUtilizationPercentage": 100}), "targetCPUUtilizationPercentage"),
    (
        several(accounts=DATABASE, autoscaling={"enabled": True}, resources={"requests": {"cpu": None}}),
        "gateway.autoscaling needs gateway.resources.requests.cpu",
    ),
    (
        several(accounts=DATABASE, replicas=2, listening={"enabled": True}),
        "gateway.listening with several gateways needs gateway.listening.persistence.existingClaim",
    ),
    (
        several(listening={"enabled": True, "trackingSecretName": "s"}) | {"mlflow": {"enabled": False}},
        "gateway.listening.trackingSecretName needs mlflow.enabled or mlflow.externalURL",
    ),
    (several(lexicons={"a/b": "lexicons"}), "lexicons"),
    (several(traces="collector:4318"), "traces"),
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
    PRIVATE_CLOUD,
    SERVICE,
    several(accounts=DATABASE, replicas=3),
    several(
        accounts=DATABASE,
        autoscaling={"enabled": True, "minReplicas": 2, "maxReplicas": 5, "targetCPUUtilizationPercentage": 60},
        listening={"enabled": True, "persistence": {"existingClaim": "shared"}},
    ),
    # the doors in Triton's pod, with a database and a certificate
    {
        "storage": {"endpointURL": "https://s3.example", "secretName": "platform"},
        "triton": {"enabled": True},
        "gateway": {
            "tls": {"secretName": "door-tls"},
            "accounts": {"url": "postgresql://ct@db:5432/ct?sslmode=require", "existingSecret": "accounts"},
        },
    },
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
