"""The chart judged by a manifest linter that nobody here wrote: kube-score. What is not kept has its reason."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
import yaml
from chart_tool import EVERYTHING, S3, Object, render
from test_chart_values import GOOD

from assets.build import program

LIMIT_S = 60
EXCEPTIONS = {
    "container-image-pull-policy": "images are named by version or digest, and nodes without a registry keep them",
    "deployment-has-host-podantiaffinity": "topologySpreadConstraints do the same",
    "deployment-replicas": "one operator with a Lease, one MLflow on its volume; the values of the operator take two",
    "deployment-strategy": "what writes to a volume may not be there twice: Recreate",
    "pod-networkpolicy": "egress too is asked for: where storage, API server and registry are is the admin's",
}
"""Check → why the chart does otherwise. `test_every_pod_is_closed_to_callers` has the half of the last that holds."""
CPU = "CPU limit is not set"
"""A limit of CPU makes a pod wait for nothing while cores are idle; requests share them out."""

ALMOST_WELL = 7
"""kube-score's grades: 1 critical, 5 warning, 7 almost well, 10 well."""


def complaints(objects: list[Object], *ignored: str) -> list[str]:
    """What kube-score finds that is worse than well."""
    words = [str(program("kube-score")), "score", "--kubernetes-version=v1.36", "--output-format=json", "-"]
    words += [word for check in ignored for word in ("--ignore-test", check)]
    given = yaml.safe_dump_all(objects)
    done = subprocess.run(words, input=given, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode in (0, 1), done.stderr
    return [
        f"{found['object_name']}: {check['check']['id']}: {comment['path']} {comment['summary']}"
        for found in json.loads(done.stdout)
        for check in found["checks"]
        if not check["skipped"] and check["grade"] < ALMOST_WELL
        for comment in check["comments"] or []
        if comment["summary"] != CPU
    ]


@pytest.mark.parametrize("values", [S3, *GOOD], ids=[str(values)[:60] for values in [S3, *GOOD]])
def test_a_linter_finds_nothing(values: dict[str, Any]) -> None:
    assert complaints(render(values), *EXCEPTIONS) == []


@pytest.mark.parametrize("check", EXCEPTIONS)
def test_no_exception_is_left_that_nothing_needs(check: str) -> None:
    others = [name for name in EXCEPTIONS if name != check]
    assert any(f": {check}:" in found for values in (S3, EVERYTHING) for found in complaints(render(values), *others))


def test_every_pod_is_closed_to_callers() -> None:
    objects = render(S3)
    closed = [each["spec"]["podSelector"]["matchLabels"] for each in objects if each["kind"] == "NetworkPolicy"]
    pods = [each for each in objects if each["kind"] in ("Deployment", "Pod")]
    assert len(pods) == 4
    for each in pods:
        labels = (each if each["kind"] == "Pod" else each["spec"]["template"])["metadata"]["labels"]
        assert any(selector.items() <= labels.items() for selector in closed), each["metadata"]["name"]


def test_the_linter_lints() -> None:
    objects = render(S3)
    deployment = next(each for each in objects if each["kind"] == "Deployment")
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    container["image"] = "registry.example/operator:latest"
    del container["resources"]["limits"]
    found = " ".join(complaints(objects, *EXCEPTIONS))
    assert "latest" in found and "Memory limit is not set" in found
