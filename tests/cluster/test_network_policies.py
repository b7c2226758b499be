"""What the enforcer of the real cluster makes of NetworkPolicies; live traffic is in e2e."""

from __future__ import annotations

from typing import Any

import pytest

from harness.network_policies import TOP, matches, node_chains

NAMESPACES = {"voices": {"team": "voices"}, "other": {"team": "other"}}


def pod(name: str, address: str, namespace: str = "voices", **labels: str) -> dict[str, Any]:
    ports = [{"name": "metrics", "containerPort": 9400}]
    return {
        "metadata": {"name": name, "namespace": namespace, "uid": f"uid-{name}", "labels": labels},
        "spec": {"nodeName": "node1", "containers": [{"ports": ports}]},
        "status": {"podIP": address, "phase": "Running"},
    }


PODS = [pod("head", "10.1.1.1", app="ray"), pod("worker", "10.1.1.2", app="ray"), pod("alien", "10.1.1.3", "other")]


def policy(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": "voices"}, "spec": spec}


def rules(*policies: dict[str, Any]) -> dict[str, list[str]]:
    """Pod address and direction → what its chain says."""
    chains = node_chains("node1", PODS, NAMESPACES, policies)
    jumps = [rule.split() for rule in chains[TOP][1:]]
    return {f"{flag} {address}": chains[chain] for flag, address, _, chain in jumps}


def test_a_pod_that_no_policy_selects_has_no_rule() -> None:
    assert rules() == {}
    assert rules(policy(podSelector={"matchLabels": {"app": "elsewhere"}})) == {}


def test_a_policy_without_rules_closes_its_namespace_only() -> None:
    closed = rules(policy(podSelector={}, policyTypes=["Ingress", "Egress"]))
    assert closed == {f"{flag} 10.1.1.{number}/32": ["-j DROP"] for number in (1, 2) for flag in ("-d", "-s")}


def test_peers_ports_and_names_open_what_they_say() -> None:
    opened = rules(
        policy(
            podSelector={"matchLabels": {"app": "ray"}},
            ingress=[
                {"from": [{"podSelector": {"matchLabels": {"app": "ray"}}}]},
                {
                    "from": [{"namespaceSelector": {"matchLabels": {"team": "other"}}}],
                    "ports": [{"port": "metrics"}, {"port": 8000, "endPort": 8010, "protocol": "UDP"}],
                },
            ],
        )
    )
    assert opened["-d 10.1.1.1/32"] == [
        "-s 10.1.1.1/32 -j RETURN",
        "-s 10.1.1.2/32 -j RETURN",
        "-s 10.1.1.3/32 -p tcp --dport 9400 -j RETURN",
        "-s 10.1.1.3/32 -p udp --dport 8000:8010 -j RETURN",
        "-j DROP",
    ]
    assert "-s 10.1.1.1/32" not in opened, "egress was not named"


def test_an_address_block_leaves_out_its_exceptions() -> None:
    block = {"ipBlock": {"cidr": "10.0.0.0/30", "except": ["10.0.0.1/32"]}}
    opened = rules(policy(podSelector={}, policyTypes=["Egress"], egress=[{"to": [block]}]))
    assert opened["-s 10.1.1.1/32"] == ["-d 10.0.0.0/32 -j RETURN", "-d 10.0.0.2/31 -j RETURN", "-j DROP"]


def test_a_named_port_that_the_target_lacks_opens_nothing() -> None:
    opened = rules(policy(podSelector={}, ingress=[{"ports": [{"port": "unknown"}]}]))
    assert opened["-d 10.1.1.1/32"] == ["-j DROP"]


@pytest.mark.parametrize(
    ("selector", "selects"),
    [
        (None, False),
        ({}, True),
        ({"matchLabels": {"a": "1"}}, True),
        ({"matchLabels": {"a": "2"}}, False),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1"]}]}, True),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, False),
        ({"matchExpressions": [{"key": "b", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "b", "operator": "DoesNotExist"}]}, True),
    ],
)
def test_selectors_select_as_kubernetes_does(selector: dict[str, Any] | None, selects: bool) -> None:
    assert matches(selector, {"a": "1"}) is selects
