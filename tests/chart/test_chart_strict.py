"""Everything that the chart renders, judged by a real API server: no unknown field, no wrong type, no bad value."""

from __future__ import annotations

import json
from typing import Any

import pytest
from chart_release import NAMESPACE, Release
from chart_tool import S3, Object, render
from test_chart_values import GOOD

pytestmark = [pytest.mark.ring3, pytest.mark.timeout(300)]
NOT_SERVED = {"ServiceMonitor", "PrometheusRule"}
"""Kinds of Prometheus' operator, which a cluster may lack; a switch renders them."""


def as_template(each: Object) -> Object:
    """A pod as a template of itself: admission looks for its account, which a dry run has not kept."""
    if each["kind"] != "Pod":
        return each
    metadata, own = each["metadata"], ("labels", "annotations")
    template = {"metadata": {name: metadata[name] for name in own if name in metadata}, "spec": each["spec"]}
    return {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": metadata["name"]}, "template": template}


def dry_run(release: Release, objects: list[Object]) -> str:
    """Server-side apply of all of them, of which nothing is kept."""
    manifests = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    words = ["apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict"]
    return release.plane.kubectl(*words, "--namespace", NAMESPACE, "-f", "-", given=manifests)


@pytest.mark.parametrize("values", [S3, *GOOD], ids=[str(values)[:60] for values in [S3, *GOOD]])
def test_what_is_rendered_is_taken_strictly(release: Release, values: dict[str, Any]) -> None:
    objects = render(values)
    judged = [as_template(each) for each in objects if each["kind"] not in NOT_SERVED]
    said = dry_run(release, judged).splitlines()
    assert len([line for line in said if "serverside-applied (server dry run)" in line]) == len(judged)


def test_a_field_that_does_not_exist_is_refused(release: Release) -> None:
    """The judge judges: a mistake of the usual kind does not pass it."""
    objects = render(S3)
    deployment = next(each for each in objects if each["kind"] == "Deployment")
    deployment["spec"]["template"]["spec"]["containers"][0]["resourcs"] = {}
    with pytest.raises(Exception, match="resourcs"):
        dry_run(release, [deployment])
