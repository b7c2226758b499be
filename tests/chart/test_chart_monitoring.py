"""Alerts and dashboard ask for figures that the operator has, and each alert has a page of what to do."""

from __future__ import annotations

import json
import re

import yaml
from chart_tool import CHART, EVERYTHING, one, render

from voiceclone_operator.metrics import Metrics
from voiceclone_operator.mirror import Mirror

ALERTS = yaml.safe_load((CHART / "files" / "alerts.yaml").read_text(encoding="utf-8"))["groups"][0]["rules"]
DASHBOARD = json.loads((CHART / "files" / "dashboard.json").read_text(encoding="utf-8"))
RUNBOOKS = (CHART.parents[1] / "docs" / "operations.md").read_text(encoding="utf-8")


def exposed() -> set[str]:
    """Every name that a scrape may show."""
    families = list(Metrics(Mirror("clocktrain"), "0").registry.collect())
    endings = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"], "info": ["_info"], "gauge": [""]}
    return {family.name + ending for family in families for ending in endings[family.type]}


def asked(expression: str) -> set[str]:
    return set(re.findall(r"\bclocktrain_[a-z_]+\b", expression))


def test_alerts_ask_for_figures_that_there_are() -> None:
    for alert in ALERTS:
        assert asked(alert["expr"]), alert["alert"]
        assert asked(alert["expr"]) <= exposed(), alert["alert"]


def test_panels_ask_for_figures_that_there_are_and_say_what_they_answer() -> None:
    panels = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
    for panel in panels:
        for target in panel["targets"]:
            assert asked(target["expr"]) <= exposed(), panel["title"]
            assert asked(target["expr"]), panel["title"]
        assert "?" in panel["description"], panel["title"]
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_every_figure_is_shown_or_alerted_on() -> None:
    used = {name for alert in ALERTS for name in asked(alert["expr"])}
    used |= {
        name for panel in DASHBOARD["panels"] for target in panel.get("targets", []) for name in asked(target["expr"])
    }
    families = {re.sub(r"_(bucket|sum|count|total|info)$", "", name) for name in exposed()}
    unused = families - {re.sub(r"_(bucket|sum|count|total|info)$", "", name) for name in used}
    # a time stamp that every change moves: too restless for a curve, and read by hand
    assert unused == {"clocktrain_operator_last_change_timestamp_seconds"}


def test_every_alert_has_a_runbook_under_its_name() -> None:
    headings = {found.lower() for found in re.findall(r"^### (\w+)$", RUNBOOKS, flags=re.MULTILINE)}
    for alert in ALERTS:
        anchor = alert["annotations"]["runbook_url"].partition("#")[2]
        assert anchor == alert["alert"].lower()
        assert anchor in headings


def test_the_chart_gives_alerts_and_dashboard_as_they_are() -> None:
    objects = render(EVERYTHING)
    rules = one(objects, "PrometheusRule")["spec"]["groups"][0]["rules"]
    assert [rule["alert"] for rule in rules] == [alert["alert"] for alert in ALERTS]
    assert rules[0]["annotations"]["runbook_url"] == "docs/operations.md#clocktrainoperatorabsent"
    assert "{{ $labels.namespace }}" in next(
        rule["annotations"]["summary"] for rule in rules if rule["alert"] == "ClockTrainClonesFailed"
    ), "Prometheus' own templates reach it untouched"
    assert json.loads(one(objects, "ConfigMap", "dashboard")["data"]["clocktrain.json"]) == DASHBOARD
    monitor = one(objects, "ServiceMonitor", "operator")
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    service = one(objects, "Service", "operator")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
